import type { Backend } from '../../backends/backend.ts'
import { SettingsError } from '../../model/errors.ts'
import { META_KEY } from './epoch.ts'
import type { Watcher } from './watcher.ts'

/** How long a read waits for the cache to reach the store. */
const CACHE_WAIT_MS = 5_000

/**
 * Waits until a condition on the cache holds.
 * @throws SettingsError STORE_STALE when it does not hold within 5 s.
 */
export async function waitForCache(watcher: Watcher, condition: () => boolean): Promise<void> {
  if (await watcher.until(condition, CACHE_WAIT_MS)) return
  const { reason } = watcher.health
  throw new SettingsError(
    'STORE_STALE',
    `The cache of this controller did not reach the revision of the store in ${CACHE_WAIT_MS / 1000} s${reason ? ` (${reason})` : ''}. Retry.`,
  )
}

/**
 * Waits until the cache has the document `meta/store`, and with it the epoch, as the store held it at the
 * time of the call, or as it became since.
 * @throws SettingsError STORE_STALE as {@link waitForCache}, STORE_UNREACHABLE.
 */
export async function freshenEpoch(backend: Backend, watcher: Watcher): Promise<void> {
  const { cache } = watcher
  const before = cache.meta
  const entry = await backend.get(META_KEY)
  const isThere = () => cache.meta?.modRevision === entry?.modRevision && cache.meta?.text === entry?.text
  await waitForCache(watcher, () => isThere() || cache.meta !== before)
}
