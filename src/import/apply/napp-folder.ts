import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SettingsError } from '../../../model/errors.ts'
import { reasonOf } from '../../../model/failure.ts'
import { NAMESPACE_PART } from '../../../model/namespace.ts'
import { mentionedNames } from '../python/statements.ts'
import { findLines } from '../python/syntax/lines.ts'
import { parsePython } from '../python/syntax/parser.ts'
import { decodeSource } from '../python/syntax/source-text.ts'
import { NotPython } from '../python/values/value.ts'
import type { NAppCode } from './apply-modes.ts'
import type { PythonFile } from './setting-use.ts'

/** No file of a NApp is nearly as large, and no NApp has as many or lies as deep. */
const MAX_BYTES = 2 * 1024 * 1024
const MAX_FILES = 1_000
const MAX_DEPTH = 8
/** Folders whose files Kytos does not load. */
const SKIPPED: ReadonlySet<string> = new Set(['tests', 'test', 'ui', 'docs', 'build', 'dist', 'node_modules'])
const SETTINGS = 'settings.py'
const NAME = new RegExp(`^${NAMESPACE_PART}$`)

/** The code of a NApp. */
export interface NAppInFolder extends NAppCode {
  /** Its settings.py. */
  readonly settingsFile: string
}

/**
 * The enabled Python NApps of a folder as Kytos has it, `<username>/<name>/`, that have a settings.py, by id.
 * Their files are parsed and never executed.
 * @throws SettingsError CONFIG_ABSENT when the folder cannot be read, CONTENT_MALFORMED when no NApp has one.
 */
export async function readNAppsFolder(
  folder: string,
  progress: (done: number, total: number) => void = () => {},
): Promise<readonly NAppInFolder[]> {
  const ids = await findNApps(folder)
  const napps: NAppInFolder[] = []
  for (const [done, id] of ids.entries()) {
    progress(done, ids.length)
    const settingsFile = join(folder, id, SETTINGS)
    if ((await stat(settingsFile).catch(() => undefined))?.isFile())
      napps.push({ ...(await readNApp(join(folder, id), id)), settingsFile })
  }
  progress(ids.length, ids.length)
  if (napps.length > 0) return napps
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${folder} has no enabled NApp with a settings.py. Its NApps are expected in <username>/<name>/.`,
  )
}

async function findNApps(folder: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (const username of await foldersIn(folder))
    for (const name of await foldersIn(join(folder, username)).catch(() => []))
      ids.push(`${username}/${name}`)
  return ids
}

/** The names of folders, of symbolic links to folders too, that may be part of a NApp's id. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(cause => {
    throw new SettingsError('CONFIG_ABSENT', `${folder} cannot be read: ${reasonOf(cause)}.`, { cause })
  })
  const names: string[] = []
  for (const name of entries.sort()) {
    const isFolder = NAME.test(name) && (await stat(join(folder, name)).catch(() => undefined))?.isDirectory()
    if (isFolder) names.push(name)
  }
  return names
}

async function readNApp(folder: string, namespace: string): Promise<NAppCode> {
  const files: PythonFile[] = []
  const unread: string[] = []
  for (const path of await pythonFilesIn(folder, '', 0)) {
    const script = files.length < MAX_FILES ? await parseFile(join(folder, path)) : undefined
    if (script) files.push({ namespace, path, ...script })
    else unread.push(path)
  }
  const settings = files.find(({ path }) => path === SETTINGS)
  return {
    namespace,
    files: files.filter(one => one !== settings),
    settings: settings ? settingsOf(settings) : new Map(),
    unread,
  }
}

async function pythonFilesIn(folder: string, below: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
  const paths: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry
    const path = below === '' ? name : `${below}/${name}`
    if (entry.isDirectory() && depth < MAX_DEPTH && !name.startsWith('.') && !SKIPPED.has(name))
      paths.push(...(await pythonFilesIn(folder, path, depth + 1)))
    else if (name.endsWith('.py') && name !== 'setup.py' && !/^(test_.*|.*_test|conftest)\.py$/.test(name))
      paths.push(path)
  }
  return paths
}

/** Undefined for a file that is too large, cannot be read or is not Python. */
async function parseFile(file: string): Promise<Pick<PythonFile, 'text' | 'script'> | undefined> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size > MAX_BYTES) return undefined
  const decoded = decodeSource(await readFile(file).catch(() => Buffer.from([0xff])))
  if (!('text' in decoded)) return undefined
  try {
    return { text: decoded.text, script: parsePython(decoded.text).script }
  } catch (error) {
    if (error instanceof NotPython) return undefined // Its settings are taken for captured.
    throw error
  }
}

/** The settings of a settings.py: what each is made of, and its line. */
function settingsOf({ script, text }: PythonFile): NAppCode['settings'] {
  const { lineOf } = findLines(text)
  const settings = new Map<string, { readonly uses: readonly string[]; readonly line: number }>()
  const pending = [...script.children].reverse()
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (/^(StatementGroup|Body|IfStatement|TryStatement)$/.test(node.name))
      pending.push(...[...node.children].reverse())
    if (node.name !== 'AssignStatement' && node.name !== 'UpdateStatement') continue
    const at = node.children.findLastIndex(({ name }) => name === 'AssignOp' || name === 'UpdateOp')
    const values = node.children.slice(at + 1)
    const uses = values.flatMap(value => [...mentionedNames(value, text)])
    for (const target of node.children.slice(0, Math.max(at, 0)))
      for (const name of mentionedNames(target, text)) {
        const known = settings.get(name)
        settings.set(name, {
          uses: [...new Set([...(known?.uses ?? []), ...uses])].filter(one => one !== name),
          line: known?.line ?? lineOf(node.from),
        })
      }
  }
  return settings
}
