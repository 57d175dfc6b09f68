import type { Entry } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { isEqual, type StoreDifference } from './difference.ts'
import type { Before } from './filling.ts'
import { kindOf } from './moved.ts'
import type { StoreSnapshot } from './store-snapshot.ts'

/** An entry that does not fit the target. */
export interface Oversized {
  readonly key: Key
  readonly bytes: number
}

/** How many keys a message names. */
const NAMED = 20

/**
 * @throws SettingsError DOCUMENT_TOO_LARGE naming every entry that does not fit; boxes may be left out on
 * request, nothing else.
 */
export function refuseLarge(large: readonly Oversized[], most: number, skip: boolean): void {
  const refused = skip ? large.filter(({ key }) => kindOf(key) !== 'boxes') : large
  if (refused.length === 0) return
  const list = refused.map(({ key, bytes }) => `\n  ${key}: ${bytes} bytes`).join('')
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `${refused.length} documents are too large for the target, which allows ${most} bytes each. Nothing was written. Reduce them, or skip such boxes with --skip-oversized:${list}`,
    { details: { most, oversized: refused } },
  )
}

/**
 * @throws SettingsError DOCUMENT_EXISTS when the target holds anything that the picture does not show, or a
 * filling of another origin that was not finished.
 */
export function refuseOthers(
  { differing, extra }: StoreDifference,
  { unfinished }: Before,
  { store }: StoreSnapshot,
): void {
  const other = unfinished !== undefined && unfinished !== store
  if (!other && differing.length === 0 && extra.length === 0) return
  const says = other
    ? `an earlier copy from ${unfinished} is incomplete`
    : [count(differing, 'differ'), count(extra, 'exist only there')].filter(text => text !== '').join('; ')
  const why =
    unfinished === store
      ? ' The interrupted copy cannot resume: the source or the target has changed since.'
      : ''
  throw new SettingsError(
    'DOCUMENT_EXISTS',
    `The target contains other data: ${says}.${why} Nothing was written. --overwrite replaces the target and removes documents that only the target has.`,
    {
      details: {
        differing: differing.slice(0, 100).map(({ key }) => key),
        extra: extra.slice(0, 100).map(({ key }) => key),
      },
    },
  )
}

/** @throws SettingsError CONTENTION when the target, read again, is not what it should be. */
export function refuseUnequal(difference: StoreDifference): void {
  if (isEqual(difference)) return
  const { open, differing, extra } = difference
  const found = [
    open.length > 0 ? `${open.length} groups of documents are incomplete` : '',
    count(differing, 'differ'),
    count(extra, 'exist only there'),
  ]
  throw new SettingsError(
    'CONTENTION',
    `The target differs from the source after the copy: ${found.filter(text => text !== '').join('; ')}. Another process writes there. The target stays marked as incomplete; run this command again.`,
  )
}

function count(entries: readonly Entry[], what: string): string {
  if (entries.length === 0) return ''
  const named = entries.slice(0, NAMED).map(({ key }) => key)
  return `${entries.length} documents ${what} (${named.join(', ')}${entries.length > NAMED ? ', ...' : ''})`
}
