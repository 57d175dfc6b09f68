/** A first-in first-out list with constant-time ends, whose memory shrinks when it is emptied. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** The oldest item, which stays in the list; undefined when it is empty. */
  peek(): Item | undefined {
    return this.#items[this.#head]
  }

  /** Removes and returns the oldest item; undefined when the list is empty. */
  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (this.size === 0) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Removes and returns all items, oldest first. */
  drain(): Item[] {
    const items = this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    // Only the slots before the head are undefined, and slice() leaves them out.
    return items as Item[]
  }
}
