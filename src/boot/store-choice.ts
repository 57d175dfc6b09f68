import { readdirSync } from 'node:fs'
import { hasCode } from '../../model/failure.ts'
import type { BackendChoice } from './backend-registry.ts'
import type { Config } from './config.ts'
import { loadEtcdSecrets } from './etcd-secrets.ts'

/** The store that a configuration names, with the secrets from its files; `warn` hears of those that everybody can read. @throws SettingsError CONFIG_INVALID. */
export async function chooseBackend(config: Config, warn: (warning: string) => void): Promise<BackendChoice> {
  if (config.settings.backend === 'filesystem') return { backend: 'filesystem', path: config.filesystem.path }
  const { warnings, ...secrets } = await loadEtcdSecrets(config.etcd)
  for (const warning of warnings) warn(warning)
  const { endpoints, prefix, timeout, username } = config.etcd
  return { backend: 'etcd', endpoints, prefix, timeout, ...(username === undefined ? {} : { username }), ...secrets }
}

/** False for a folder that does not exist, or is empty, as a service manager makes it; whether there is an etcd shows when it is asked. */
export function isThere(choice: BackendChoice): boolean {
  if (choice.backend !== 'filesystem') return true
  try {
    return readdirSync(choice.path).length > 0
  } catch (error) {
    // Whatever else is wrong with it, opening it says.
    return !hasCode(error, 'ENOENT')
  }
}

/** The store as its snapshots and the log name it. */
export function nameStore(choice: BackendChoice): string {
  return choice.backend === 'filesystem' ? `filesystem ${choice.path}` : `etcd ${choice.endpoints.join(',')} ${choice.prefix}`
}
