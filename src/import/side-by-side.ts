import { setMaxListeners } from 'node:events'

/**
 * Does something with each item, so many at a time, begun in their order. When one fails, no other is begun,
 * and those under way hear of it by their signal.
 * @throws what the first one that failed threw, once none is under way any more.
 */
export async function sideBySide<Item>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item, failed: AbortSignal) => Promise<void>,
): Promise<void> {
  let next = 0
  const failed = new AbortController()
  // Each lane may listen several times; Node would take that for a leak and say so.
  setMaxListeners(0, failed.signal)
  const run = async (): Promise<void> => {
    while (next < items.length && !failed.signal.aborted) {
      try {
        await work(items[next++] as Item, failed.signal) // In bounds, and an item may be undefined.
      } catch (error) {
        failed.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, run))
  failed.signal.throwIfAborted()
}
