import { toSettingsError } from '../../model/errors.ts'
import { type Config, type ConfigContext, findConfig, loadConfig } from '../boot/config.ts'
import { packageRoot } from '../host/package-root.ts'
import { examineClocks } from './clocks.ts'
import { edit, word } from './commands.ts'
import { examineContent } from './content.ts'
import { examineCredentials, examineLocalDoor } from './credentials.ts'
import { examineEtcdStore } from './etcd-store.ts'
import { examineFiles } from './files.ts'
import { broken, type Examined, type Finding } from './finding.ts'
import { examineFolderStore, type StoreExamined } from './folder-store.ts'
import { examineNApps } from './napps.ts'
import { examineOtherStore } from './other-store.ts'
import { examineRunning, explainState, type Running } from './running.ts'

/**
 * Examines everything that a configuration leads to; changes nothing, and works whether or not the service
 * runs. Never throws for what it is to find.
 */
export async function examine(
  explicit: string | undefined,
  around: ConfigContext,
): Promise<readonly Examined[]> {
  const loaded = await load(explicit, around)
  const part = 'the configuration'
  if ('severity' in loaded) return [{ part, findings: [loaded] }]
  const { usable, ...credentials } = await examineCredentials(loaded)
  const { running, ...service } = await examineRunning(loaded)
  const { entries, ...store } = await examineStore(loaded, running, usable)
  const isSound = usable && !store.findings.some(({ severity }) => severity === 'broken')
  return [
    { part, findings: [] },
    { ...credentials, findings: [...credentials.findings, ...(await examineLocalDoor(loaded))] },
    isSound ? { ...service, findings: explainState(service.findings, loaded) } : service,
    await examineFiles(loaded),
    store,
    ...(entries.length > 0 ? [await examineContent(loaded, entries), examineClocks(entries)] : []),
    await examineNApps(loaded),
  ]
}

async function load(explicit: string | undefined, around: ConfigContext): Promise<Config | Finding> {
  let file = explicit ?? around.cwd
  try {
    file = findConfig(explicit, around)
    return await loadConfig(file, { isNamed: explicit !== undefined })
  } catch (error) {
    const { code, message } = toSettingsError(error)
    if (code !== 'CONFIG_ABSENT') {
      return broken(
        'config.invalid',
        file,
        message,
        `${edit(file)}   # docs/configuration.md lists every key`,
      )
    }
    const example = word(`${packageRoot()}/kytos.example.ini`)
    return broken('config.absent', file, message, `cp ${example} ${word(explicit ?? 'kytos.ini')}`)
  }
}

async function examineStore(config: Config, running: Running, usable: boolean): Promise<StoreExamined> {
  if (config.other) return examineOtherStore(config, config.other, running)
  if (config.settings.backend === 'filesystem') return examineFolderStore(config, running)
  if (usable) return examineEtcdStore(config, running)
  return {
    part: 'etcd',
    findings: [],
    entries: [],
    unknown: ['the state of etcd: it is checked only after the certificates and secrets above are repaired'],
  }
}
