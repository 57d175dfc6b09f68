import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { quote } from '../../model/quote.ts'
import { toJson } from '../../model/value.ts'
import { isNAppId, MANIFEST } from '../client/manifest.ts'
import { packageRoot } from './package-root.ts'

/** The example that a new NApp is a copy of. */
const TEMPLATE = join('examples', 'live_poller')
const COPIED = ['main.mjs', 'main.test.mjs']

/**
 * Creates the folder of a new NApp that runs as it is: the example of the Config API, with its test. Returns
 * the names of its files.
 * @throws SettingsError NAPP_INVALID for an invalid id, NAPP_CONFLICT for a path that exists.
 */
export async function createNAppFolder(id: string, folder: string): Promise<readonly string[]> {
  if (!isNAppId(id))
    throw new SettingsError(
      'NAPP_INVALID',
      `${quote(id)} is not the id of a NApp. Use USERNAME/NAME, each 1 to 64 letters, digits, ".", "_" or "-".`,
      { details: { got: id } },
    )
  const template = join(packageRoot(), TEMPLATE)
  const [username = '', name = ''] = id.split('/')
  const manifest = {
    ...Object(parseJson(await readFile(join(template, MANIFEST), 'utf8'))),
    username,
    name,
    version: '0.1.0',
    description: `The NApp ${id}`,
  }
  await makeFolder(folder)
  try {
    await writeFile(join(folder, MANIFEST), `${printJson(toJson(manifest), 2)}\n`, { flag: 'wx' })
    for (const file of COPIED) await copyFile(join(template, file), join(folder, file))
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw notCreated(folder, cause)
  }
  return [MANIFEST, ...COPIED]
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(dirname(folder), { recursive: true })
    await mkdir(folder)
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw notCreated(folder, cause)
    const message = `${folder} already exists. Use another name, or another folder.`
    throw new SettingsError('NAPP_CONFLICT', message, { details: { path: folder } })
  }
}

function notCreated(folder: string, cause: unknown): SettingsError {
  const message = `${folder} cannot be created: ${reasonOf(cause)}. Use a folder that you may write.`
  return new SettingsError('NAPP_INVALID', message, { cause, details: { path: folder } })
}
