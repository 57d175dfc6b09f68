import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import type { JsonObject } from '../../model/value.ts'
import { MANIFEST, parseObject } from './manifest.ts'
import type { Manifest } from './napp.ts'

/** The file with a NApp's own values for its settings, beside its `napp.json`. */
const SEED = 'settings.json'

/** The JSON Schema a manifest names, undefined when it names none. @throws SettingsError NAPP_INVALID. */
export async function readSchema(folder: string, manifest: Manifest): Promise<JsonObject | undefined> {
  if (manifest.settings === undefined) return undefined
  const file = join(folder, manifest.settings)
  const schema = await readObject(file)
  if (schema !== undefined) return schema
  throw new SettingsError(
    'NAPP_INVALID',
    `${join(folder, MANIFEST)}: the file "${manifest.settings}" named by "settings" does not exist. ` +
      'Create it or correct the path.',
    { details: { file } },
  )
}

/** The seed of a NApp, undefined when it has none. @throws SettingsError NAPP_INVALID. */
export function readSeed(folder: string): Promise<JsonObject | undefined> {
  return readObject(join(folder, SEED))
}

async function readObject(file: string): Promise<JsonObject | undefined> {
  try {
    return parseObject(await readFile(file, 'utf8'), file)
  } catch (cause) {
    if (cause instanceof SettingsError) throw cause
    if (hasCode(cause, 'ENOENT')) return undefined
    throw new SettingsError(
      'NAPP_INVALID',
      `${file} cannot be read: ${reasonOf(cause)}. Check its permissions.`,
      { cause, details: { file } },
    )
  }
}
