import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { STORE_KEY } from '../../model/overlap.ts'
import type { Operation } from '../backend.ts'
import { isWrite } from '../operations.ts'
import type { Committer } from './commit.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { toStoreError } from './errors.ts'
import type { KeyMapper } from './key-mapper.ts'
import { findOverlaps, overlapError, readOwnMark } from './overlap.ts'

/**
 * Keeps two stores from overlapping, also when both are made at the same moment.
 *
 * Invariants:
 *  1. A prefix becomes a store by the commit that creates `meta/store`, a claim. Others are looked for before
 *     a claim, and again after it, before anything else is written or listed: of two claims the later one
 *     finds the earlier one, because the look is a linearizable read.
 *  2. Of two stores that were claimed at once the one with the earlier `meta/store` stays. The other takes
 *     its own back, which is all it has written, and is refused. A look that failed is repeated: no claim
 *     counts unverified.
 *  3. Nothing is written to a key that is known to be a nested store's.
 */
export class OverlapGuard {
  readonly #link: EndpointPool
  readonly #space: KeyMapper
  readonly #committer: Committer
  #claimed = false
  #verifying: Promise<void> | undefined

  constructor(link: EndpointPool, space: KeyMapper, committer: Committer) {
    this.#link = link
    this.#space = space
    this.#committer = committer
  }

  /** @throws SettingsError STORE_OVERLAP when another store overlaps; what etcd answers. */
  async refuse(): Promise<void> {
    const { prefix } = this.#space
    const [other] = await this.#findOverlaps()
    if (other) throw overlapError(prefix, other.prefix)
  }

  /**
   * What has to be awaited before these operations are sent; undefined when nothing has.
   * @throws SettingsError STORE_OVERLAP.
   */
  before(operations: readonly Operation[]): Promise<void> | undefined {
    const taken = operations.find(operation => isWrite(operation) && this.#space.isTaken(operation.key))
    if (taken) throw takenError(this.#space, taken.key)
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
    // Before it is sent: its answer may be lost.
    this.#claimed = true
  }

  async #verify(): Promise<void> {
    const { prefix } = this.#space
    const mark = await readOwnMark(this.#link, this.#space).catch(error => {
      throw toStoreError(error, `reading ${STORE_KEY}`, this.#link.endpoints)
    })
    const [oldest] = await this.#findOverlaps()
    if (!oldest || (mark && BigInt(mark.create_revision) < oldest.created)) {
      this.#claimed = false
      // One that was claimed at the same moment is about to be taken back.
      this.#space.refusesNested = false
      return
    }
    if (mark)
      await this.#committer.commit([{ key: STORE_KEY, delete: true, expected: BigInt(mark.mod_revision) }])
    this.#claimed = false
    throw overlapError(prefix, oldest.prefix)
  }

  async #findOverlaps() {
    try {
      return await findOverlaps(this.#link, this.#space, this.#space.prefix)
    } catch (error) {
      throw toStoreError(error, 'the check for overlapping stores', this.#link.endpoints)
    }
  }
}

/** True for the operation by which a prefix becomes a store. */
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
