import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SettingsError } from '../../model/errors.ts'
import { markHandled, reasonOf } from '../../model/failure.ts'
import type { JsonObject } from '../../model/value.ts'
import { forgetCommonJs, registerModuleHooks } from '../boot/module-hooks.ts'
import { readSchema, readSeed } from '../client/assets.ts'
import { MANIFEST } from '../client/manifest.ts'
import type { CreateNApp, Manifest } from '../client/napp.ts'
import type { FoundNApp } from './discover.ts'
import { withPlace } from './failure-place.ts'
import { loadPlace } from './load-place.ts'

/** The files of a NApp that the host reads besides its main file. */
export interface NAppAssets {
  readonly schema: JsonObject | undefined
  readonly seed: JsonObject | undefined
}

/** A NApp in memory: everything that a start requires, although its folder may be replaced meanwhile. */
export interface LoadedNApp extends NAppAssets {
  readonly found: FoundNApp
  readonly create: CreateNApp
}

/**
 * Checks that the main file exists, and reads schema and seed.
 * @throws SettingsError NAPP_INVALID that names the file.
 */
export async function readAssets(folder: string, manifest: Manifest): Promise<NAppAssets> {
  const main = await stat(join(folder, manifest.main)).catch(() => undefined)
  if (!main?.isFile()) {
    throw new SettingsError(
      'NAPP_INVALID',
      `${join(folder, MANIFEST)}: the file "${manifest.main}" named by "main" does not exist. ` +
        'Build the NApp first.',
    )
  }
  return { schema: await readSchema(folder, manifest), seed: await readSeed(folder) }
}

/**
 * Reads a NApp and imports its main file. `loads` is the number of earlier loads of this NApp, whose modules
 * are not used again.
 * @throws SettingsError NAPP_INVALID that names the file.
 */
export async function loadNApp(found: FoundNApp, loads: number): Promise<LoadedNApp> {
  const { id, folder, manifest } = found
  const assets = await readAssets(folder, manifest)
  const file = join(folder, manifest.main)
  const url = pathToFileURL(file)
  // The URL differs for each load, because Node caches modules by URL, and the NApp may be another version.
  if (loads > 0) url.search = `?load=${loads}`
  if (loads > 0) forgetCommonJs(folder)
  registerModuleHooks()
  try {
    const module: { readonly default?: unknown } = await import(url.href)
    // The content of a foreign module is known at run time only; only the type of a function can be checked.
    if (typeof module.default === 'function')
      return { found, create: module.default as CreateNApp, ...assets }
  } catch (cause) {
    markHandled(cause)
    const place = await loadPlace(folder, file, cause)
    throw new SettingsError(
      'NAPP_INVALID',
      `${file}, the main file of ${id}, cannot be loaded: ${withPlace(reasonOf(cause), place)}`,
      { cause },
    )
  }
  throw new SettingsError(
    'NAPP_INVALID',
    `${file}, the main file of ${id}, must have a default export (context) => {setup, shutdown?}.`,
  )
}
