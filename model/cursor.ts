import { parseRevision, type Revision } from './document.ts'
import { SettingsError } from './errors.ts'

/**
 * The position of a fact: `<epoch>.<revision>.<n>`. `n` numbers the keys that changed in the revision, from
 * 1; it is the same on every controller.
 *
 * The facts of a difference (`origin: "resync"`) have no such number, because they differ between
 * controllers: they count from PART on, and the last of them is WHOLE. So a cursor names a state that every
 * controller knows, or visibly names none.
 */
export interface Cursor {
  readonly epoch: number
  readonly revision: Revision
  readonly n: number
}

/** The `n` of a whole revision: above every other one. */
export const WHOLE = 999_999_999
/** The `n` before the first fact of a difference: above every key of a revision. */
export const PART = 500_000_000

export const START: Cursor = { epoch: 0, revision: 0n, n: 0 }

export function printCursor(cursor: Cursor): string {
  return `${cursor.epoch}.${cursor.revision}.${cursor.n}`
}

/** Parses a cursor; `0` is the start. @throws SettingsError CURSOR_MALFORMED. */
export function parseCursor(text: string): Cursor {
  if (text === '0') return START
  const found = /^(0|[1-9]\d{0,15})\.(\d{1,40})\.(0|[1-9]\d{0,8})$/.exec(text)
  const revision = found ? parseRevision(found[2] ?? '') : undefined
  const epoch = Number(found?.[1])
  if (!found || revision === undefined || !Number.isSafeInteger(epoch)) {
    throw new SettingsError(
      'CURSOR_MALFORMED',
      `${JSON.stringify(text)} is not a cursor. Use the id of an event, "<epoch>.<revision>.<n>", or "0" for the start.`,
    )
  }
  return { epoch, revision, n: Number(found[3]) }
}

/**
 * True for a cursor within a difference: the state there is that of no revision, so a listener can continue
 * only from a snapshot.
 */
export function isWithinDifference({ n }: Cursor): boolean {
  return n > PART && n < WHOLE
}

/** Negative when `a` is before `b`. */
export function compareCursors(a: Cursor, b: Cursor): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  if (a.revision !== b.revision) return a.revision < b.revision ? -1 : 1
  return a.n - b.n
}
