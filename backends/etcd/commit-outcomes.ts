import { setTimeout as delay } from 'node:timers/promises'
import type { Revision } from '../../model/document.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Operation } from '../backend.ts'
import { isWrite } from '../operations.ts'
import { type Held, type Settled, settle } from '../settle.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { CallFailed, readFailure, toStoreError } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import type { Pending } from './queue.ts'
import { type Reading, readResponse, toLookUp } from './transaction.ts'

/**
 * The delay (ms) before a commit is looked up whose answer was lost, because it may still be in the server.
 */
const LOOK_UP_DELAY_MS = 50

const NO_TRACE = { reason: 'the current content of the store does not show whether it was applied' }

/** What is known of the earlier attempts of a batch. */
export interface Attempts {
  /** An attempt may have been applied, or may still be. */
  readonly repeated: boolean
  /** An attempt was answered, and may have been applied anyway. */
  readonly mayBeDone: boolean
  /** A revision of the store from before the first attempt. */
  readonly since: Revision | undefined
}

/**
 * Resolves or rejects commits, by the response to their transaction or by what the store shows of them.
 *
 * Invariant: `committed: false` and STORE_UNREACHABLE only when no copy of the commit was applied and none
 * can be later; a commit of which the store shows no trace fails with OUTCOME_UNKNOWN.
 */
export class CommitOutcomes {
  readonly #pool: EndpointPool
  readonly #keys: KeyMapper

  constructor(pool: EndpointPool, keys: KeyMapper) {
    this.#pool = pool
    this.#keys = keys
  }

  /** Ends a commit by the response to its transaction; never rejects. */
  async resolve(
    pending: Pending,
    { outcome, held, revision }: Reading,
    { repeated, mayBeDone, since }: Attempts,
  ): Promise<void> {
    try {
      if (outcome.committed || !(repeated || mayBeDone)) return pending.resolve(outcome)
      const settled = await this.#settle(pending.operations, { entries: held, revision, since })
      if (typeof settled === 'object') pending.resolve(settled)
      // No copy is in flight any more, so none can be applied when the guards hold again.
      else if (settled === 'not applied' && !repeated) pending.resolve(outcome)
      else pending.reject(this.#unknown(undefined, pending))
    } catch (error) {
      pending.reject(this.#unknown(error, pending))
    }
  }

  /**
   * Ends a commit by what the store shows of it, otherwise by the error `doubt` that left it in doubt; never
   * rejects. Attempts of the look-up end at `until`.
   */
  async lookUp(pending: Pending, doubt: unknown, since: Revision | undefined, until: number): Promise<void> {
    const { operations } = pending
    try {
      await delay(LOOK_UP_DELAY_MS)
      const request = toLookUp(this.#keys, operations)
      const { value } = await this.#pool.call((client, options) => client.kv.txn(request, options), {
        repeated: false,
        until,
      })
      const { held, revision } = readResponse(this.#keys, operations, value, BigInt(value.header.revision))
      const settled = await this.#settle(operations, { entries: held, revision, since })
      if (typeof settled === 'object') pending.resolve(settled)
      // An attempt that was answered is not in flight any more.
      else if (settled === 'not applied') this.reject(pending, doubt)
      else pending.reject(this.#unknown(doubt, pending))
    } catch (error) {
      pending.reject(this.#unknown(error, pending))
    }
  }

  /** Ends a commit by the error of its transaction. */
  reject(pending: Pending, error: unknown): void {
    pending.reject(this.#translate(error, pending))
  }

  #settle(operations: readonly Operation[], held: Held): Promise<Settled> {
    return settle(operations, held, async (key: Key, at: Revision) => {
      const request = { key: this.#keys.address(key), revision: at.toString() }
      const { value } = await this.#pool.call((client, options) => client.kv.range(request, options))
      return this.#keys.entries(value.kvs)[0]
    })
  }

  #unknown(error: unknown, pending: Pending): SettingsError {
    const { reason } =
      error instanceof CallFailed ? error.failure : error === undefined ? NO_TRACE : readFailure(error)
    return this.#translate(
      new CallFailed({ kind: 'unknown', code: 'STORE_UNREACHABLE', reason }, true, error),
      pending,
    )
  }

  #translate(error: unknown, { operations }: Pending): SettingsError {
    const [first, ...others] = operations
    const what = `the commit of ${first?.key}${others.length > 0 ? ` and ${others.length} more` : ''}`
    return toStoreError(error, what, this.#pool.endpoints, operations.some(isWrite))
  }
}
