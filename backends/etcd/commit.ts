import { SettingsError } from '../../model/errors.ts'
import type { Operation, Outcome } from '../backend.ts'
import { checkOperations } from './check.ts'
import type { EtcdOptions } from './client.ts'
import { CallFailed, readFailure, toStoreError } from './errors.ts'
import { commitWithLease } from './lease.ts'
import type { Answer, Link } from './link.ts'
import { MOST_NESTED_OPERATIONS, type Pending, Queue, weigh } from './queue.ts'
import { settle } from './settle.ts'
import type { Space } from './space.ts'
import { isWrite, nest, type Reading, readResponse, toTransaction, unnest } from './transaction.ts'

/** How many transactions are under way at once; more of them only wait for one another in the server. */
const LANES = 4
/** Milliseconds that a transaction has at least, however long the commits in it waited for their turn: together no more than this above the timeout. */
const LEAST = 1_000

/**
 * Commits in flight at the same time share transactions, each with its own guards and outcome.
 *
 * Invariants:
 *  1. A commit is sent as one nested transaction, so it is all or nothing, and fails nobody else's.
 *  2. It may be sent again after an attempt whose answer was lost, always with the same guards. A guard on each key it writes makes the repetition harmless;
 *     what the first attempt did is then read from the store ({@link settle}). A write that expects anything may be applied twice, to the same effect.
 *  3. It is answered STORE_UNREACHABLE only when no attempt can have been applied, OUTCOME_UNKNOWN when one may have been.
 */
export class Committer {
  readonly #link: Link
  readonly #space: Space
  readonly #options: EtcdOptions
  readonly #queue = new Queue()
  readonly #underWay = new Set<Promise<void>>()
  #pumping = false
  #lastCall = Number.POSITIVE_INFINITY

  constructor(link: Link, space: Space, options: EtcdOptions) {
    this.#link = link
    this.#space = space
    this.#options = options
  }

  commit(operations: readonly Operation[]): Promise<Outcome> {
    const bytes = weigh(operations, this.#options.prefix)
    checkOperations(operations, bytes)
    const alone = operations.length > MOST_NESTED_OPERATIONS || operations.some(hasTtl)
    const expires = performance.now() + this.#options.timeout * 1000
    return new Promise((resolve, reject) => {
      this.#queue.add({ operations, bytes, alone, expires, resolve, reject })
      this.#pumpSoon()
    })
  }

  /** Resolves when every commit so far has been answered; those that are not under way within `ms` are not sent any more. */
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
  async #run(batch: readonly Pending[], repeated = false, mayBeDone = false): Promise<void> {
    try {
      const { value: readings, repeated: unsure } = await this.#send(batch, repeated)
      await Promise.all(readings.map(async (reading, n) => this.#answer(batch[n], reading, unsure || mayBeDone)))
    } catch (error) {
      const failed = error instanceof CallFailed ? error : undefined
      // The transaction was refused as a whole, perhaps because of one of them only.
      if (batch.length > 1 && failed?.failure.kind === 'refused')
        await Promise.all(batch.map(one => this.#run([one], failed.repeated, isFull(failed))))
      else await Promise.all(batch.map(pending => this.#fail(pending, error)))
    }
  }

  /** Rejects a commit, unless it was carried out all the same: etcd says that its space is used up also of what it has just applied. */
  async #fail(pending: Pending, error: unknown): Promise<void> {
    const marker = pending.operations.find(operation => 'put' in operation && operation.marker !== undefined)
    try {
      if (error instanceof CallFailed && isFull(error) && marker) {
        const { value } = await this.#link.call((client, options) => client.kv.range({ key: this.#space.address(marker.key) }, options))
        const held = new Map(this.#space.entries(value.kvs).map(entry => [entry.key, entry]))
        const reading = { outcome: { committed: false, found: [] }, held, revision: BigInt(value.header.revision) } as const
        const outcome = await settle(this.#link, this.#space, pending.operations, reading)
        if (outcome.committed) return pending.resolve(outcome)
      }
      pending.reject(this.#translate(error, pending))
    } catch (thrown) {
      const failure = thrown instanceof CallFailed ? thrown.failure : readFailure(thrown)
      pending.reject(this.#translate(new CallFailed(failure, true, thrown), pending))
    }
  }

  async #send(batch: readonly Pending[], repeated: boolean): Promise<Answer<readonly Reading[]>> {
    const [first] = batch
    if (first && batch.length === 1 && first.operations.some(hasTtl)) {
      const { value, repeated: unsure } = await commitWithLease(this.#link, this.#space, first.operations)
      return { value: [value], repeated: unsure }
    }
    const request = nest(
      this.#space,
      batch.map(({ operations }) => toTransaction(this.#space, operations)),
    )
    const until = Math.max(Math.min(...batch.map(({ expires }) => expires)), performance.now() + LEAST)
    const answer = await this.#link.call((client, options) => client.kv.txn(request, options), { repeated, until })
    const revision = BigInt(answer.value.header.revision)
    const responses = unnest(answer.value, batch.length)
    const readings = batch.map(({ operations }, n) => readResponse(this.#space, operations, needed(responses[n]), revision))
    return { value: readings, repeated: answer.repeated }
  }

  async #answer(pending: Pending | undefined, reading: Reading, unsure: boolean): Promise<void> {
    if (!pending) return
    try {
      const doubtful = unsure && !reading.outcome.committed
      pending.resolve(doubtful ? await settle(this.#link, this.#space, pending.operations, reading) : reading.outcome)
    } catch (error) {
      const failure = error instanceof CallFailed ? error.failure : readFailure(error)
      pending.reject(this.#translate(new CallFailed(failure, true, error), pending))
    }
  }

  #translate(error: unknown, { operations }: Pending): SettingsError {
    const [first, ...others] = operations
    const what = `a commit of ${first?.key}${others.length > 0 ? ` and ${others.length} more` : ''}`
    return toStoreError(error, what, this.#link.endpoints, operations.some(isWrite))
  }
}

function isFull({ failure }: CallFailed): boolean {
  return failure.code === 'STORE_FULL'
}

function hasTtl(operation: Operation): boolean {
  return 'put' in operation && operation.ttl !== undefined
}

/** The answer's part for one commit; etcd gives one for each. */
function needed<T>(response: T | undefined): T {
  if (response === undefined) throw new SettingsError('INTERNAL_ERROR', 'etcd answered fewer transactions than it was given.')
  return response
}

function unsent(endpoints: string): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    `etcd (${endpoints}) does not answer, or not fast enough: a commit waited in vain for its turn and was not sent.`,
  )
}
