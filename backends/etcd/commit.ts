import { SettingsError } from '../../model/errors.ts'
import type { Operation, Outcome } from '../backend.ts'
import { mayRepeat } from '../may-repeat.ts'
import { checkCommit } from './check.ts'
import { type Attempts, CommitOutcomes } from './commit-outcomes.ts'
import type { EtcdOptions } from './connection/client.ts'
import type { CallOptions, CallResult, EndpointPool } from './connection/endpoint-pool.ts'
import { CallFailed } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { commitWithLease } from './lease.ts'
import { MAX_NESTED_OPERATIONS, type Pending, Queue, weigh } from './queue.ts'
import { nest, type Reading, readResponse, toTransaction, unnest } from './transaction.ts'

/**
 * The largest number of transactions in flight; more of them would only wait for one another in the server.
 */
const MAX_TRANSACTIONS = 4
/**
 * The least time (ms) that a transaction has, however long its commits waited in the queue: together at most
 * this much above the timeout.
 */
const MIN_ATTEMPT_MS = 1_000

/** What is known of the attempts of a batch before this one. */
interface Past extends Attempts {
  /** The end of all attempts, on the monotonic clock, in ms. */
  readonly until?: number
}

/**
 * Commits that are in flight at the same time share transactions, each with its own guards and outcome.
 *
 * Invariants:
 *  1. A commit is sent as one nested transaction, so it applies all or nothing, and fails no commit of
 *     another caller.
 *  2. Of all copies of a commit that are sent, at most one takes effect. An attempt may have been applied
 *     when its answer was lost, or when etcd reports that its storage quota is exhausted. Then only the
 *     commits of a batch that {@link mayRepeat} are sent again, with the same guards; each of the others is
 *     looked up once. An attempt that was certainly not applied is repeated with every commit.
 *  3. The store is read to find which copies were applied ({@link settle}). STORE_UNREACHABLE and
 *     `committed: false` are returned only when no copy was applied and none can be later; without a trace
 *     the commit fails with OUTCOME_UNKNOWN.
 */
export class Committer {
  readonly #pool: EndpointPool
  readonly #keys: KeyMapper
  readonly #options: EtcdOptions
  readonly #outcomes: CommitOutcomes
  readonly #queue = new Queue()
  readonly #inFlight = new Set<Promise<void>>()
  #sending = false
  /** From this time on, on the monotonic clock, waiting commits are not sent any more. */
  #sendUntil = Number.POSITIVE_INFINITY

  constructor(pool: EndpointPool, keys: KeyMapper, options: EtcdOptions) {
    this.#pool = pool
    this.#keys = keys
    this.#options = options
    this.#outcomes = new CommitOutcomes(pool, keys)
  }

  commit(operations: readonly Operation[]): Promise<Outcome> {
    const bytes = weigh(operations, this.#options.prefix)
    checkCommit(operations, bytes)
    const alone = operations.length > MAX_NESTED_OPERATIONS || operations.some(hasTtl)
    const expires = performance.now() + this.#options.timeout * 1000
    return new Promise((resolve, reject) => {
      this.#queue.add({ operations, bytes, alone, expires, resolve, reject })
      this.#sendSoon()
    })
  }

  /**
   * Resolves when every commit so far has ended; commits that are not in flight within `ms` are not sent any
   * more.
   */
  async settle(ms: number): Promise<void> {
    this.#sendUntil = performance.now() + ms
    while (this.#sending || this.#inFlight.size > 0 || !this.#queue.empty) {
      await (this.#inFlight.size > 0 ? Promise.all(this.#inFlight) : new Promise(setImmediate))
    }
  }

  /** Sends once per turn of the event loop, so that all commits made in one turn share transactions. */
  #sendSoon(): void {
    if (this.#sending) return
    this.#sending = true
    setImmediate(() => {
      this.#sending = false
      this.#sendWaiting()
    })
  }

  #sendWaiting(): void {
    const now = performance.now()
    const late = this.#queue.expired(now < this.#sendUntil ? now : Number.POSITIVE_INFINITY)
    for (const pending of late) pending.reject(notSent(this.#pool.endpoints))
    while (this.#inFlight.size < MAX_TRANSACTIONS) {
      const batch = this.#queue.take()
      if (batch.length === 0) return
      const run = this.#run(batch).finally(() => {
        this.#inFlight.delete(run)
        for (const pending of batch) this.#queue.done(pending)
        this.#sendSoon()
      })
      this.#inFlight.add(run)
    }
  }

  /** Ends every commit of a batch; never rejects. */
  async #run(
    batch: readonly Pending[],
    past: Past = { repeated: false, mayBeDone: false, since: this.#pool.seen },
  ): Promise<void> {
    const { since } = past
    const until =
      past.until ??
      Math.max(Math.min(...batch.map(({ expires }) => expires)), performance.now() + MIN_ATTEMPT_MS)
    const repeatable = batch.filter(({ operations }) => mayRepeat(operations))
    try {
      const once = repeatable.length < batch.length
      const { value, repeated } = await this.#send(batch, { repeated: past.repeated, until, once })
      const seen = { ...past, repeated: past.repeated || repeated }
      await Promise.all(value.map(([pending, reading]) => this.#outcomes.resolve(pending, reading, seen)))
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
      const lookUp = (one: Pending) => this.#outcomes.lookUp(one, error, since, until)
      if (full && batch.length > 1) {
        // One of them may fit although all together do not.
        await Promise.all([...repeatable.map(one => this.#run([one], next)), ...others.map(lookUp)])
      } else if (failed?.failure.kind === 'refused' && batch.length > 1) {
        // The transaction was rejected as a whole, perhaps because of only one of them.
        await Promise.all(batch.map(one => this.#run([one], next)))
      } else if (failed?.repeated && others.length > 0) {
        const again = repeatable.length > 0 ? [this.#run(repeatable, next)] : []
        await Promise.all([...again, ...others.map(lookUp)])
      } else if (full) await Promise.all(batch.map(lookUp))
      else for (const pending of batch) this.#outcomes.reject(pending, error)
    }
  }

  /** Sends a batch as one transaction; resolves with the reading of each of its commits. */
  async #send(
    batch: readonly Pending[],
    before: CallOptions,
  ): Promise<CallResult<readonly (readonly [Pending, Reading])[]>> {
    const [first] = batch
    if (first && batch.length === 1 && first.operations.some(hasTtl)) {
      const { value, repeated } = await commitWithLease(this.#pool, this.#keys, first.operations, before)
      return { value: [[first, value]], repeated }
    }
    const request = nest(
      this.#keys,
      batch.map(({ operations }) => toTransaction(this.#keys, operations)),
    )
    const { value, repeated } = await this.#pool.call(
      (client, options) => client.kv.txn(request, options),
      before,
    )
    const revision = BigInt(value.header.revision)
    const responses = unnest(value, batch.length)
    const readings = batch.map((pending, n) => {
      const response = requireResponse(responses[n])
      return [pending, readResponse(this.#keys, pending.operations, response, revision)] as const
    })
    return { value: readings, repeated }
  }
}

function isFull({ failure }: CallFailed): boolean {
  return failure.code === 'STORE_FULL'
}

function hasTtl(operation: Operation): boolean {
  return 'put' in operation && operation.ttl !== undefined
}

/** The response for one commit; etcd returns one for each. */
function requireResponse<T>(response: T | undefined): T {
  if (response === undefined)
    throw new SettingsError(
      'INTERNAL_ERROR',
      'etcd returned fewer transaction results than transactions were sent.',
    )
  return response
}

function notSent(endpoints: string): SettingsError {
  return new SettingsError(
    'STORE_UNREACHABLE',
    `etcd (${endpoints}) does not respond, or responds too slowly: the queue timeout of the commit passed. It was not sent; retry.`,
  )
}
