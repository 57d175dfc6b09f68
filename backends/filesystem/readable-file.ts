import { type BigIntStats, linkSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errno } from './failures.ts'
import { makeFolder } from './folder.ts'
import { neighbours } from './layout.ts'
import { hashOf } from './readable.ts'

/** A file whose content was read this soon (ms) after it was touched may change again without looking different. */
const RACY = 50
/** A file up to this many bytes is read at once; a larger one by another thread. */
const SMALL = 64 * 1024

/** What a look at a readable file found. */
export interface Seen {
  /** The hash of its bytes; null when there is no file. */
  readonly hash: string | null
  readonly bytes: Buffer
  /** Changes whenever the file is touched; `no file` when there is none. */
  readonly signature: string
  /** False when the file was touched so lately that an equal signature does not yet mean equal content. */
  readonly settled: boolean
  /** How long it has been left alone, in milliseconds, by this machine's clock. */
  readonly age: number
}

const NOTHING: Seen = { hash: null, bytes: Buffer.alloc(0), signature: 'no file', settled: true, age: 0 }

/** Reads a file; undefined when its signature is still the known one. @throws Error EISDIR-like errors of the file system, and for anything but a regular file. */
export async function look(file: string, known?: string): Promise<Seen | undefined> {
  const stats = statsOf(file)
  if (!stats) return known === NOTHING.signature ? undefined : NOTHING
  const signature = signatureOf(stats)
  if (signature === known) return undefined
  if (!stats.isFile()) throw new Error('it is not a regular file; move it away')
  const bytes = await read(file, Number(stats.size))
  if (!bytes) return NOTHING
  const age = Date.now() - Number(stats.ctimeMs)
  return { hash: hashOf(bytes), bytes, signature, settled: age > RACY, age }
}

/** What {@link look} would call the file's signature now. */
export function signatureNow(file: string): string {
  const stats = statsOf(file)
  return stats ? signatureOf(stats) : NOTHING.signature
}

/** Writes a text durably into the temporary neighbour of a file, with the file's mode and owner if there is one, else mode 0600. */
export async function prepareText(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file))
  const like = statsOf(file)
  const handle = await open(neighbours(file).temporary, 'w', 0o600)
  try {
    await handle.writeFile(text)
    if (like) {
      // Only root may give a file away; for anybody else the owner is already the right one or cannot be kept.
      if (process.getuid?.() === 0) await handle.chown(Number(like.uid), Number(like.gid))
      await handle.chmod(Number(like.mode & 0o777n))
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Puts the temporary neighbour in a file's place, if the file is still as it was seen; false when it is not. What was there is kept as the `replaced`
 * neighbour, since somebody may be writing into it at this moment.
 *
 * Calmly, the file is replaced in one step, so no reader finds it missing; a file renamed over it between our last look and that step, some microseconds,
 * would be lost. While somebody is editing (`taken` is given) it is taken away first, which `taken` is told, and ours put in the free place: nothing can be
 * lost, but a reader may find no file for some microseconds.
 */
export function putPrepared(file: string, seen: Seen, taken: (() => void) | false): boolean {
  const { temporary, replaced } = neighbours(file)
  // Synchronous on purpose: nothing else of this process may come between the look and the step.
  if (!isAsSeen(file, seen)) return false
  try {
    if (seen.hash === null) linkSync(temporary, file)
    else if (taken) {
      renameSync(file, replaced)
      taken()
      linkSync(temporary, file)
    } else {
      rmSync(replaced, { force: true })
      linkSync(file, replaced)
      renameSync(temporary, file)
      return true
    }
  } catch (error) {
    // Somebody was faster with a file of their own, or took it away.
    if (errno(error) === 'EEXIST' || errno(error) === 'ENOENT') return false
    throw error
  }
  rmSync(temporary, { force: true })
  return true
}

/** Takes a file away to its `replaced` neighbour, if it is still as it was seen; false when it is not. */
export function takeAway(file: string, seen: Seen): boolean {
  if (!isAsSeen(file, seen)) return false
  renameSync(file, neighbours(file).replaced)
  return true
}

/** Makes what a file holds, or the names in a folder, durable; one that is gone is no error. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(error => {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  })
  await handle?.sync().finally(() => handle.close())
}

function isAsSeen(file: string, seen: Seen): boolean {
  return signatureNow(file) === seen.signature
}

async function read(file: string, size: number): Promise<Buffer | undefined> {
  try {
    return size <= SMALL ? readFileSync(file) : await readFile(file)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

function statsOf(file: string): BigIntStats | undefined {
  try {
    // Synchronous: what is asked every second of every file costs microseconds so, and twenty times that by way of another thread.
    return lstatSync(file, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (errno(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function signatureOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
