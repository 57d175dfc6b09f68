import { join } from 'node:path'
import type { NAppStatus } from '../../events/nouns.ts'
import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { MANIFEST } from '../client/manifest.ts'
import { type FoundNApp, INSTALLED } from '../host/discover.ts'
import { readAssets } from '../host/load-napp.ts'
import { edit, kytosSettings } from './commands.ts'
import { broken, type Examination, type Finding, hint } from './finding.ts'
import { askStatus, type RunningService } from './running.ts'

/** Examines the files that a start reads, without running any of them. */
export async function examineNAppFiles(napps: readonly FoundNApp[]): Promise<Finding[]> {
  const found = await Promise.all(
    napps.map(async ({ id, folder, manifest, enabled }) => {
      try {
        await readAssets(folder, manifest)
        return []
      } catch (error) {
        const { message, details } = toSettingsError(error)
        const file = typeof details.file === 'string' ? details.file : join(folder, MANIFEST)
        return [(enabled ? broken : hint)('napp.files', id, message, edit(file))]
      }
    }),
  )
  return found.flat()
}

/** Examines which NApps the running service could not start. */
export async function examineNAppStates(
  config: Config,
  { service }: RunningService,
): Promise<Pick<Examination, 'findings' | 'unknown'>> {
  if (!service) return { findings: [] }
  try {
    const { napps } = await askStatus(service)
    return { findings: napps.flatMap(napp => (napp.reason === null ? [] : [failed(config, napp)])) }
  } catch (error) {
    const why = toSettingsError(error).message
    return { findings: [], unknown: [`which NApps run: the service did not report them (${why})`] }
  }
}

function failed(config: Config, { napp, state, version, reason }: NAppStatus): Finding {
  const what = {
    failed: 'It failed to start',
    starting: 'It cannot start yet, and the service retries every second',
    running: `The service runs ${version === null ? 'its previous version' : `its version ${version}`}`,
  }[state]
  const manifest = join(config.daemon.napps, INSTALLED, napp, MANIFEST)
  const repair =
    state === 'starting'
      ? `${kytosSettings(config, 'napps', 'list')}   # after the findings about the store are repaired`
      : `touch ${shellWord(manifest)}   # starts it again, once it is corrected`
  return broken('napp.failed', napp, `${what}: ${reason}`, repair)
}
