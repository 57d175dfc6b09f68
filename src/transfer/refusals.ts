import type { Entry } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { isEqual, type StoreDifference } from './difference.ts'
import type { TargetState } from './store-load.ts'
import type { StoreSnapshot } from './store-snapshot.ts'
import { kindOf } from './transferred-content.ts'

/** An entry that is too large for the target. */
export interface OversizedEntry {
  readonly key: Key
  readonly bytes: number
}

/** The number of keys that a message names. */
const MAX_NAMED_KEYS = 20

/**
 * @throws SettingsError DOCUMENT_TOO_LARGE naming every entry that is too large; with `skip` boxes are
 * ignored.
 */
export function refuseOversized(large: readonly OversizedEntry[], entryBytes: number, skip: boolean): void {
  const refused = skip ? large.filter(({ key }) => kindOf(key) !== 'boxes') : large
  if (refused.length === 0) return
  const list = refused.map(({ key, bytes }) => `\n  ${key}: ${bytes} bytes`).join('')
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `${refused.length} documents are too large for the target, which allows ${entryBytes} bytes each. Nothing was written. Reduce them, or skip such boxes with --skip-oversized:${list}`,
    { details: { most: entryBytes, oversized: refused } },
  )
}

/**
 * @throws SettingsError DOCUMENT_EXISTS when the target holds an entry that the snapshot does not have, or an
 * unfinished load from another source.
 */
export function refuseOtherContent(
  { differing, extra }: StoreDifference,
  { unfinished }: TargetState,
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

/** @throws SettingsError CONTENTION when the target, read again, is not equal to the snapshot. */
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
  const named = entries.slice(0, MAX_NAMED_KEYS).map(({ key }) => key)
  return `${entries.length} documents ${what} (${named.join(', ')}${entries.length > MAX_NAMED_KEYS ? ', ...' : ''})`
}
