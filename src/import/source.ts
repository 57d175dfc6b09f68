import { open, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { TextDecoder } from 'node:util'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import { type Namespace, parseNamespace } from '../../model/namespace.ts'
import { CORE_NAMESPACE, readKytosConf } from './kytos-conf.ts'
import { readOverridesJson } from './overrides-json.ts'
import { type ReadProblem, type ReadSettings, readSettingsPy } from './settings-py.ts'
import { type FolderProblem, type FoundBox, scanStorehouse } from './storehouse-folder.ts'

/** What one file says of one namespace. */
export interface SettingsSource extends ReadSettings {
  readonly kind: 'settings'
  readonly file: string
  readonly namespace: Namespace
  /** True for overrides, which merge with the defaults; absent for whole values. */
  readonly isOverrides?: boolean
}
/** What a folder of storehouse holds. */
export interface BoxesSource {
  readonly kind: 'boxes'
  readonly file: string
  readonly boxes: readonly FoundBox[]
}
/** What could not be read. */
export interface BrokenSource {
  readonly kind: 'broken'
  readonly file: string
  readonly problems: readonly ReadProblem[]
  /** The box that it would be. */
  readonly box?: { readonly namespace: string; readonly name: string }
}
export type Source = SettingsSource | BoxesSource | BrokenSource

export interface SourceOptions {
  readonly cwd: string
  /** Whose settings the file has, where its path does not say, or says another. */
  readonly namespace?: string
  /** What `os.environ` has for a settings.py. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Hears of each box of a folder that was read, and of how many. */
  readonly progress?: (done: number, total: number) => void
}

/** No file of settings is larger by far; those of one namespace take 256 KiB at most. */
const MOST_BYTES = 16 * 1024 * 1024

/**
 * Reads a settings.py, a .ini or .conf, a .json or a folder of storehouse. What is wrong in it is in the
 * sources; they are as many as it has namespaces.
 * @throws SettingsError CONFIG_ABSENT when it cannot be read at all, CONTENT_MALFORMED for another kind of
 * file, or a namespace that nobody tells.
 */
export async function readSource(path: string, options: SourceOptions): Promise<readonly Source[]> {
  const file = resolve(options.cwd, path)
  const { size, directory, regular } = await look(file, path)
  if (directory) return readFolder(path, file, options.progress)
  const kind = extname(file).toLowerCase()
  if (!['.py', '.ini', '.conf', '.json'].includes(kind)) throw unknownKind(path)
  if (!regular) throw new SettingsError('CONTENT_MALFORMED', `${path} is not a regular file.`)
  if (size > MOST_BYTES)
    return [
      {
        kind: 'broken',
        file: path,
        problems: [{ message: `the file has ${size} bytes; ${MOST_BYTES} are allowed` }],
      },
    ]
  const bytes = await read(file, path)
  if (kind === '.py') {
    const namespace = namespaceOf(file, path, options.namespace)
    return [
      {
        kind: 'settings',
        file: path,
        namespace,
        ...readSettingsPy(bytes, { environment: options.environment ?? {} }),
      },
    ]
  }
  const text = decode(bytes)
  if (text === undefined)
    return [
      { kind: 'broken', file: path, problems: [{ message: 'the file is not UTF-8; save it as UTF-8' }] },
    ]
  if (kind !== '.json')
    return [
      {
        kind: 'settings',
        file: path,
        namespace: parseNamespace(options.namespace ?? CORE_NAMESPACE),
        ...readKytosConf(text),
      },
    ]
  return readJson(path, text, options.namespace)
}

function readJson(file: string, text: string, wanted: string | undefined): Source[] {
  const { namespaces, problems } = readOverridesJson(text)
  const broken: ReadProblem[] = [...problems]
  const sources: Source[] = []
  for (const [name, settings] of namespaces) {
    if (wanted !== undefined && name !== wanted) continue
    try {
      sources.push({
        kind: 'settings',
        file,
        namespace: parseNamespace(name),
        settings,
        problems: [],
        isOverrides: true,
      })
    } catch (error) {
      if (!isSettingsError(error)) throw error
      broken.push({ ...(settings[0] && { line: settings[0].line }), message: error.message })
    }
  }
  return broken.length > 0 ? [...sources, { kind: 'broken', file, problems: broken }] : sources
}

async function readFolder(
  path: string,
  folder: string,
  progress: SourceOptions['progress'],
): Promise<Source[]> {
  const settings = join(folder, 'settings.py')
  const found = await stat(settings).catch(() => undefined)
  if (found?.isFile())
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${path} is the folder of a NApp. Import its file: ${join(path, 'settings.py')}`,
    )
  const { boxes, problems } = await scanStorehouse(folder, path, progress)
  if (boxes.length === 0 && (await someOfNApps(problems)))
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${path} is a folder of NApps, not of storehouse. Import their files: ${join(path, '*/*/settings.py')}`,
    )
  const broken = problems.map(
    ({ shown: file, message, box }): Source => ({
      kind: 'broken',
      file,
      problems: [{ message }],
      ...(box && { box }),
    }),
  )
  return [{ kind: 'boxes', file: path, boxes }, ...broken]
}

/** True where a settings.py lies where a box would be, or below. */
async function someOfNApps(problems: readonly FolderProblem[]): Promise<boolean> {
  for (const { file } of problems) {
    if (basename(file) === 'settings.py') return true
    const below = await stat(join(file, 'settings.py')).catch(() => undefined)
    if (below?.isFile()) return true
  }
  return false
}

/** `<user>/<name>/settings.py` names the namespace. */
function namespaceOf(file: string, path: string, wanted: string | undefined): Namespace {
  if (wanted !== undefined) return parseNamespace(wanted)
  try {
    return parseNamespace(`${basename(dirname(dirname(file)))}/${basename(dirname(file))}`)
  } catch (cause) {
    const why = 'is not in a folder <username>/<name>/, so its namespace is unknown. Add the option'
    throw new SettingsError('CONTENT_MALFORMED', `${path} ${why} --namespace <username>/<name>.`, { cause })
  }
}

async function look(
  file: string,
  path: string,
): Promise<{ readonly size: number; readonly directory: boolean; readonly regular: boolean }> {
  try {
    const found = await stat(file)
    return { size: found.size, directory: found.isDirectory(), regular: found.isFile() }
  } catch (cause) {
    throw absent(file, path, cause)
  }
}

async function read(file: string, path: string): Promise<Buffer> {
  const handle = await open(file, 'r').catch(cause => {
    throw absent(file, path, cause)
  })
  try {
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** With its byte order mark, where it has one: Kytos would stumble over it. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined // told by the caller
  }
}

function absent(file: string, path: string, cause: unknown): SettingsError {
  const why = hasCode(cause, 'ENOENT') ? 'does not exist' : `cannot be read: ${reasonOf(cause)}`
  // A shell hands on a pattern that matches nothing.
  const hint = path.includes('*') ? ' No file matches the pattern.' : ''
  return new SettingsError('CONFIG_ABSENT', `${file} ${why}.${hint}`, { cause })
}

function unknownKind(path: string): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    `${path} cannot be imported; allowed are settings.py, .ini, .conf, .json, or a folder of storehouse.`,
  )
}
