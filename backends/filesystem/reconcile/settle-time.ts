import { changeOf, withAbsence, withContentChange } from './file-state.ts'
import type { Seen } from './look.ts'
import type { TrackedFile } from './tracked-file.ts'

/** How long (ms) a difference must last before it counts: a whole document, a broken one, an absent file. */
const SETTLE_MS = { edited: 100, broken: 300, absent: 1_000 } as const

/** Notes content that differs; the milliseconds until it counts as the intent of a person, 0 when it does. */
export function waitForContent(
  tracked: TrackedFile,
  kind: 'edited' | 'broken',
  { hash, age }: Seen & { readonly hash: string },
  now: number,
): number {
  const before = changeOf(tracked.state)
  const since = before?.type === 'content' && before.hash === hash ? before.since : now
  tracked.state = withContentChange(tracked.state, { type: 'content', hash, since })
  return remaining(SETTLE_MS[kind], now - since, age)
}

/**
 * Notes an absence; the milliseconds until it counts, 0 when it does. `isInPlace`: the folder is the one that
 * had the file.
 */
export function waitForAbsence(tracked: TrackedFile, { age }: Seen, now: number, isInPlace: boolean): number {
  const before = changeOf(tracked.state)
  const absence = before?.type === 'absence' ? before : { since: now, isInPlace: true }
  tracked.state = withAbsence(tracked.state, {
    type: 'absence',
    since: absence.since,
    isInPlace: absence.isInPlace && isInPlace,
  })
  return remaining(SETTLE_MS.absent, now - absence.since, age)
}

/** True when an absent file was so, at every look, in the folder that had it. */
export function isGoneInPlace({ state }: TrackedFile): boolean {
  const change = changeOf(state)
  return change?.type === 'absence' && change.isInPlace
}

function remaining(settle: number, seen: number, age: number): number {
  return Math.max(0, settle - Math.max(seen, age))
}
