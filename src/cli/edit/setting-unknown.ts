import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import { type Path, printKey } from '../terminal/key-path.ts'

/** The error for a key that is not there, with the nearest of those that are. */
export function settingUnknown(namespace: string, path: Path, known: readonly Path[], what = 'has no setting'): SettingsError {
  const key = printKey(path)
  const keys = known.map(printKey)
  const near = nearest(
    key,
    keys.filter(one => one !== key),
  )
  const hint = near ? ` Did you mean ${near}?` : ''
  return new SettingsError('SETTING_NOT_FOUND', `${namespace} ${what} ${key}.${hint}`, { details: { got: key, ...(near && { nearest: near }) } })
}
