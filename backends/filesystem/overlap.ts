import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { Layout, READABLE_KINDS } from './format/layout.ts'
import { listJournal } from './journal/journal-folder.ts'

/** The folders of a store that must not contain another store, each with the number of levels below it. */
const LEVELS: readonly (readonly [folder: string, levels: number])[] = [
  ...READABLE_KINDS.map(kind => [kind, kind === 'controllers' ? 2 : 1] as const),
  ['journal', 0],
]

/**
 * The folder of another store inside the folders of documents of this one, or with this one inside its
 * folders, symbolic links resolved. Each store would mistake the files of the other for hand edits. Undefined
 * when there is none. A folder that may not be read counts as no store; nothing is created.
 */
export async function findOverlap(path: string): Promise<string | undefined> {
  const real = await realPath(path)
  return (await findOuter(real)) ?? (await findNested(path))
}

/** @throws SettingsError STORE_OVERLAP when the store at a path and another one overlap. */
export async function refuseOverlap(path: string): Promise<void> {
  const other = await findOverlap(path)
  if (other === undefined) return
  throw new SettingsError(
    'STORE_OVERLAP',
    `The store at ${path} overlaps the store at ${other}: files of the inner store would be documents of the outer one. Nothing was written. ` +
      `Set path in [settings.filesystem] to a folder outside ${LEVELS.map(([folder]) => folder).join(', ')} of another store.`,
    { details: { path, other } },
  )
}

async function findOuter(real: string): Promise<string | undefined> {
  for (let folder = dirname(real), inner = real; inner !== folder; inner = folder, folder = dirname(folder)) {
    const [first] = relative(folder, real).split(sep)
    if (LEVELS.some(([name]) => name === first) && (await isStore(folder))) return folder
  }
  return undefined
}

async function findNested(path: string): Promise<string | undefined> {
  for (const [name, levels] of LEVELS) {
    const found = await findStore(join(path, name), levels)
    if (found !== undefined) return found
  }
  return undefined
}

async function findStore(folder: string, levels: number): Promise<string | undefined> {
  if (await isStore(folder)) return folder
  if (levels === 0) return undefined
  for (const item of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const found = item.isDirectory() ? await findStore(join(folder, item.name), levels - 1) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** True for a folder that contains a journal. */
async function isStore(folder: string): Promise<boolean> {
  const names = await listJournal(new Layout(folder).journal).catch(() => undefined)
  return names !== undefined && names.logs.length + names.snapshots.length > 0
}

/** The path without symbolic links, as far as it exists. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    // The opening reports the error.
    return parent === path ? path : join(await realPath(parent), basename(path))
  }
}
