import { toSettingsError } from '../../model/errors.ts'
import { type Config, findConfig, loadConfig } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { loadCertificate } from '../http/certificate.ts'
import { examineClocks } from './clocks.ts'
import { examineContent } from './content.ts'
import { examineEtcdStore } from './etcd-store.ts'
import { examineFiles } from './files.ts'
import { broken, type Examined, type Finding } from './finding.ts'
import { examineFolderStore } from './folder-store.ts'
import { examineNApps } from './napps.ts'
import { examineRunning } from './running.ts'

/** Examines everything that a configuration leads to; changes nothing, and works whether or not the service runs. Never throws for what it is to find. */
export async function examine(explicit: string | undefined, cwd: string): Promise<readonly Examined[]> {
  const loaded = await load(explicit, cwd)
  if ('severity' in loaded) return [{ part: 'the configuration', findings: [loaded] }]
  const credentials = await examineCredentials(loaded)
  const { running, ...service } = await examineRunning(loaded)
  const store = loaded.settings.backend === 'etcd' ? await examineEtcdStore(loaded) : await examineFolderStore(loaded, running)
  const { entries, ...examined } = store
  return [
    { part: 'the configuration', findings: credentials },
    service,
    await examineFiles(loaded),
    examined,
    ...(entries.length > 0 ? [await examineContent(loaded, entries), examineClocks(entries)] : []),
    await examineNApps(loaded),
  ]
}

async function load(explicit: string | undefined, cwd: string): Promise<Config | Finding> {
  try {
    return await loadConfig(findConfig(explicit, cwd))
  } catch (error) {
    const { code, message } = toSettingsError(error)
    const repair =
      code === 'CONFIG_ABSENT' ? 'cp kytos.example.ini kytos.ini' : 'Correct the lines that are named; docs/configuration.md has every key.'
    return broken(code === 'CONFIG_ABSENT' ? 'config.absent' : 'config.invalid', explicit ?? cwd, message, repair)
  }
}

/** What the files hold that the configuration names, each as the start reads it. */
async function examineCredentials(config: Config): Promise<Finding[]> {
  const { tls_cert: cert, tls_key: key } = config.settings
  const findings: Finding[] = []
  const tryOut = async (where: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      findings.push(broken('config.credentials', where, toSettingsError(error).message, 'Correct the files that are named.'))
    }
  }
  await tryOut(config.file, () => chooseBackend(config, () => {}))
  if (cert !== undefined && key !== undefined) await tryOut(cert, () => loadCertificate({ cert, key }))
  return findings
}
