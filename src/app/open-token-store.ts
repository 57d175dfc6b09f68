import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { TokenStore } from '../tokens/token-store.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'

/**
 * Calls `work` with the tokens of a configuration's store, for use while no service is running.
 * @throws SettingsError the errors of opening the store: STORE_LOCKED when a service is running, STORE_FORMAT
 * for a store of a newer release.
 */
export async function withTokenStore<Result>(
  config: Config,
  warn: (message: string) => void,
  work: (tokens: TokenStore) => Promise<Result>,
): Promise<Result> {
  const createBackend = await loadBackend(await chooseBackend(config, warn))
  const backend = createBackend(({ message }) => warn(message))
  try {
    await backend.open()
    readEpoch(await backend.get(META_KEY))
    return await work(new TokenStore(backend))
  } finally {
    await backend.close()
  }
}
