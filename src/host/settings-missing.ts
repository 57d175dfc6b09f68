import { join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import { exists, INSTALLED, PYTHON_MANIFEST } from './discover.ts'

/**
 * The error NAPP_DISABLED of a host without `kytos/settings`, with its remedy. `cause` is the problem of an
 * enabled but broken `kytos/settings`.
 */
export async function settingsMissing(
  config: Config,
  cause: SettingsError | undefined,
): Promise<SettingsError> {
  const { napps } = config.daemon
  const what = `${SETTINGS_NAPP} is not enabled in ${napps}; the service cannot start without it.`
  const fix = cause ? cause.message : await remedy(config)
  return new SettingsError('NAPP_DISABLED', `${what} ${fix}`, {
    cause,
    details: { napp: SETTINGS_NAPP, napps },
  })
}

async function remedy({ file, daemon: { napps } }: Config): Promise<string> {
  for (const path of [join(napps, SETTINGS_NAPP), join(napps, INSTALLED, SETTINGS_NAPP)]) {
    if (!(await exists(join(path, PYTHON_MANIFEST)))) continue
    return `${path} is the Python NApp of that name. Set [daemon] napps in ${file} to a separate folder.`
  }
  return `Enable it: kytos-settings napps enable ${SETTINGS_NAPP} -c ${file}`
}
