import { setTimeout as delay } from 'node:timers/promises'
import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Operation, Outcome } from '../backend.ts'
import { mayRepeat } from '../may-repeat.ts'
import { isWrite } from '../operations.ts'
import { type Held, type Settled, settle } from '../settle.ts'
import { checkCommit } from './check.ts'
import type { EtcdOptions } from './client.ts'
import type { Answer, Before, EndpointPool } from './endpoint-pool.ts'
import { CallFailed, readFailure, toStoreError } from './errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { commitWithLease } from './lease.ts'
import { MOST_NESTED_OPERATIONS, type Pending, Queue, weigh } from './queue.ts'
import { nest, type Reading, readResponse, toLookUp, toTransaction, unnest } from './transaction.ts'

/** How many transactions are under way at once; more of them only wait for one another in the server. */
const LANES = 4
/**
 * Milliseconds that a transaction has at least, however long the commits in it waited for their turn:
 * together no more than this above the timeout.
 */
const LEAST = 1_000

/**
 * Milliseconds before a commit is looked up whose answer was lost: it may still be on its way through the
 * server.
 */
const LOOK_UP_PAUSE = 50

/** What is known of the attempts of a batch before this one. */
interface Past {
  /** One of them may have been applied, or may be yet. */
  readonly repeated: boolean
  /** One of them was answered, and may have been applied all the same. */
  readonly mayBeDone: boolean
  /** A revision that the store had before the first of them. */
  readonly since: Revision | undefined
  /** Until when attempts are made, on the monotonic clock, in ms. */
  readonly until?: number
}

/**
 * Commits in flight at the same time share transactions, each with its own guards and outcome.
 *
 * Invariants:
 *  1. A commit is sent as one nested transaction, so it is all or nothing, and fails nobody else's.
 *  2. Of all copies of a commit that are sent at most one takes effect. After an attempt that may have been
 *     applied (its answer was lost, or etcd says that its space is used up) only those commits of a batch are
 *     sent again that {@link mayRepeat}, with the same guards; each of the others is looked up once. An
 *     attempt that surely was not applied is repeated with any commit.
 *  3. What became of the copies is read from the store ({@link settle}). STORE_UNREACHABLE and `committed:
 *     false` are answered only when none of them was applied and none can be later; what does not show is
 *     OUTCOME_UNKNOWN.
 */
export class Committer {
  readonly #link: EndpointPool
  readonly #space: KeyMapper
  readonly #options: EtcdOptions
  readonly #queue = new Queue()
  readonly #underWay = new Set<Promise<void>>()
  #pumping = false
  #lastCall = Number.POSITIVE_INFINITY

  constructor(link: EndpointPool, space: KeyMapper, options: EtcdOptions) {
    this.#link = link
    this.#space = space
    this.#options = options
  }

  commit(operations: readonly Operation[]): Promise<Outcome> {
    const bytes = weigh(operations, this.#options.prefix)
    checkCommit(operations, bytes)
    const alone = operations.length > MOST_NESTED_OPERATIONS || operations.some(hasTtl)
    const expires = performance.now() + this.#options.timeout * 1000
    return new Promise((resolve, reject) => {
      this.#queue.add({ operations, bytes, alone, expires, resolve, reject })
      this.#pumpSoon()
    })
  }

  /**
   * Resolves when every commit so far has been answered; those that are not under way within `ms` are not
   * sent any more.
   */
  async settle(ms: number): Promise<void> {
    this.#lastCall = performance.now() + ms
    while (this.#pumping || this.#underWay.size > 0 || !this.#queue.empty) {
      await (this.#underWay.size > 0 ? Promise.all(this.#underWay) : new Promise(setImmediate))
    }
  }

  /** Once per turn of the event loop, so that all commits made in one turn go out together. */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const now = performance.now()
    const late = this.#queue.expired(now < this.#lastCall ? now : Number.POSITIVE_INFINITY)
    for (const pending of late) pending.reject(unsent(this.#link.endpoints))
    while (this.#underWay.size < LANES) {
      const batch = this.#queue.take()
      if (batch.length === 0) return
      const run = this.#run(batch).finally(() => {
        this.#underWay.delete(run)
        for (const pending of batch) this.#queue.done(pending)
        this.#pumpSoon()
      })
      this.#underWay.add(run)
    }
  }

  /** Answers every commit of a batch; never rejects. */
  async #run(
    batch: readonly Pending[],
    past: Past = { repeated: false, mayBeDone: false, since: this.#link.seen },
  ): Promise<void> {
    const { since } = past
    const until =
      past.until ?? Math.max(Math.min(...batch.map(({ expires }) => expires)), performance.now() + LEAST)
    const repeatable = batch.filter(({ operations }) => mayRepeat(operations))
    try {
      const once = repeatable.length < batch.length
      const { value: readings, repeated } = await this.#send(batch, { repeated: past.repeated, until, once })
      const seen = { ...past, repeated: past.repeated || repeated }
      await Promise.all(readings.map(async (reading, n) => this.#answer(batch[n], reading, seen)))
    } catch (error) {
      const failed = error instanceof CallFailed ? error : undefined
      const full = failed !== undefined && isFull(failed)
      const next = {
        repeated: failed?.repeated ?? past.repeated,
        mayBeDone: past.mayBeDone || full,
        since,
        until,
      }
      const others = batch.filter(pending => !repeatable.includes(pending))
      if (full && batch.length > 1) {
        // One of them may fit where all do not.
        await Promise.all([
          ...repeatable.map(one => this.#run([one], next)),
          ...others.map(one => this.#lookUp(one, error, next)),
        ])
      } else if (failed?.failure.kind === 'refused' && batch.length > 1) {
        // The transaction was refused as a whole, perhaps because of one of them only.
        await Promise.all(batch.map(one => this.#run([one], next)))
      } else if (failed?.repeated && others.length > 0) {
        const again = repeatable.length > 0 ? [this.#run(repeatable, next)] : []
        await Promise.all([...again, ...others.map(one => this.#lookUp(one, error, next))])
      } else if (full) await Promise.all(batch.map(one => this.#lookUp(one, error, next)))
      else for (const pending of batch) pending.reject(this.#translate(error, pending))
    }
  }

  /**
   * Answers a commit by what the store shows of it, else by the error that left it in doubt; never rejects.
   */
  async #lookUp(
    pending: Pending,
    doubt: unknown,
    { since, until }: Past & { readonly until: number },
  ): Promise<void> {
    const { operations } = pending
    try {
      await delay(LOOK_UP_PAUSE)
      const request = toLookUp(this.#space, operations)
      const { value } = await this.#link.call((client, options) => client.kv.txn(request, options), {
        repeated: false,
        until,
      })
      const { held, revision } = readResponse(this.#space, operations, value, BigInt(value.header.revision))
      const settled = await this.#settle(operations, { entries: held, revision, since })
      if (typeof settled === 'object') pending.resolve(settled)
      // An attempt that was answered is not under way any more.
      else if (settled === 'not applied') pending.reject(this.#translate(doubt, pending))
      else pending.reject(this.#unknown(doubt, pending))
    } catch (error) {
      pending.reject(this.#unknown(error, pending))
    }
  }

  async #send(batch: readonly Pending[], before: Before): Promise<Answer<readonly Reading[]>> {
    const [first] = batch
    if (first && batch.length === 1 && first.operations.some(hasTtl)) {
      const { value, repeated } = await commitWithLease(this.#link, this.#space, first.operations, before)
      return { value: [value], repeated }
    }
    const request = nest(
      this.#space,
      batch.map(({ operations }) => toTransaction(this.#space, operations)),
    )
    const answer = await this.#link.call((client, options) => client.kv.txn(request, options), before)
    const revision = BigInt(answer.value.header.revision)
    const responses = unnest(answer.value, batch.length)
    const readings = batch.map(({ operations }, n) =>
      readResponse(this.#space, operations, needed(responses[n]), revision),
    )
    return { value: readings, repeated: answer.repeated }
  }

  async #answer(
    pending: Pending | undefined,
    { outcome, held, revision }: Reading,
    { repeated, mayBeDone, since }: Past,
  ): Promise<void> {
    if (!pending) return
    try {
      if (outcome.committed || !(repeated || mayBeDone)) return pending.resolve(outcome)
      const settled = await this.#settle(pending.operations, { entries: held, revision, since })
      if (typeof settled === 'object') pending.resolve(settled)
      // No copy is under way any more, so that none can be applied when the guards hold again.
      else if (settled === 'not applied' && !repeated) pending.resolve(outcome)
      else pending.reject(this.#unknown(undefined, pending))
    } catch (error) {
      pending.reject(this.#unknown(error, pending))
    }
  }

  #settle(operations: readonly Operation[], held: Held): Promise<Settled> {
    return settle(operations, held, async (key: Key, at: Revision) => {
      const request = { key: this.#space.address(key), revision: at.toString() }
      const { value } = await this.#link.call((client, options) => client.kv.range(request, options))
      return this.#space.entries(value.kvs)[0]
    })
  }

  #unknown(error: unknown, pending: Pending): SettingsError {
    const { reason } =
      error instanceof CallFailed ? error.failure : error === undefined ? UNTRACED : readFailure(error)
    return this.#translate(
      new CallFailed({ kind: 'unknown', code: 'STORE_UNREACHABLE', reason }, true, error),
      pending,
    )
  }

  #translate(error: unknown, { operations }: Pending): SettingsError {
    const [first, ...others] = operations
    const what = `the commit of ${first?.key}${others.length > 0 ? ` and ${others.length} more` : ''}`
    return toStoreError(error, what, this.#link.endpoints, operations.some(isWrite))
  }
}

const UNTRACED = { reason: 'the current content of the store does not show whether it was applied' }

function isFull({ failure }: CallFailed): boolean {
  return failure.code === 'STORE_FULL'
}

function hasTtl(operation: Operation): boolean {
  return 'put' in operation && operation.ttl !== undefined
}

/** The answer's part for one commit; etcd gives one for each. */
function needed<T>(response: T | undefined): T {
  if (response === undefined)
    throw new SettingsError(
      'INTERNAL_ERROR',
      'etcd returned fewer transaction results than transactions were sent.',
    )
  return response
}

function unsent(endpoints: string): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    `etcd (${endpoints}) does not respond, or responds too slowly: the queue timeout of the commit passed. It was not sent; retry.`,
  )
}
