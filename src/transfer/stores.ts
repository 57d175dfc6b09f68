import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, nameStore, storeExists } from '../boot/store-choice.ts'

/** The store of a configuration, opened for one piece of work. */
export interface OpenStore {
  readonly backend: Backend
  /** As in the log. */
  readonly name: string
}

/** Receives warnings for the operator, one sentence each. */
export type Warn = (message: string) => void

/**
 * Opens the store of a configuration for the time of `work`.
 * @throws SettingsError STORE_LOCKED, with the remedy, while a service has a folder open; CONFIG_INVALID for
 * an absent folder with `mustExist`.
 */
export async function withStore<Result>(
  config: Config,
  warn: Warn,
  work: (store: OpenStore) => Promise<Result>,
  mustExist = false,
): Promise<Result> {
  const choice = await chooseBackend(config, warn)
  if (mustExist && !storeExists(choice)) {
    throw new SettingsError(
      'CONFIG_INVALID',
      `The store ${nameStore(choice)} of ${config.file} does not exist or is empty. Check path in [settings.filesystem].`,
    )
  }
  const backend = (await loadBackend(choice))(({ message }) => warn(message))
  try {
    await backend.open()
    return await work({ backend, name: nameStore(choice) })
  } catch (error) {
    if (choice.backend !== 'filesystem' || !isSettingsError(error, 'STORE_LOCKED')) throw error
    throw new SettingsError(
      'STORE_LOCKED',
      `${error.message} Stop its service to copy the folder; "kytos-settings backup FILE" works while it runs.`,
      {
        cause: error,
        details: error.details,
      },
    )
  } finally {
    await backend.close()
  }
}
