import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import type { Key } from '../../model/key.ts'
import { equalJson, isObject } from '../../model/value.ts'
import { errno } from './format/failures.ts'
import { type FileVersion, NO_FILE } from './format/file-version.ts'
import { hasFile, Layout, READABLE_KINDS } from './format/layout.ts'
import { parseReadable, parseStored } from './format/readable.ts'
import { replay, type Torn } from './journal/replay.ts'

/** The content of a store, as read from its journal without opening it. */
export interface Inspection {
  readonly revision: Revision
  /** In byte order of their keys. */
  readonly entries: readonly Entry[]
  /** The versions that the readable files may hold, as far as the journal notes them. */
  readonly files: ReadonlyMap<Key, readonly FileVersion[]>
  /** An unfinished write; it has no meaning while a process has the store open. */
  readonly torn: Torn | undefined
  /** The size of all files in the folder of the journal. */
  readonly bytes: number
  /** Files with unfinished writes of earlier processes, which were cut off. */
  readonly kept: readonly string[]
}

/** The holder of the lock of a store, as far as the lock file names it. */
export interface LockHolder {
  readonly pid: number | undefined
  readonly host: string | undefined
}

/** The smallest window, because the batches are not used. */
const NO_WINDOW = { batches: 1, bytes: 1 }
/** The number of attempts when the files change while they are read. */
const MAX_READ_ATTEMPTS = 5

/**
 * Reads the journal of a store in a folder, also while another process has it open; changes nothing. The
 * result is the content at one moment, with whole commits, and without hand edits that no process has
 * applied; undefined when there is no journal.
 * @throws SettingsError STORE_DAMAGED, STORE_FORMAT, STORE_UNWRITABLE.
 */
export async function inspectFolder(path: string): Promise<Inspection | undefined> {
  const { journal } = new Layout(resolve(path))
  for (let attempt = 1; existsSync(journal); attempt++) {
    try {
      const { state, files, torn, current } = await replay(journal, NO_WINDOW, hasFile)
      if (!current) return undefined
      const names = await readdir(journal)
      const sizes = await Promise.all(names.map(async name => (await stat(join(journal, name))).size))
      const entries = [...state.entries()].sort((a, b) => (a.key < b.key ? -1 : 1))
      const kept = names.filter(name => name.endsWith('.torn')).map(name => join(journal, name))
      return {
        revision: state.revision,
        entries,
        files,
        torn,
        bytes: sizes.reduce((sum, size) => sum + size, 0),
        kept,
      }
    } catch (cause) {
      // A process that has the store open may have replaced logs by a snapshot.
      if (attempt < MAX_READ_ATTEMPTS) continue
      if (isSettingsError(cause)) throw cause
      throw new SettingsError(
        'STORE_UNWRITABLE',
        `The journal ${journal} cannot be read: ${cause instanceof Error ? cause.message : cause}.`,
        {
          cause,
        },
      )
    }
  }
  return undefined
}

/**
 * The process that has a store open; undefined when there is none, or when that cannot be found out without a
 * write.
 * @throws SettingsError STORE_REFUSED without `flock`.
 */
export function findLockHolder(path: string): LockHolder | undefined {
  const { lock } = new Layout(resolve(path))
  if (!existsSync(lock)) return undefined
  // A shared lock, released at once.
  const { status, error } = spawnSync(
    'flock',
    ['--nonblock', '--shared', '--conflict-exit-code', '75', lock, 'true'],
    { stdio: 'ignore' },
  )
  if (error && 'code' in error && error.code === 'ENOENT') {
    throw new SettingsError(
      'STORE_REFUSED',
      'The "flock" command, which locks a filesystem store, is missing. Install util-linux (apt-get install util-linux).',
      {
        cause: error,
      },
    )
  }
  if (status !== 75) return undefined
  try {
    const value = parseJson(readFileSync(lock, 'utf8'))
    const { pid, host } = isObject(value) ? value : {}
    return {
      pid: typeof pid === 'number' ? pid : undefined,
      host: typeof host === 'string' ? host : undefined,
    }
  } catch {
    return { pid: undefined, host: undefined } // the holder is writing it
  }
}

/** The copies of rejected readable files. */
export async function findRejected(path: string): Promise<readonly string[]> {
  return (await readableFiles(new Layout(resolve(path)))).filter(file => file.endsWith('.rejected'))
}

/** A readable file that does not show its document, found while no process has the store open. */
export type OpenEdit =
  /** The next process that opens the store applies it, or writes it. */
  | { readonly kind: 'edited'; readonly file: string }
  /** It cannot be applied. */
  | { readonly kind: 'broken'; readonly file: string; readonly why: string }
  /** It existed and is absent: its document is kept. */
  | { readonly kind: 'missing'; readonly file: string; readonly key: Key }

/** The readable files that differ from their documents, cannot be parsed, or are missing. */
export async function findEdits(
  path: string,
  { entries, files: noted }: Pick<Inspection, 'entries' | 'files'>,
): Promise<readonly OpenEdit[]> {
  const layout = new Layout(resolve(path))
  const documents = new Map(
    entries.filter(({ key }) => hasFile(key)).map(entry => [layout.file(entry.key), entry]),
  )
  const files = new Map((await readableFiles(layout)).map(file => [file, layout.key(file)]))
  for (const [file, { key }] of documents) files.set(file, key)
  const edits = await Promise.all(
    [...files].map(([file, key]) => key && findEdit(file, key, documents.get(file), noted)),
  )
  return edits.flatMap(edit => edit ?? [])
}

async function findEdit(
  file: string,
  key: Key,
  document: Entry | undefined,
  noted: ReadonlyMap<Key, readonly FileVersion[]>,
): Promise<OpenEdit | undefined> {
  try {
    const value = parseReadable(key, await readFile(file))
    return document !== undefined && equalJson(value, parseStored(document.text) ?? null)
      ? undefined
      : { kind: 'edited', file }
  } catch (error) {
    if (isSettingsError(error)) return { kind: 'broken', file, why: error.message }
    // The content of a file that may not be read is not known.
    if (errno(error) !== 'ENOENT') return undefined
    if (document === undefined) return undefined
    const versions = noted.get(document.key) ?? [NO_FILE]
    // When one of the noted versions is no file, the file was not written yet.
    return versions.some(({ hash, text }) => hash === null || (hash === undefined && text === undefined))
      ? { kind: 'edited', file }
      : { kind: 'missing', file, key: document.key }
  }
}

async function readableFiles(layout: Layout): Promise<readonly string[]> {
  const names = await Promise.all(
    READABLE_KINDS.map(async kind => {
      const below = await readdir(layout.root(kind), { recursive: true }).catch(() => [])
      return below.map(name => join(layout.root(kind), name))
    }),
  )
  return names.flat()
}
