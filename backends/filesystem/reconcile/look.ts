import { type BigIntStats, lstatSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { errno } from '../format/failures.ts'
import { hashOf } from '../format/readable.ts'

/** A file that was touched less than this before it was read may change again without a new signature. */
const RACY_MS = 50
/** A file up to this size is read synchronously; a larger one by another thread. */
const SYNC_READ_BYTES = 64 * 1024

/** The content and the state of a readable file, as one look found them. */
export interface Seen {
  /** The hash of its bytes; null when there is no file. */
  readonly hash: string | null
  readonly bytes: Buffer
  /** Changes whenever the file is touched; `no file` when there is none. */
  readonly signature: string
  /** False when the file was touched so recently that an equal signature does not prove equal content. */
  readonly settled: boolean
  /** Milliseconds since the file was last touched, by the clock of this machine. */
  readonly age: number
}

const NO_FILE_SEEN: Seen = { hash: null, bytes: Buffer.alloc(0), signature: 'no file', settled: true, age: 0 }

/**
 * Reads a file; undefined when its signature is still the known one.
 * @throws Error EISDIR-like errors of the file system, and for anything but a regular file.
 */
export async function look(file: string, known?: string): Promise<Seen | undefined> {
  const stats = statsOf(file)
  if (!stats) return known === NO_FILE_SEEN.signature ? undefined : NO_FILE_SEEN
  const signature = signatureOf(stats)
  if (signature === known) return undefined
  if (!stats.isFile()) throw new Error('it is not a regular file; move it out of the store')
  const bytes = await read(file, Number(stats.size))
  if (!bytes) return NO_FILE_SEEN
  const age = Date.now() - Number(stats.ctimeMs)
  return { hash: hashOf(bytes), bytes, signature, settled: age > RACY_MS, age }
}

/** The signature that {@link look} would give the file now. */
export function signatureNow(file: string): string {
  const stats = statsOf(file)
  return stats ? signatureOf(stats) : NO_FILE_SEEN.signature
}

/** True when no file has this name. */
export function isAbsent(file: string): boolean {
  return statsOf(file) === undefined
}

/** True when both names belong to one file. */
export function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statsOf(one), statsOf(other)]
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

/**
 * True for content that is the beginning of a text, and not all of it: an unfinished write, possibly followed
 * by NULs after a power loss.
 */
export function isPartialWrite({ hash, bytes }: Seen, text: string): boolean {
  const whole = Buffer.from(text)
  if (hash === null || bytes.length > whole.length || bytes.equals(whole)) return false
  const nul = bytes.findLastIndex(byte => byte !== 0) + 1
  return bytes.subarray(0, nul).equals(whole.subarray(0, nul))
}

/** What lstat(2) reports of a name; undefined when no file has it. */
export function statsOf(file: string): BigIntStats | undefined {
  try {
    // Synchronous because it is called for every file every second: microseconds here, and twenty times that
    // through another thread.
    return lstatSync(file, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (errno(error) === 'ENOTDIR') return undefined
    throw error
  }
}

async function read(file: string, size: number): Promise<Buffer | undefined> {
  try {
    return size <= SYNC_READ_BYTES ? readFileSync(file) : await readFile(file)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

function signatureOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
