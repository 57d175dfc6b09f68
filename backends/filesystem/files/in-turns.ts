import { setImmediate } from 'node:timers/promises'

/** Does something for each item, and lets the event loop turn now and then. */
export async function inTurns<T>(items: Iterable<T>, act: (item: T) => void | Promise<void>): Promise<void> {
  let count = 0
  for (const item of items) {
    await act(item)
    if (++count % 100 === 0) await setImmediate()
  }
}
