import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { TokenStore } from '../tokens/token-store.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'

/**
 * Gives the tokens of the store that a configuration names to `work`, without a service: for when none runs.
 * @throws SettingsError what opening the store throws: STORE_LOCKED when a service has it after all,
 * STORE_FORMAT for one of a newer release.
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
