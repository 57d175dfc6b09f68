import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '../../../model/json.ts'
import type { Random } from '../random.ts'
import { forgetLog } from './archive.ts'
import type { Note } from './black-box.ts'

/*
 * Takes from the files of a process that was killed what a loss of power could have taken: of every file any
 * pages that were written since its last sync, in any combination, and changes of names that no sync of their
 * folder covers. What stays must be something that a disk could hold: a page or a change of names is there or
 * not, changes of one name happen in their order, and a length is never shorter than the last page that
 * stays.
 */

/** Where a loss of power looks for files. */
export interface Machine {
  /** Folders whose files may lose something, with those that hold second names of them. */
  readonly folders: readonly string[]
  readonly notes: string
  readonly archive: string
  readonly graveyard: string
}

/** How much was taken. */
export interface Loss {
  readonly pages: number
  readonly names: number
}

type Named = Extract<Note, { readonly type: 'created' | 'linked' | 'renamed' | 'removed' }>
type Content = Extract<Note, { readonly type: 'content' }>

export function losePower(machine: Machine, random: Random): Loss {
  // A process that died before it did anything lost nothing.
  if (!existsSync(machine.notes)) return { pages: 0, names: 0 }
  const { contents, names } = readNotes(machine.notes)
  const paths = pathsByInode([...machine.folders, machine.archive, machine.graveyard])
  let pages = 0
  for (const [inode, changes] of contents) {
    const path = paths.get(inode)
    if (path !== undefined && changes.length > 0) pages += losePages(path, changes, random)
  }
  const undone = chooseNames(names, random)
  for (const note of undone.toReversed()) undo(note, machine)
  for (const name of readdirSync(machine.graveyard)) rmSync(join(machine.graveyard, name))
  // What is left is on the disk now.
  truncateSync(machine.notes)
  return { pages, names: undone.length }
}

/** What was noted and not synced: changes of content by inode, and changes of names. */
function readNotes(file: string): {
  readonly contents: ReadonlyMap<number, readonly Content[]>
  readonly names: readonly Named[]
} {
  const contents = new Map<number, readonly Content[]>()
  let names: readonly Named[] = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // The last note may have been cut off by the kill; what it would have told of did not happen, or counts
    // as having reached the disk.
    if (!line.endsWith('}')) continue
    // Our own notes, written by the black box.
    const note = parseJson(line) as unknown as Note
    if (note.type === 'content') contents.set(note.inode, [...(contents.get(note.inode) ?? []), note])
    else if (note.type === 'synced')
      contents.set(
        note.inode,
        (contents.get(note.inode) ?? []).filter(({ n }) => n > note.upTo),
      )
    else if (note.type === 'names synced')
      names = names.filter(name => name.n > note.upTo || !name.path.startsWith(`${note.folder}/`))
    else {
      // An inode is given to a new file once the old one is gone.
      if (note.type === 'created') contents.delete(note.inode)
      names = [...names, note]
    }
  }
  return { contents, names }
}

/** Puts some of the pages back to what they were at the last sync; gives how many. */
function losePages(path: string, changes: readonly Content[], random: Random): number {
  const now = readFileSync(path)
  const before = contentBefore(now, changes)
  const size = random.pick([512, 4096])
  const keep = random.pick([0, 0, 0.5, 0.9])
  const dirty = dirtyPages(now, before, changes, size)
  const lost = new Set([...dirty].filter(() => !random.chance(keep)))
  if (lost.size === 0) return 0
  const kept = [...dirty].filter(page => !lost.has(page))
  const reached = Math.max(0, ...kept.map(page => Math.min(now.length, (page + 1) * size)))
  // The length is a matter of its own: it may have reached the disk before the pages did.
  const length = random.chance(0.3) ? now.length : Math.max(before.length, reached)
  const after = Buffer.alloc(length)
  now.copy(after)
  for (const page of lost) {
    const [from, to] = [page * size, Math.min(length, (page + 1) * size)]
    if (from >= to) continue
    after.fill(0, from, to)
    if (from < before.length) before.copy(after, from, from, Math.min(before.length, to))
  }
  overwrite(path, after)
  return lost.size
}

/** What a file held before changes that were made to it. */
function contentBefore(now: Buffer, changes: readonly Content[]): Buffer {
  let content = Buffer.from(now)
  for (const { offset, size, old } of changes.toReversed()) {
    const bytes = Buffer.from(old, 'base64')
    const earlier = Buffer.alloc(size)
    content.copy(earlier, 0, 0, Math.min(content.length, size))
    bytes.copy(earlier, offset)
    content = earlier
  }
  return content
}

function dirtyPages(now: Buffer, before: Buffer, changes: readonly Content[], size: number): Set<number> {
  const first = Math.min(...changes.map(({ offset }) => offset))
  const pages = new Set<number>()
  for (let page = Math.floor(first / size); page * size < Math.max(now.length, before.length); page++)
    pages.add(page)
  return pages
}

/**
 * The changes of names that did not reach the disk. A file system may keep their order over all files, or
 * only that of each name.
 */
function chooseNames(names: readonly Named[], random: Random): readonly Named[] {
  if (random.chance(0.5)) return names.slice(random.between(0, names.length))
  const keep = random.pick([0, 0.5, 0.9])
  const blocked = new Set<string>()
  return names.filter(note => {
    const touched = note.type === 'renamed' ? [note.path, note.to] : [note.path]
    if (!touched.some(path => blocked.has(path)) && random.chance(keep)) return false
    for (const path of touched) blocked.add(path)
    return true
  })
}

/**
 * A last step that a kill kept from being noted may stand in the way: it reached the disk, so what it was
 * built on did, too.
 */
function undo(note: Named, { archive }: Machine): void {
  if (note.type === 'created') {
    rmSync(note.path, { force: true })
    forgetLog(note.inode, archive)
  } else if (note.type === 'linked') rmSync(note.path, { force: true })
  else if (note.type === 'removed') {
    if (!existsSync(note.path)) linkSync(note.grave, note.path)
  } else if (existsSync(note.to) && !existsSync(note.path)) {
    renameSync(note.to, note.path)
    if (note.grave !== undefined) linkSync(note.grave, note.to)
  }
}

function pathsByInode(folders: readonly string[]): Map<number, string> {
  const paths = new Map<number, string>()
  for (const folder of folders) {
    for (const item of existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true, recursive: true })
      : []) {
      const path = join(item.parentPath, item.name)
      if (item.isFile()) paths.set(statSync(path).ino, path)
    }
  }
  return paths
}

/** In place, so that every name of the file sees it. */
function overwrite(path: string, bytes: Buffer): void {
  const descriptor = openSync(path, 'r+')
  try {
    ftruncateSync(descriptor, 0)
    writeSync(descriptor, bytes, 0, bytes.length, 0)
  } finally {
    closeSync(descriptor)
  }
}
