import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import { type Config, type ConfigContext, findConfig, loadConfig } from '../boot/config.ts'
import { packageRoot } from '../host/package-root.ts'
import { examineBridge } from './bridge.ts'
import { examineClocks } from './clocks.ts'
import { edit } from './commands.ts'
import { examineContent } from './content.ts'
import { examineCredentials, examineLocalAuth } from './credentials.ts'
import { examineEtcdStore } from './etcd-store.ts'
import { examineFiles } from './files.ts'
import { broken, type Examination, type Finding } from './finding.ts'
import { examineFolderStore, type StoreExamination } from './folder-store.ts'
import { examineNApps } from './napps.ts'
import { examineOtherStore } from './other-store.ts'
import { examinePastSecrets } from './past-secrets.ts'
import { examineRunning, explainState, type RunningService } from './running.ts'
import { examineSealed } from './sealed-secrets.ts'

/**
 * Examines the configuration and all files, stores, services and NApps that it names. Changes nothing, and
 * works whether or not the service runs. Reports each problem as a finding instead of an error.
 */
export async function examine(
  explicit: string | undefined,
  around: ConfigContext,
): Promise<readonly Examination[]> {
  const loaded = await load(explicit, around)
  const part = 'the configuration'
  if ('severity' in loaded) return [{ part, findings: [loaded] }]
  const { usable, ...credentials } = await examineCredentials(loaded)
  const { running, ...service } = await examineRunning(loaded)
  const { entries, ...store } = await examineStore(loaded, running, usable)
  const isSound = usable && !store.findings.some(({ severity }) => severity === 'broken')
  return [
    { part, findings: [] },
    { ...credentials, findings: [...credentials.findings, ...(await examineLocalAuth(loaded))] },
    isSound ? { ...service, findings: explainState(service.findings, loaded) } : service,
    await examineFiles(loaded),
    store,
    ...(entries.length > 0
      ? [
          await examineContent(loaded, entries),
          await examineSealed(loaded, entries, around.env),
          await examinePastSecrets(loaded, entries),
          examineClocks(entries),
        ]
      : []),
    ...(await examineBridge(loaded)),
    await examineNApps(loaded, running),
  ]
}

async function load(explicit: string | undefined, around: ConfigContext): Promise<Config | Finding> {
  let file = explicit ?? around.cwd
  try {
    file = findConfig(explicit, around)
    return await loadConfig(file, { isNamed: explicit !== undefined })
  } catch (error) {
    const { code, message, details } = toSettingsError(error)
    if (code === 'CONFIG_UNTRUSTED') return broken('config.untrusted', file, message, String(details.repair))
    if (code !== 'CONFIG_ABSENT') {
      return broken(
        'config.invalid',
        file,
        message,
        `${edit(file)}   # docs/configuration.md lists every key`,
      )
    }
    const example = shellWord(`${packageRoot()}/kytos.example.ini`)
    return broken('config.absent', file, message, `cp ${example} ${shellWord(explicit ?? 'kytos.ini')}`)
  }
}

async function examineStore(
  config: Config,
  running: RunningService,
  usable: boolean,
): Promise<StoreExamination> {
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
