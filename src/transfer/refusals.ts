import type { Entry } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { type Difference, isEqual } from './difference.ts'
import type { Before } from './filling.ts'
import { kindOf } from './moved.ts'
import type { Picture } from './picture.ts'

/** An entry that does not fit the target. */
export interface Oversized {
  readonly key: Key
  readonly bytes: number
}

/** How many keys a message names. */
const NAMED = 20

/** @throws SettingsError DOCUMENT_TOO_LARGE naming every entry that does not fit; boxes may be left out on request, nothing else. */
export function refuseLarge(large: readonly Oversized[], most: number, skip: boolean): void {
  const refused = skip ? large.filter(({ key }) => kindOf(key) !== 'boxes') : large
  if (refused.length === 0) return
  const list = refused.map(({ key, bytes }) => `\n  ${key}: ${bytes} bytes`).join('')
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `${refused.length} documents do not fit the target, which takes ${most} bytes each. Nothing was moved. Make them smaller, or leave such boxes out with --skip-oversized:${list}`,
    { details: { most, oversized: refused } },
  )
}

/** @throws SettingsError DOCUMENT_EXISTS when the target holds anything that the picture does not show, or a filling of another origin that was not finished. */
export function refuseOthers({ differing, extra }: Difference, { unfinished }: Before, { store }: Picture): void {
  const other = unfinished !== undefined && unfinished !== store
  if (!other && differing.length === 0 && extra.length === 0) return
  const says = other
    ? `it was being filled from ${unfinished}, which was not finished`
    : [count(differing, 'are different there'), count(extra, 'are there besides')].filter(text => text !== '').join('; ')
  const why = unfinished === store ? ' The copy that was begun is not finished: the source has changed since, or somebody else wrote here.' : ''
  throw new SettingsError(
    'DOCUMENT_EXISTS',
    `The target holds other data, and nothing was written: ${says}.${why} --overwrite makes the target what the source is, and removes what it holds besides.`,
    { details: { differing: differing.slice(0, 100).map(({ key }) => key), extra: extra.slice(0, 100).map(({ key }) => key) } },
  )
}

/** @throws SettingsError CONTENTION when the target, read again, is not what it should be. */
export function refuseUnequal(difference: Difference): void {
  if (isEqual(difference)) return
  const { open, differing, extra } = difference
  throw new SettingsError(
    'CONTENTION',
    `The target was compared and is not equal: ${open.length} chains of documents are not complete; ${count(differing, 'are different')}; ${count(extra, 'are there besides')}. Somebody else writes there. The target stays marked as not whole; run this again.`,
  )
}

function count(entries: readonly Entry[], what: string): string {
  if (entries.length === 0) return ''
  const named = entries.slice(0, NAMED).map(({ key }) => key)
  return `${entries.length} documents ${what} (${named.join(', ')}${entries.length > NAMED ? ', ...' : ''})`
}
