import { createMemoryBackend } from '../../backends/memory/index.ts'
import { createBus } from '../../events/bus.ts'
import type { RootBus } from '../../events/event.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, storeExists } from '../boot/store-choice.ts'
import type { Log } from '../log/log.ts'
import { keySource } from '../secrets/key-source.ts'
import { createService } from './service.ts'

/** The store of a configuration behind a service without NApps, for use while no other service is running. */
export interface OwnStore {
  /** False for the empty store of a dry run. */
  readonly exists: boolean
  readonly bus: RootBus
  close(): Promise<void>
}

/** The longest time that the store may take to respond. */
const MAX_START_MS = 10_000

/**
 * Opens the store of a configuration. A dry run does not create the folder of a store; it opens an empty
 * store in memory instead.
 * @throws SettingsError the errors of opening the store: STORE_LOCKED when a service is running.
 */
export async function openOwnStore(config: Config, log: Log, { dryRun = false } = {}): Promise<OwnStore> {
  const { controller, strict, history, hook_timeout } = config.settings
  const choice = await chooseBackend(config, warning => log.warn(warning))
  const exists = !dryRun || storeExists(choice)
  const createBackend = exists ? await loadBackend(choice) : () => createMemoryBackend()
  const bus = createBus({ log, hookDeadline: hook_timeout * 1_000 })
  const startTimeout = Math.min(MAX_START_MS, config.settings.start_timeout * 1_000)
  const service = createService(createBackend, {
    bus,
    log,
    controller,
    strict,
    history,
    startTimeout,
    ...(exists && { keys: keySource(config.settings.keys, process.env) }),
  })
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  return { bus, exists, close: () => service.close() }
}
