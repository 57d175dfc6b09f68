import { setTimeout as delay } from 'node:timers/promises'
import { parseJson } from '../../../model/json.ts'
import { isObject } from '../../../model/value.ts'
import type { Etcdctl } from './etcdctl.ts'
import { PREFIX } from './ground.ts'
import type { Seat } from './seat.ts'

const PATIENCE = 60_000
/**
 * Below the prefix, and announced by nobody: whoever has passed its revision has passed everything before it.
 */
const CALM_KEY = `${PREFIX}/meta/calm`

/**
 * Resolves when every controller is READY, in the store's epoch, and has passed a revision that was made
 * after this was called. @throws Error that says where each of them is, after 60 s.
 */
export async function reachCalm(seats: readonly Seat[], etcdctl: Etcdctl): Promise<void> {
  const end = performance.now() + PATIENCE
  let trouble: unknown
  let revision: bigint | undefined
  for (; performance.now() < end; await delay(50)) {
    try {
      for (const seat of seats) await seat.start()
      revision ??= await etcdctl.put(CALM_KEY, '{}')
      const least = revision
      if (!seats.every(({ health }) => health?.state === 'READY' && health.revision >= least)) continue
      const epoch = await storedEpoch(etcdctl)
      if (seats.every(({ health }) => health?.epoch === epoch)) return
    } catch (error) {
      // Whatever is still recovering; what it was is told when the time is over.
      trouble = error
    }
  }
  const standing = seats.map(
    ({ id, health, log }) =>
      `${id}: ${health ? `${health.state} at ${health.epoch}.${health.revision} (${health.reason})` : 'absent'}\n  ${log.slice(-5).join('\n  ')}`,
  )
  throw new Error(
    `The controllers did not reach revision ${revision} within ${PATIENCE / 1000} s.\n${standing.join('\n')}`,
    { cause: trouble },
  )
}

async function storedEpoch(etcdctl: Etcdctl): Promise<number | undefined> {
  const text = await etcdctl.get(`${PREFIX}/meta/store`)
  const meta = text === undefined ? undefined : parseJson(text)
  return isObject(meta) ? Number(meta.epoch) : undefined
}
