import type { IKeyValue } from 'etcd3'

/** The number of keys of a first page, because the size of their entries is not known yet. */
const FIRST_PAGE_KEYS = 32
const MAX_KEYS = 5000
const MIN_KEYS = 8
/** The intended size of a page: small enough that parsing it does not block the process for long. */
const PAGE_BYTES = 4 * 1024 * 1024
/** The factor by which pages shrink after a timeout, and the smallest share of the usual size. */
const SHRINK_FACTOR = 4
const MIN_SHARE = 1 / 64

/**
 * Decides how many keys a page has. A page that times out makes the pages of the next listing smaller; a
 * listing that completed makes them larger again. So a store of large documents can be listed over a slow
 * connection, whatever the timeout of a call.
 */
export class PageSizer {
  #share = 1

  get first(): number {
    return Math.max(1, Math.floor(FIRST_PAGE_KEYS * this.#share))
  }

  /**
   * The number of entries like these that fill a page; at most eight times as many as there were, in case the
   * next ones are larger.
   */
  next(kvs: readonly IKeyValue[]): number {
    const weight = kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    const fitting = Math.floor((PAGE_BYTES * this.#share * kvs.length) / Math.max(1, weight))
    return Math.max(1, Math.floor(MIN_KEYS * this.#share), Math.min(fitting, 8 * kvs.length, MAX_KEYS))
  }

  /** Called when a page timed out. */
  shrink(): void {
    this.#share = Math.max(MIN_SHARE, this.#share / SHRINK_FACTOR)
  }

  /** Called when a listing of several pages completed. */
  grow(): void {
    this.#share = Math.min(1, this.#share * 2)
  }
}
