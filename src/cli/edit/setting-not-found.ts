import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import { type Path, printKey } from '../terminal/key-path.ts'

/** The error for an unknown key, with the nearest known key. */
export function settingNotFound(
  namespace: string,
  path: Path,
  known: readonly Path[],
  what = 'has no setting',
): SettingsError {
  const key = printKey(path)
  const keys = known.map(printKey)
  const near = nearest(
    key,
    keys.filter(one => one !== key),
  )
  const hint = near ? ` Did you mean ${near}?` : ` "kytos-settings get ${namespace}" lists the settings.`
  return new SettingsError('SETTING_NOT_FOUND', `${namespace} ${what} ${key}.${hint}`, {
    details: { got: key, ...(near && { nearest: near }) },
  })
}
