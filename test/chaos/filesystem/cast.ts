import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Removal, StoreLife } from '../history.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import type { Controller } from './controller.ts'
import { diskFaults } from './disk-faults.ts'
import { Editor } from './editor.ts'
import { imaginedEdits, lostEdits, undoneCommits, unshownFiles } from './edits.ts'
import { FolderFaults } from './folder-faults.ts'
import { handFaults } from './hand-faults.ts'
import { killFaults } from './kill-faults.ts'
import type { Assignment } from './messages.ts'
import { losePower } from './power-loss.ts'
import { mountVolume } from './volume.ts'

/** What can befall the controller and its store. */
export const KINDS = ['kills', 'power', 'disk', 'hands', 'folders'] as const
export type FilesystemKind = (typeof KINDS)[number]

/** The folders of a stage; the archive is on the file system of the store. */
export type Folders = Pick<Assignment, 'store' | 'state' | 'archive' | 'blackBox'>

/** What is particular to a kind of stage. */
export interface Cast {
  readonly name: string
  readonly folders: Folders
  faults(controller: Controller): readonly Fault[]
  /** What the store still has to take in, one sentence each. */
  pending(life: StoreLife): string[]
  /** See {@link Stage}. */
  readonly pause?: number
  /** The files that a person removed. */
  readonly removals?: readonly Removal[]
  /** What is wrong with the store's history, one sentence each. */
  flaws(life: StoreLife): string[]
  close(): Promise<void>
}

/** Prepares the folders of a stage below a fresh one. */
export async function openCast(kind: FilesystemKind, folder: string, random: Random): Promise<Cast> {
  if (kind === 'power') return castPower(folder)
  if (kind === 'disk') return castDisk(folder)
  const folders = await makeFolders(folder)
  if (kind === 'hands') return castHands(folders, random)
  if (kind === 'folders') return castFolders(folders, folder)
  return {
    ...PLAIN,
    ...whole(folders),
    name: 'filesystem, kills',
    folders,
    faults: controller => killFaults(controller, folders.store),
  }
}

const PLAIN = {
  pending: () => [],
  flaws: (life: StoreLife) => imaginedEdits(life),
  close: async () => undefined,
} as const

/**
 * Where nobody touches the readable files, each of them shows its document in the end: none is missing but by
 * our own doing.
 */
function whole({ store }: Folders): Pick<Cast, 'pending'> {
  return { pending: life => unshownFiles(life, store) }
}

async function castPower(folder: string): Promise<Cast> {
  const plain = await makeFolders(folder)
  const blackBox = { file: join(folder, 'notes'), graveyard: join(folder, 'graveyard') }
  await mkdir(blackBox.graveyard)
  const machine = {
    folders: [plain.store, plain.state],
    archive: plain.archive,
    notes: blackBox.file,
    graveyard: blackBox.graveyard,
  }
  const after = (random: Random): void => void losePower(machine, random.fork('power'))
  return {
    ...PLAIN,
    ...whole(plain),
    name: 'filesystem, power',
    folders: { ...plain, blackBox },
    faults: controller => killFaults(controller, plain.store, 'power loss', after),
  }
}

async function castDisk(folder: string): Promise<Cast> {
  const base = join(folder, 'volume')
  const volume = await mountVolume(base)
  const folders = await makeFolders(base)
  return {
    ...PLAIN,
    ...whole(folders),
    name: volume ? 'filesystem, disk' : 'filesystem, disk (none of its own: only root may mount)',
    folders,
    faults: controller => [
      ...diskFaults(controller, folders.store, volume),
      ...lightly(killFaults(controller, folders.store)),
    ],
    close: async () => volume?.close(),
  }
}

function castHands(folders: Folders, random: Random): Cast {
  const editor = new Editor(folders.store, random.fork('editor'))
  return {
    ...PLAIN,
    name: 'filesystem, hands',
    folders,
    faults: controller => [
      ...handFaults(controller, editor),
      ...lightly(killFaults(controller, folders.store)),
    ],
    pending: life => lostEdits(life, editor.edits),
    flaws: life => [...lostEdits(life, editor.edits), ...undoneCommits(life, editor.edits)],
  }
}

function castFolders(folders: Folders, folder: string): Cast {
  const moves = { removals: [] as Removal[], returns: [] as { key: string; text: string }[] }
  let moving: FolderFaults | undefined
  return {
    ...PLAIN,
    name: 'filesystem, folders',
    folders,
    removals: moves.removals,
    pause: 2_000,
    faults: controller => {
      moving = new FolderFaults(controller, folders.store, join(folder, 'aside'), moves)
      return [...moving.faults, ...lightly(killFaults(controller, folders.store))]
    },
    flaws: life => imaginedEdits(life, moves),
    close: async () => moving?.close(),
  }
}

function lightly(faults: readonly Fault[]): Fault[] {
  return faults.map(fault => ({ ...fault, weight: fault.weight / 4 }))
}

async function makeFolders(base: string): Promise<Folders> {
  const folders = { store: join(base, 'store'), state: join(base, 'state'), archive: join(base, 'archive') }
  for (const path of [folders.store, join(folders.store, 'journal'), folders.state, folders.archive])
    await mkdir(path, { mode: 0o700 })
  return folders
}
