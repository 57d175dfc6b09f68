import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { printCanonical } from '../../../model/canonical.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { CLUSTER, controllerScope, isControllerId, parseNamespace } from '../../../model/namespace.ts'
import { isObject, type Json, type JsonObject, setMember } from '../../../model/value.ts'

/*
 * A folder of overrides, as `export --dir` writes it and `apply` reads it: one JSON file for each document,
 * settings/<username>/<name>.json for the cluster and controllers/<id>/<username>/<name>.json for one
 * controller. `.kytos-settings.json` beside them records what the store held when the folder was written.
 */

/** The overrides of a namespace in a scope. */
export interface FolderDocument {
  readonly namespace: string
  readonly scope: string
  readonly data: JsonObject
}

/** The state of the store from which a folder was written, by the file of each document. */
export interface FolderRecord {
  readonly epoch: number
  /** The digest of the overrides in the store. */
  readonly files: Readonly<Record<string, string>>
}

const RECORD = '.kytos-settings.json'

/** The digest of overrides: equal for equal overrides. */
export function digestOf(overrides: JsonObject): string {
  return createHash('sha256').update(printCanonical(overrides)).digest('hex')
}

/** The file of a document below the folder, with `/` between its parts. */
export function fileOf({ namespace, scope }: Pick<FolderDocument, 'namespace' | 'scope'>): string {
  const folder = scope === CLUSTER ? 'settings' : `controllers/${scope.slice('controller:'.length)}`
  return `${folder}/${namespace}.json`
}

/** The namespace and the scope of a file; undefined for any other file. */
export function documentOf(file: string): Pick<FolderDocument, 'namespace' | 'scope'> | undefined {
  const [first, ...rest] = file.replace(/\.json$/, '').split('/')
  const [id = '', ...below] = rest
  if (!file.endsWith('.json')) return undefined
  if (first === 'settings') return { namespace: parseNamespace(rest.join('/')), scope: CLUSTER }
  if (first !== 'controllers' || !isControllerId(id)) return undefined
  return { namespace: parseNamespace(below.join('/')), scope: controllerScope(id) }
}

/**
 * Every document of a file `{"<namespace>": overrides}`, as `export` prints it; all are of the cluster.
 * @throws SettingsError JSON_MALFORMED or NAMESPACE_MALFORMED with the file.
 */
export async function readFileDocuments(file: string): Promise<readonly FolderDocument[]> {
  try {
    const all = parseUntrustedJson(await readFile(file, 'utf8'))
    if (!isObject(all)) throw new SettingsError('JSON_MALFORMED', 'It must hold {"<namespace>": {...}}.')
    return Object.entries(all).map(([name, data]) => {
      const namespace = parseNamespace(name)
      if (isObject(data)) return { namespace, scope: CLUSTER, data }
      throw new SettingsError('JSON_MALFORMED', `The value of ${namespace} must be an object of settings.`)
    })
  } catch (cause) {
    const { code, message } = toSettingsError(cause)
    throw new SettingsError(code, `${file} is not valid: ${message}`, { cause })
  }
}

/**
 * Every document of a folder, in the order of their files.
 * @throws SettingsError JSON_MALFORMED or NAMESPACE_MALFORMED with the file; CONTENT_MALFORMED without
 * documents and record.
 */
export async function readFolder(folder: string): Promise<readonly FolderDocument[]> {
  const names = await readdir(folder, { recursive: true }).catch(cause => {
    throw new SettingsError('CONTENT_MALFORMED', `The folder ${folder} cannot be read: ${cause.message}.`, {
      cause,
    })
  })
  const documents: FolderDocument[] = []
  for (const name of names.sort()) {
    const file = name.split(sep).join('/')
    try {
      const place = documentOf(file)
      if (!place) continue
      const data = parseUntrustedJson(await readFile(join(folder, name), 'utf8'))
      if (!isObject(data)) throw new SettingsError('JSON_MALFORMED', 'It must hold an object of settings.')
      documents.push({ ...place, data })
    } catch (cause) {
      const { code, message } = toSettingsError(cause)
      throw new SettingsError(code, `${join(folder, name)} is not valid: ${message}`, { cause })
    }
  }
  if (documents.length > 0 || names.includes(RECORD)) return documents
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${folder} holds no settings: it needs files such as settings/kytos/link_discovery.json. "kytos-settings export --dir" writes them.`,
  )
}

/** The record of a folder; undefined without one. @throws SettingsError JSON_MALFORMED. */
export async function readRecord(folder: string): Promise<FolderRecord | undefined> {
  const text = await readFile(join(folder, RECORD), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const record = parseRecord(text)
  if (record) return record
  throw new SettingsError(
    'JSON_MALFORMED',
    `${join(folder, RECORD)} is not valid: restore it, or remove it, after which no file counts as a conflict.`,
  )
}

function parseRecord(text: string): FolderRecord | undefined {
  let value: Json
  try {
    value = parseUntrustedJson(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || typeof value.epoch !== 'number' || !isObject(value.files)) return undefined
  const digests = Object.entries(value.files)
  if (!digests.every(([, digest]) => typeof digest === 'string')) return undefined
  return { epoch: value.epoch, files: Object.fromEntries(digests) as Record<string, string> }
}

/** Writes the documents and the record; files of other documents stay. */
export async function writeFolder(
  folder: string,
  documents: readonly FolderDocument[],
  epoch: number,
): Promise<void> {
  for (const document of documents)
    await writeWhole(join(folder, fileOf(document)), `${printJson(sorted(document.data), 2)}\n`)
  await writeRecord(folder, {
    epoch,
    files: Object.fromEntries(documents.map(one => [fileOf(one), digestOf(one.data)])),
  })
}

/** Writes the record of a folder. */
export async function writeRecord(folder: string, { epoch, files }: FolderRecord): Promise<void> {
  const inOrder: JsonObject = {}
  for (const file of Object.keys(files).sort()) setMember(inOrder, file, files[file] ?? '')
  await writeWhole(join(folder, RECORD), `${printJson({ epoch, files: inOrder }, 2)}\n`)
}

/** Members in a fixed order, so that a file changes only where its settings do. */
function sorted(data: JsonObject): Json {
  return parseUntrustedJson(printCanonical(data))
}

/** A reader sees the old text or the new one, because the file is renamed into its place. */
async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, file)
}
