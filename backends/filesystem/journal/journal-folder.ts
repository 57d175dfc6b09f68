import { constants, lstatSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errno } from '../format/failures.ts'

const { O_NOFOLLOW, O_RDWR } = constants

/** An open file of the journal; an interface, so that tests can simulate a failing disk. */
export interface JournalFile {
  /** Writes all bytes at an offset. */
  write(bytes: Buffer, offset: number): Promise<void>
  /** Makes all writes so far durable, with the length of the file. */
  sync(): Promise<void>
  /** Truncates the file durably. */
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** The access of the journal to the disk. */
export interface Disk {
  /** Opens a file for writing, mode 0600; with `fresh` it is created, or replaced. */
  open(path: string, fresh: boolean): Promise<JournalFile>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
}

/** The real disk. */
export const DISK: Disk = {
  async open(path, fresh) {
    const handle = fresh ? await openNew(path) : await open(path, O_RDWR | O_NOFOLLOW)
    return {
      write: (bytes, offset) => writeAll(handle, bytes, offset),
      sync: () => handle.datasync(),
      truncate: async length => {
        await handle.truncate(length)
        await handle.sync()
      },
      close: () => handle.close(),
    }
  },
  async syncFolder(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/**
 * Creates a file of its own, mode 0600, in the place of one that a dead process left; follows no link, and
 * empties no file that has another name (O_EXCL).
 */
export async function openNew(path: string): Promise<FileHandle> {
  await rm(path, { force: true })
  return open(path, 'wx', 0o600)
}

/** The files in the folder of the journal; numbers are ascending. */
export interface JournalNames {
  readonly logs: readonly number[]
  readonly snapshots: readonly number[]
  /** Unfinished snapshots of a process that died. */
  readonly leftovers: readonly string[]
}

export function logPath(folder: string, number: number): string {
  return join(folder, `${digits(number)}.log`)
}

export function snapshotPath(folder: string, number: number): string {
  return join(folder, `${digits(number)}.snapshot`)
}

/** Identifies the file that has a name now; `none` without one, undefined where the user may not look. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errno(error) ?? '') ? 'none' : undefined
  }
}

/** Creates an empty folder beside that of the journal, in which a new one is prepared. */
export async function makeFreshFolder(folder: string): Promise<string> {
  const fresh = `${folder}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  return fresh
}

/**
 * Gives a prepared folder its name: at once where the folder is gone, else file by file, the log before the
 * snapshot that requires it.
 */
export async function moveInPlace(fresh: string, folder: string, number: number, disk: Disk): Promise<void> {
  if (identityOf(folder) === 'none') await rename(fresh, folder)
  else {
    await rename(logPath(fresh, number), logPath(folder, number))
    await disk.syncFolder(folder)
    await rename(snapshotPath(fresh, number), snapshotPath(folder, number))
    await disk.syncFolder(folder)
    await rm(fresh, { recursive: true, force: true })
  }
  await disk.syncFolder(dirname(folder))
}

/** Lists the folder of the journal. */
export async function listJournal(folder: string): Promise<JournalNames> {
  const names = await readdir(folder)
  const numbers = (pattern: RegExp): number[] =>
    names.flatMap(name => Number(pattern.exec(name)?.[1] ?? Number.NaN) || []).sort((a, b) => a - b)
  return {
    logs: numbers(/^(\d{12})\.log$/),
    snapshots: numbers(/^(\d{12})\.snapshot$/),
    leftovers: names.filter(name => /^\d{12}\.snapshot\.tmp$/.test(name)).map(name => join(folder, name)),
  }
}

function digits(number: number): string {
  return String(number).padStart(12, '0')
}

async function writeAll(handle: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
