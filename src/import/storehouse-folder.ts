import { closeSync, type Dirent, fstatSync, openSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { reasonOf } from '../../model/failure.ts'
import { type PickledBoxContent, readBoxPickle } from './box-pickle.ts'

/** A box in a folder of storehouse: where, and when it was made. */
export interface FoundBox {
  readonly namespace: string
  readonly box_id: string
  readonly file: string
  /** The same, as it is told. */
  readonly shown: string
  readonly created_at: string | undefined
}

export interface FolderProblem {
  readonly file: string
  /** The same, as it is told. */
  readonly shown: string
  readonly message: string
  /** The box that it would be. */
  readonly box?: { readonly namespace: string; readonly name: string }
}

/** The boxes of a folder in the order of their creation, namespace by namespace, and what is no box. */
export interface StorehouseFolder {
  readonly boxes: readonly FoundBox[]
  readonly problems: readonly FolderProblem[]
}

/** A pickle of the largest box. */
const MOST_BYTES = 32 * 1024 * 1024
/** Files that are read in one run, before others have a turn: the bar, and Ctrl-C. */
const RUN = 50

/**
 * Looks through a folder of storehouse, `<namespace>/<box_id>`, or one namespace of it. Each file is read,
 * and its data forgotten: {@link readFoundBox} gives it. `shown` is the folder as it is told; `progress`
 * hears of each file.
 */
export async function scanStorehouse(
  root: string,
  shown: string,
  progress: (done: number, total: number) => void = () => {},
): Promise<StorehouseFolder> {
  const entries = (await readdir(root, { withFileTypes: true })).sort(byName)
  const folders = entries.filter(entry => entry.isDirectory())
  const problems: FolderProblem[] = []
  const files: Omit<FoundBox, 'created_at'>[] = []
  const at = (...place: readonly string[]) => ({ file: join(root, ...place), shown: join(shown, ...place) })
  const single = folders.length === 0
  for (const folder of single ? [undefined] : folders) {
    const place = folder ? [folder.name] : []
    for (const entry of await entriesOf(join(root, ...place), error =>
      problems.push({ ...at(...place), message: error }),
    )) {
      const found = at(...place, entry.name)
      if (entry.isFile())
        files.push({ namespace: folder?.name ?? basename(root), box_id: entry.name, ...found })
      else
        problems.push({
          ...found,
          message: `a box must be a regular file${entry.isDirectory() ? ', not a folder' : ''}`,
        })
    }
  }
  if (!single)
    for (const entry of entries)
      if (!entry.isDirectory())
        problems.push({ ...at(entry.name), message: 'the folder of a namespace must be a folder' })
  const boxes: FoundBox[] = []
  for (const [n, found] of files.entries()) {
    const content = readFoundBox(found.file)
    const { namespace, box_id: name, ...place } = found
    if ('refused' in content) problems.push({ ...place, message: content.refused, box: { namespace, name } })
    else boxes.push({ ...found, created_at: content.created_at })
    if (n % RUN === 0) await new Promise(setImmediate)
    progress(n + 1, files.length)
  }
  return { boxes: boxes.sort(byCreation), problems }
}

/** The content of a box, or why it is refused. */
export type FoundContent = PickledBoxContent | { readonly refused: string }

/** What lies in a folder, by name; nothing where it cannot be read, which is told. */
async function entriesOf(folder: string, tell: (message: string) => void): Promise<readonly Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).sort(byName)
  } catch (error) {
    tell(`it cannot be read: ${reasonOf(error)}`)
    return []
  }
}

/** Reads a box; not asynchronously, which takes several times as long for files this small. */
export function readFoundBox(file: string): FoundContent {
  let bytes: Buffer | number
  try {
    bytes = readUpTo(MOST_BYTES, file)
  } catch (error) {
    return { refused: `it cannot be read: ${reasonOf(error)}` }
  }
  return typeof bytes === 'number'
    ? { refused: `the file has ${bytes} bytes; ${MOST_BYTES} are allowed` }
    : readBoxPickle(bytes)
}

/** The bytes of a file, or only how many they are. */
function readUpTo(most: number, file: string): Buffer | number {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    return size > most ? size : readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** Those that do not tell when they were made come last. */
function byCreation(a: FoundBox, b: FoundBox): number {
  const [one, other] = [a, b].map(
    ({ namespace, created_at = '9', box_id }) => `${namespace}\0${created_at.replace(/Z$/, '')}\0${box_id}`,
  )
  return (one ?? '') < (other ?? '') ? -1 : 1
}
