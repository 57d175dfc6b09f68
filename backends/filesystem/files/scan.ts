import { type Dirent, type FSWatcher, statSync, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Key } from '../../../model/key.ts'
import { errno } from '../format/failures.ts'
import { makeFolder } from '../format/folder.ts'
import { type Layout, neighbours, READABLE_KINDS, type ReadableKind } from '../format/layout.ts'
import { type FolderIdentity, identifyFolder, isSameFolder } from '../reconcile/folder-identity.ts'

/** The result of a walk over the readable files. */
export interface Walk {
  readonly files: ReadonlyMap<Key, string>
  /** Files with names that no document has. */
  readonly foreign: readonly string[]
  /** Keys with a temporary or replaced file, which a process that died may have left. */
  readonly unfinished: ReadonlySet<Key>
  readonly folders: readonly string[]
  /** Folders that cannot be read, with the reason. */
  readonly unreadable: ReadonlyMap<string, string>
}

const DEPTH: Readonly<Record<ReadableKind, number>> = { boxes: 1, controllers: 2, settings: 1 }
/** Names of temporary files of editors and other tools, and of copies that this store made. */
const IGNORED_NAMES = /^\.|~$|^#.*#$|\.rejected$|^\d{4}$/

/**
 * Walks over all readable files. The missing folder of a kind is created only with `mayCreate`, because a
 * folder that had files may be moved back or mounted again, and needs its place free.
 */
export async function walk(layout: Layout, mayCreate: (kind: ReadableKind) => boolean): Promise<Walk> {
  const found = {
    files: new Map<Key, string>(),
    foreign: [] as string[],
    unfinished: new Set<Key>(),
    folders: [] as string[],
    unreadable: new Map<string, string>(),
  }
  for (const kind of READABLE_KINDS) {
    if (mayCreate(kind)) await makeFolder(layout.root(kind))
    await walkFolder(layout, layout.root(kind), DEPTH[kind], found)
  }
  return found
}

interface Found {
  readonly files: Map<Key, string>
  readonly foreign: string[]
  readonly unfinished: Set<Key>
  readonly folders: string[]
  readonly unreadable: Map<string, string>
}

async function walkFolder(layout: Layout, folder: string, depth: number, found: Found): Promise<void> {
  const entries = await entriesOf(folder, found.unreadable)
  if (!entries) return
  found.folders.push(folder)
  for (const item of entries) {
    const path = join(folder, item.name)
    if (depth > 0 && !item.name.startsWith('.') && (item.isDirectory() || isLinkedFolder(item, path))) {
      await walkFolder(layout, path, depth - 1, found)
      continue
    }
    const key = depth === 0 ? layout.key(path) : undefined
    const owner = ownerOf(layout, path)
    if (key) found.files.set(key, path)
    else if (owner) found.unfinished.add(owner)
    else if (!IGNORED_NAMES.test(item.name)) found.foreign.push(path)
  }
}

/** True for a link to a folder: files are written through it, so they are read through it too. */
function isLinkedFolder(item: Dirent, path: string): boolean {
  try {
    return item.isSymbolicLink() && statSync(path).isDirectory()
  } catch {
    return false // a link to nothing, in a circle, or to a folder that may not be searched
  }
}

/** The document of a temporary or replaced neighbour; undefined for other files. */
function ownerOf(layout: Layout, path: string): Key | undefined {
  const at = path.lastIndexOf(sep) + 1
  const plain = /^\.(.+\.json)\.(?:tmp|replaced)$/.exec(path.slice(at))?.[1]
  const file = plain === undefined ? undefined : path.slice(0, at) + plain
  const ours = file !== undefined && Object.values(neighbours(file)).includes(path)
  return ours ? layout.key(file) : undefined
}

/** The entries of a folder; undefined when it does not exist or cannot be read. */
async function entriesOf(folder: string, unreadable: Map<string, string>) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'ENOTDIR') {
      unreadable.set(folder, error instanceof Error ? error.message : String(error))
    }
    return undefined
  }
}

/** Watches folders so that edits are noticed soon; the next walk finds the edits that it misses. */
export class FolderWatch {
  readonly #onTouched: (path: string) => void
  readonly #watchers = new Map<
    string,
    { readonly watcher: FSWatcher; readonly folder: FolderIdentity | undefined }
  >()

  /** `onTouched` is called with the path of each file that was touched in a watched folder. */
  constructor(onTouched: (path: string) => void) {
    this.#onTouched = onTouched
  }

  /** Watches exactly these folders. */
  follow(folders: readonly string[]): void {
    const wanted = new Set(folders)
    for (const [path, { folder }] of this.#watchers) {
      // A watch on a folder does not watch another folder that took its place.
      if (!wanted.has(path) || !isSameFolder(folder, identifyFolder(path))) this.#unwatch(path)
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#watch(folder)
  }

  stop(): void {
    this.follow([])
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (name !== null) this.#onTouched(join(folder, name))
      })
      watcher.on('error', () => this.#unwatch(folder))
      this.#watchers.set(folder, { watcher, folder: identifyFolder(folder) })
    } catch {
      // Too many watches on this machine, or the folder no longer exists: the walk, once a second, finds the
      // edits.
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.watcher.close()
    this.#watchers.delete(folder)
  }
}
