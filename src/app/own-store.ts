import { createMemoryBackend } from '../../backends/memory/index.ts'
import { createBus } from '../../events/bus.ts'
import type { RootBus } from '../../events/event.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, storeExists } from '../boot/store-choice.ts'
import type { Log } from '../log/log.ts'
import { createService } from './service.ts'

/**
 * The store of a configuration, with the service's own rules before it and no NApp behind them: for when no
 * service runs.
 */
export interface OwnStore {
  /** False for the empty one of a dry run. */
  readonly isThere: boolean
  readonly bus: RootBus
  close(): Promise<void>
}

/** Milliseconds that the store may take to answer. */
const PATIENCE = 10_000

/**
 * Opens the store that a configuration names; in a dry run, an empty one in memory in place of a folder that
 * is not there yet, which is not made.
 * @throws SettingsError what opening it throws: STORE_LOCKED when a service has it after all.
 */
export async function openOwnStore(config: Config, log: Log, { dryRun = false } = {}): Promise<OwnStore> {
  const { controller, strict, hook_timeout } = config.settings
  const choice = await chooseBackend(config, warning => log.warn(warning))
  const exists = !dryRun || storeExists(choice)
  const createBackend = exists ? await loadBackend(choice) : () => createMemoryBackend()
  const bus = createBus({ log, hookDeadline: hook_timeout * 1_000 })
  const startTimeout = Math.min(PATIENCE, config.settings.start_timeout * 1_000)
  const service = createService(createBackend, { bus, log, controller, strict, startTimeout })
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  return { bus, isThere: exists, close: () => service.close() }
}
