import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What the journal asks of an open file; a seam, so that tests can let a disk fail. */
export interface JournalFile {
  /** Writes all bytes at an offset. */
  write(bytes: Buffer, offset: number): Promise<void>
  /** Makes everything written so far durable, the length included. */
  sync(): Promise<void>
  /** Cuts the file, durably. */
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** How the journal reaches the disk. */
export interface Disk {
  /** Opens a file for writing, mode 0600; `fresh` empties it or makes it. */
  open(path: string, fresh: boolean): Promise<JournalFile>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
}

/** The real disk. */
export const DISK: Disk = {
  async open(path, fresh) {
    const handle = await open(path, fresh ? 'w' : 'r+', 0o600)
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

/** The numbers of the files of one kind in the journal's folder, ascending. */
export interface JournalNames {
  readonly logs: readonly number[]
  readonly snapshots: readonly number[]
  /** Half-written snapshots of a process that died. */
  readonly leftovers: readonly string[]
}

export function logPath(folder: string, number: number): string {
  return join(folder, `${digits(number)}.log`)
}

export function snapshotPath(folder: string, number: number): string {
  return join(folder, `${digits(number)}.snapshot`)
}

/** What is in the journal's folder, by name. */
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
