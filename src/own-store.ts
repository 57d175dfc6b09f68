import { loadBackend } from '../backends/registry.ts'
import { createBus } from '../events/bus.ts'
import type { RootBus } from '../events/event.ts'
import type { Config } from './boot/config.ts'
import { chooseBackend } from './boot/store-choice.ts'
import type { Log } from './log.ts'
import { createService } from './service.ts'

/** The store of a configuration, with the service's own rules before it and no NApp behind them: for when no service runs. */
export interface OwnStore {
  readonly bus: RootBus
  close(): Promise<void>
}

/** Milliseconds that the store may take to answer. */
const PATIENCE = 10_000

/** Opens the store that a configuration names. @throws SettingsError what opening it throws: STORE_LOCKED when a service has it after all. */
export async function openOwnStore(config: Config, log: Log): Promise<OwnStore> {
  const { controller, strict, hook_timeout } = config.settings
  const choice = await chooseBackend(config, warning => log.warn(warning))
  const bus = createBus({ log, hookDeadline: hook_timeout * 1_000 })
  const startTimeout = Math.min(PATIENCE, config.settings.start_timeout * 1_000)
  const service = createService(await loadBackend(choice), { bus, log, controller, strict, startTimeout })
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  return { bus, close: () => service.close() }
}
