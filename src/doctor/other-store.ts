import { toSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { type BackendChoice, loadBackend } from '../boot/backend-registry.ts'
import type { Config, OtherBackend } from '../boot/config.ts'
import { chooseBackend, nameStore } from '../boot/store-choice.ts'
import { readAll } from '../transfer/store-snapshot.ts'
import { edit, kytosSettings } from './commands.ts'
import { broken, type Finding, hint } from './finding.ts'
import type { StoreExamination } from './folder-store.ts'
import type { RunningService } from './running.ts'

/**
 * Examines the store of a backend of another package, as far as the contract allows: module, options and
 * stored documents. A store that a service has open is opened too only if its backend supports sharing.
 */
export async function examineOtherStore(
  config: Config,
  other: OtherBackend,
  { service }: RunningService,
): Promise<StoreExamination> {
  const part = 'the store of another package'
  const choice = await choose(config, other)
  if ('severity' in choice) return { part, findings: [choice], entries: [] }
  const where = nameStore(choice)
  try {
    const backend = (await loadBackend(choice))(() => {})
    if (service && !backend.supports.sharing) {
      return {
        part,
        findings: [],
        entries: [],
        unknown: [
          'the stored documents: the service has the store open, and its backend supports only one process',
        ],
      }
    }
    try {
      await backend.open()
      const entries = await readAll(await backend.list(EVERYTHING))
      const none = hint('store.none', where, 'There is no store yet.', kytosSettings(config, 'start'))
      return { part, findings: entries.length > 0 ? [] : [none], entries }
    } finally {
      await backend.close()
    }
  } catch (error) {
    const repair =
      `${edit(config.file)}   # check [settings.*], and the documentation of ${other.module}; ` +
      `then ${kytosSettings(config, 'doctor')}`
    return {
      part,
      findings: [broken('store.unreadable', where, toSettingsError(error).message, repair)],
      entries: [],
    }
  }
}

async function choose(config: Config, other: OtherBackend): Promise<BackendChoice | Finding> {
  try {
    return await chooseBackend(config, () => {})
  } catch (error) {
    const { code, message, details } = toSettingsError(error)
    if (code === 'CONFIG_UNTRUSTED')
      return broken('config.untrusted', config.file, message, String(details.repair))
    const repair =
      `${edit(config.file)}   # or install ${other.module} again; ` +
      `then ${kytosSettings(config, 'doctor')}`
    return broken('backend.invalid', other.module, message, repair)
  }
}
