import type { Key, Prefix } from '../../../model/key.ts'

const MAX_CHUNK_KEYS = 512

/**
 * Keys in byte order, kept in chunks, so that a key is added or removed at low cost. Keys are ASCII, so
 * string order is byte order.
 */
export class SortedKeys {
  #chunks: Key[][] = []

  /** Adds a key that is not in the set. */
  add(key: Key): void {
    const at = this.#chunkOf(key)
    const chunk = this.#chunks[at]
    if (!chunk) {
      this.#chunks.push([key])
      return
    }
    chunk.splice(lowerBound(chunk, key), 0, key)
    if (chunk.length > MAX_CHUNK_KEYS) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK_KEYS / 2))
  }

  /** Removes a key. */
  remove(key: Key): void {
    const at = this.#chunkOf(key)
    const chunk = this.#chunks[at]
    if (!chunk) return
    const place = lowerBound(chunk, key)
    if (chunk[place] === key) chunk.splice(place, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  /** The keys below a prefix, ascending. */
  below(prefix: Prefix): Key[] {
    const found: Key[] = []
    for (let at = this.#chunkOf(prefix); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] ?? []
      for (let place = lowerBound(chunk, prefix); place < chunk.length; place++) {
        const key = chunk[place]
        if (!key?.startsWith(prefix)) return found
        found.push(key)
      }
    }
    return found
  }

  /** The chunk of a key: the last one that does not start after it. */
  #chunkOf(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const first = this.#chunks[middle]?.[0] ?? ''
      if (first <= key) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

function lowerBound(keys: readonly Key[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = keys[middle] ?? ''
    if (found < key) low = middle + 1
    else high = middle
  }
  return low
}
