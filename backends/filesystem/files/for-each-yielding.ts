import { setImmediate } from 'node:timers/promises'

/** Calls `act` for each item in turn, and yields to the event loop after every hundred. */
export async function forEachYielding<T>(
  items: Iterable<T>,
  act: (item: T) => void | Promise<void>,
): Promise<void> {
  let count = 0
  for (const item of items) {
    await act(item)
    if (++count % 100 === 0) await setImmediate()
  }
}
