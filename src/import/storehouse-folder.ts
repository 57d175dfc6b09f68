import { open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type PickledBoxContent, readBoxPickle } from './box-pickle.ts'
import { sideBySide } from './side-by-side.ts'

/** A box in a folder of storehouse: where, and when it was made. */
export interface FoundBox {
  readonly namespace: string
  readonly box_id: string
  readonly file: string
  readonly created_at: string | undefined
}

export interface FolderProblem {
  readonly file: string
  readonly message: string
}

/** The boxes of a folder in the order of their creation, namespace by namespace, and what is no box. */
export interface StorehouseFolder {
  readonly boxes: readonly FoundBox[]
  readonly problems: readonly FolderProblem[]
}

/** A pickle of the largest box. */
const MOST_BYTES = 32 * 1024 * 1024
/** Files that are read at a time: each may be as large. */
const LANES = 8

/**
 * Looks through a folder of storehouse, `<namespace>/<box_id>`, or one namespace of it. Each file is read, and its data forgotten: {@link readFoundBox} gives it.
 * `progress` hears of each file.
 */
export async function scanStorehouse(root: string, progress: (done: number, total: number) => void = () => {}): Promise<StorehouseFolder> {
  const entries = (await readdir(root, { withFileTypes: true })).sort(byName)
  const folders = entries.filter(entry => entry.isDirectory())
  const problems: FolderProblem[] = []
  const files: { namespace: string; box_id: string; file: string }[] = []
  const single = folders.length === 0
  for (const folder of single ? [undefined] : folders) {
    const path = folder ? join(root, folder.name) : root
    for (const entry of (await readdir(path, { withFileTypes: true })).sort(byName)) {
      const file = join(path, entry.name)
      if (entry.isFile()) files.push({ namespace: folder?.name ?? basename(root), box_id: entry.name, file })
      else problems.push({ file, message: `it is ${entry.isDirectory() ? 'a folder' : 'no regular file'} where a box would be` })
    }
  }
  if (!single)
    for (const entry of entries) if (!entry.isDirectory()) problems.push({ file: join(root, entry.name), message: 'it is no folder of a namespace' })
  const boxes: FoundBox[] = []
  const refused: FolderProblem[] = []
  let done = 0
  await sideBySide(LANES, files, async found => {
    const content = await readFoundBox(found.file)
    if ('refused' in content) refused.push({ file: found.file, message: content.refused })
    else boxes.push({ ...found, created_at: content.created_at })
    progress(++done, files.length)
  })
  return { boxes: boxes.sort(byCreation), problems: [...problems, ...refused.sort(byFile)] }
}

/** The content of a box, or why it is refused. */
export type FoundContent = PickledBoxContent | { readonly refused: string }

/** Reads a box. @throws what reading the file throws. */
export async function readFoundBox(file: string): Promise<FoundContent> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    if (size > MOST_BYTES) return { refused: `it has ${size} bytes; more than ${MOST_BYTES} are not read` }
    return readBoxPickle(await handle.readFile())
  } finally {
    await handle.close()
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function byFile(a: FolderProblem, b: FolderProblem): number {
  return a.file < b.file ? -1 : 1
}

/** Those that do not tell when they were made come last. */
function byCreation(a: FoundBox, b: FoundBox): number {
  const [one, other] = [a, b].map(({ namespace, created_at = '9', box_id }) => `${namespace}\0${created_at.replace(/Z$/, '')}\0${box_id}`)
  return (one ?? '') < (other ?? '') ? -1 : 1
}
