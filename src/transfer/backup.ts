import { inspectFolder } from '../../backends/filesystem/inspect.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, nameStore } from '../boot/store-choice.ts'
import { readArchive, writeArchive } from './archive.ts'
import { fillFrom, refuseEmpty } from './copy-store.ts'
import type { FillOptions, FillReport } from './fill-store.ts'
import { pictureOf, type StoreSnapshot, takeSnapshot } from './store-snapshot.ts'
import { type Warn, withStore } from './stores.ts'

/** What was put into an archive. */
export interface BackupReport {
  readonly picture: StoreSnapshot
  readonly bytes: number
}

/**
 * Writes what a store holds, at one revision, into one file. A folder that a service has open is read beside
 * it, from its journal: changes go on meanwhile.
 * @throws SettingsError CONFIG_INVALID for an empty store, and what {@link writeArchive} throws.
 */
export async function backUp(
  config: Config,
  file: string,
  replace: boolean,
  warn: Warn,
): Promise<BackupReport> {
  const picture = await readStore(config, warn)
  refuseEmpty(picture, config)
  return { picture, bytes: await writeArchive(picture, file, replace) }
}

/**
 * Fills the store of a configuration from an archive, which is read to its end first.
 * @throws SettingsError STORE_DAMAGED, and as {@link fillFrom}.
 */
export async function restore(
  file: string,
  config: Config,
  options: FillOptions,
  warn: Warn,
): Promise<FillReport & { readonly picture: StoreSnapshot }> {
  const picture = await readArchive(file)
  return { ...(await fillFrom(picture, config, options, warn)), picture }
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
    return pictureOf(nameStore(await chooseBackend(config, () => {})), found.revision, found.entries)
  }
}
