import { inspectFolder } from '../../backends/filesystem/inspect.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, nameStore } from '../boot/store-choice.ts'
import { readArchive, writeArchive } from './archive.ts'
import { loadFrom, refuseEmpty } from './copy-store.ts'
import type { LoadOptions, LoadReport } from './load-store.ts'
import { type StoreSnapshot, snapshotOf, takeSnapshot } from './store-snapshot.ts'
import { type Warn, withStore } from './stores.ts'

/** The result of a backup. */
export interface BackupReport {
  readonly snapshot: StoreSnapshot
  readonly bytes: number
}

/**
 * Writes the content of a store, at one revision, into one file. A folder that a service has open is read
 * from its journal, so that the service continues meanwhile.
 * @throws SettingsError CONFIG_INVALID for an empty store, and as {@link writeArchive}.
 */
export async function backUp(
  config: Config,
  file: string,
  replace: boolean,
  warn: Warn,
): Promise<BackupReport> {
  const snapshot = await readStore(config, warn)
  refuseEmpty(snapshot, config)
  return { snapshot, bytes: await writeArchive(snapshot, file, replace) }
}

/**
 * Loads an archive, which is read to its end first, into the store of a configuration.
 * @throws SettingsError STORE_DAMAGED, and as {@link loadFrom}.
 */
export async function restore(
  file: string,
  config: Config,
  options: LoadOptions,
  warn: Warn,
): Promise<LoadReport & { readonly snapshot: StoreSnapshot }> {
  const snapshot = await readArchive(file)
  return { ...(await loadFrom(snapshot, config, options, warn)), snapshot }
}

async function readStore(config: Config, warn: Warn): Promise<StoreSnapshot> {
  try {
    return await withStore(config, warn, ({ backend, name }) => takeSnapshot(backend, name), true)
  } catch (error) {
    if (config.other || !isSettingsError(error, 'STORE_LOCKED')) throw error
    const found = await inspectFolder(config.filesystem.path)
    if (!found)
      throw new SettingsError(
        'CONFIG_INVALID',
        `The store ${config.filesystem.path} has no journal. Check path in [settings.filesystem].`,
      )
    return snapshotOf(nameStore(await chooseBackend(config, () => {})), found.revision, found.entries)
  }
}
