import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { STORE_KEY } from '../../model/overlap.ts'
import type { Operation } from '../backend.ts'
import { isWrite } from '../operations.ts'
import type { Committer } from './commit.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { toStoreError } from './connection/errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { findOverlaps, overlapError, readOwnMark } from './overlap.ts'

/**
 * Prevents two stores from overlapping, also when both are created at the same moment.
 *
 * Invariants:
 *  1. A prefix becomes a store by the commit that creates `meta/store`, called a claim. The guard looks for
 *     other stores before a claim, and again after it, before anything else is written or listed. The later
 *     of two claims finds the earlier one, because it looks with a linearizable read.
 *  2. Of two stores that were claimed at the same time, the one with the earlier `meta/store` stays. The
 *     other one deletes its own, which is all it has written, and fails. A look that failed is repeated: no
 *     claim is valid before it was verified.
 *  3. Nothing is written to a key that is known to belong to a nested store.
 */
export class OverlapGuard {
  readonly #pool: EndpointPool
  readonly #keys: KeyMapper
  readonly #committer: Committer
  #claimed = false
  #verifying: Promise<void> | undefined

  constructor(pool: EndpointPool, keys: KeyMapper, committer: Committer) {
    this.#pool = pool
    this.#keys = keys
    this.#committer = committer
  }

  /** @throws SettingsError STORE_OVERLAP when another store overlaps; the errors of reading etcd. */
  async refuse(): Promise<void> {
    const { prefix } = this.#keys
    const [other] = await this.#findOverlaps()
    if (other) throw overlapError(prefix, other.prefix)
  }

  /**
   * The promise to await before these operations are sent; undefined when there is none.
   * @throws SettingsError STORE_OVERLAP.
   */
  before(operations: readonly Operation[]): Promise<void> | undefined {
    const taken = operations.find(operation => isWrite(operation) && this.#keys.isTaken(operation.key))
    if (taken) throw takenError(this.#keys, taken.key)
    if (operations.some(isClaim)) return this.#claim()
    return this.#claimed ? this.verify() : undefined
  }

  /** Completes a claim, if one was made. @throws SettingsError STORE_OVERLAP when an older store overlaps. */
  async verify(): Promise<void> {
    if (!this.#claimed) return
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined
    })
    await this.#verifying
  }

  async #claim(): Promise<void> {
    await this.refuse()
    // Set before the claim is sent, because its answer may be lost.
    this.#claimed = true
  }

  async #verify(): Promise<void> {
    const { prefix } = this.#keys
    const mark = await readOwnMark(this.#pool, this.#keys).catch(error => {
      throw toStoreError(error, `reading ${STORE_KEY}`, this.#pool.endpoints)
    })
    const [oldest] = await this.#findOverlaps()
    if (!oldest || (mark && BigInt(mark.create_revision) < oldest.created)) {
      this.#claimed = false
      // A store that was claimed at the same moment is about to delete its claim.
      this.#keys.refusesNested = false
      return
    }
    if (mark)
      await this.#committer.commit([{ key: STORE_KEY, delete: true, expected: BigInt(mark.mod_revision) }])
    this.#claimed = false
    throw overlapError(prefix, oldest.prefix)
  }

  async #findOverlaps() {
    try {
      return await findOverlaps(this.#pool, this.#keys, this.#keys.prefix)
    } catch (error) {
      throw toStoreError(error, 'the check for overlapping stores', this.#pool.endpoints)
    }
  }
}

/** True for the operation that makes a prefix a store. */
function isClaim(operation: Operation): boolean {
  return 'put' in operation && operation.key === STORE_KEY && operation.expected === 'absent'
}

function takenError({ prefix, nested }: KeyMapper, key: Key): SettingsError {
  const other = nested.find(place => `${prefix}/${key}`.startsWith(`${place}/`))
  const owner = other === undefined ? 'another store, which was found' : `the store at "${other}", which is`
  return new SettingsError(
    'STORE_OVERLAP',
    `The etcd key "${prefix}/${key}" belongs to ${owner} inside this one. Nothing was written. Move one of the two stores to its own prefix.`,
    { details: { prefix, key, ...(other !== undefined && { other }) } },
  )
}
