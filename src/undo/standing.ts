import type { StoredRecord } from '../state/record.ts'
import { isBackInTime } from './kept-records.ts'

/** The state of a document at a time, as far as its kept records show it. */
export interface Standing {
  /** The record that was the newest; undefined before the first version. */
  readonly record: StoredRecord | undefined
  /** The overrides that counted; undefined for none. */
  readonly data: StoredRecord['data']
  /** False when the text of the version is no JSON object, and the version that counted is no longer kept. */
  readonly isKnown: boolean
  /** True when the record is older than the one before it. */
  readonly isBackInTime: boolean
  /** The versions that are no longer kept and of which one was in effect instead. */
  readonly pruned: { readonly from: number; readonly to: number } | undefined
  /** The newest kept record. */
  readonly newest: StoredRecord | undefined
}

/**
 * Finds the version of a document that was in effect at a time, or was the newest of all up to a number.
 *
 * Invariant: at a time, the highest version before the first one whose time is later is in effect. So a clock
 * that was wrong never hides a version behind a later one. Order is that of versions; times only mark the
 * end. Where records in between are no longer kept, the result names them instead of a guess.
 *
 * Records are added in the order of their versions.
 */
export class StandingSearch {
  readonly #isLater: (record: StoredRecord) => boolean
  #standing: StoredRecord | undefined
  /** The last record whose text is a JSON object or absent: any other text does not count. */
  #counted: StoredRecord | undefined
  #later: StoredRecord | undefined
  #newest: StoredRecord | undefined
  #isBackInTime = false

  constructor(isLater: (record: StoredRecord) => boolean) {
    this.#isLater = isLater
  }

  /** The version that was in effect at a time, in Unix milliseconds. */
  static atTime(time: number): StandingSearch {
    return new StandingSearch(({ at }) => Date.parse(at) > time)
  }

  /** The version of this number. */
  static atVersion(version: number): StandingSearch {
    return new StandingSearch(record => record.version > version)
  }

  add(record: StoredRecord): void {
    if (!this.#later && this.#isLater(record)) this.#later = record
    if (!this.#later) {
      this.#isBackInTime = isBackInTime(record, this.#standing)
      if (record.data !== undefined || record.kind === 'deleted') this.#counted = record
      // A version in between, which may be the one that counts, is no longer kept.
      else if (this.#standing && record.version > this.#standing.version + 1) this.#counted = undefined
      this.#standing = record
    }
    this.#newest = record
  }

  get result(): Standing {
    const [record, newest] = [this.#standing, this.#newest]
    return {
      record,
      newest,
      data: this.#counted?.data,
      isKnown: record === undefined || this.#counted !== undefined,
      isBackInTime: this.#isBackInTime,
      pruned: this.#pruned,
    }
  }

  get #pruned(): Standing['pruned'] {
    const version = this.#standing?.version ?? 0
    if (this.#later && this.#later.version > version + 1)
      return { from: version, to: this.#later.version - 1 }
    return this.#standing && !this.#counted && version > 1 ? { from: 1, to: version } : undefined
  }
}
