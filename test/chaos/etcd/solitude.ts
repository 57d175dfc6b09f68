import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './ground.ts'

/**
 * Does something to a store that nobody can reach, that stands still at revision `end`, and whose history has
 * been read up to there: so nothing is taken from it that the truth was not told of.
 */
export async function withNobody(
  { lines, etcdctl, truth }: World,
  task: (end: bigint) => Promise<void>,
): Promise<void> {
  for (const line of lines) line.each(proxy => proxy.refuse())
  try {
    for (let read = await truth.read(); ; read = await truth.read()) {
      // What was under way when the lines were cut may still arrive.
      await delay(100)
      if ((await etcdctl.revision()) === read) return await task(read)
    }
  } finally {
    for (const line of lines) line.each(proxy => proxy.resume())
  }
}
