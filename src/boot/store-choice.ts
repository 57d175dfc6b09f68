import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { printCanonical } from '../../model/canonical.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { hasCode } from '../../model/failure.ts'
import { loadBackendModule } from './backend-module.ts'
import { publicOptions, readBackendOptions } from './backend-options.ts'
import type { BackendChoice } from './backend-registry.ts'
import type { Config, OtherBackend } from './config.ts'
import { loadEtcdSecrets } from './etcd-secrets.ts'
import { requireTrusted } from './trust.ts'

/**
 * The store that a configuration names, with the secrets from its files; secrets that all users can read are
 * reported to `warn`. Runs the code of a backend of another package.
 * @throws SettingsError CONFIG_INVALID, CONFIG_UNTRUSTED, BACKEND_INVALID.
 */
export async function chooseBackend(config: Config, warn: (warning: string) => void): Promise<BackendChoice> {
  if (config.other) return chooseOther(config.other, config.file)
  if (config.settings.backend === 'filesystem') {
    const { path } = config.filesystem
    // A folder in the store may be a link to another place.
    for (const folder of [path, ...STORE_FOLDERS.map(name => join(path, name))])
      await requireTrusted(folder, `The store at ${path} is not opened`)
    return { backend: 'filesystem', path }
  }
  const { warnings, ...secrets } = await loadEtcdSecrets(config.etcd)
  for (const warning of warnings) warn(warning)
  const { endpoints, prefix, timeout, username } = config.etcd
  return {
    backend: 'etcd',
    endpoints,
    prefix,
    timeout,
    ...(username === undefined ? {} : { username }),
    ...secrets,
    readSecrets: () => loadEtcdSecrets(config.etcd),
  }
}

const STORE_FOLDERS = ['journal', 'settings', 'controllers', 'boxes']

async function chooseOther(other: OtherBackend, file: string): Promise<BackendChoice> {
  const module = await loadBackendModule(other, file)
  try {
    const options = readBackendOptions(module.name, module.options, {
      file,
      folder: dirname(file),
      sections: other.sections,
    })
    return { backend: 'other', module, options }
  } catch (cause) {
    if (!isSettingsError(cause, 'SCHEMA_MALFORMED')) throw cause
    throw new SettingsError(
      'BACKEND_INVALID',
      `The backend ${module.file} exports options that are no schema: ${cause.message}`,
      { cause },
    )
  }
}

/**
 * False for a folder that does not exist, or is empty as created by a service manager. True for any other
 * store, whose existence is known only after it is opened.
 */
export function storeExists(choice: BackendChoice): boolean {
  if (choice.backend !== 'filesystem') return true
  try {
    return readdirSync(choice.path).length > 0
  } catch (error) {
    // Any other error is reported when the store is opened.
    return !hasCode(error, 'ENOENT')
  }
}

/**
 * The name of a store in snapshots and in the log: without secrets, and unique among stores of its backend.
 */
export function nameStore(choice: BackendChoice): string {
  switch (choice.backend) {
    case 'filesystem':
      return `filesystem ${choice.path}`
    case 'etcd':
      return `etcd ${choice.endpoints.join(',')} ${choice.prefix}`
    case 'other':
      return `${choice.module.name} ${printCanonical(publicOptions(choice.options, choice.module.options))}`
  }
}
