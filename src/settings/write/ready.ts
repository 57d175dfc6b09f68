import { SettingsError } from '../../../model/errors.ts'
import type { Watcher } from '../../watcher/watcher.ts'

/**
 * @throws SettingsError STORE_STALE while the store is unavailable: at once, because the caller decides
 * whether to wait.
 */
export function requireReady({ health }: Watcher): void {
  if (health.state === 'READY') return
  throw new SettingsError(
    'STORE_STALE',
    `Settings cannot be changed while the store is unavailable (${health.reason ?? health.state}). Nothing was written; retry.`,
    { details: { state: health.state } },
  )
}
