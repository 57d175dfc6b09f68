import { type BigIntStats, linkSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errno } from '../format/failures.ts'
import { makeFolder } from '../format/folder.ts'
import { neighbours } from '../format/layout.ts'
import { hashOf } from '../format/readable.ts'

/*
 * One readable file on the disk, and how its content is replaced beside people who edit it.
 *
 * Invariant: content is removed only after it was looked at under its `replaced` name, and that name exists
 * until the file has its new content. A new file appears by link(2) or by O_EXCL, so that a file put there by
 * a person is never replaced unseen; the one exception is named at {@link putPrepared}. What a refused call
 * leaves behind is one of:
 *  - the old file as it was, perhaps with a second name (`temporary` and `replaced` are never looked at as
 *    documents);
 *  - no file, and the old content as `replaced`: this store took it away, no person did;
 *  - a file that holds a beginning of the new content ({@link isBegun}), with `temporary` holding all of it;
 *  - the new file.
 */

/**
 * A file whose content was read this soon (ms) after it was touched may change again without looking
 * different.
 */
const RACY = 50
/** A file up to this many bytes is read at once; a larger one by another thread. */
const SMALL = 64 * 1024
/** Errors by which a file system says that it has no owners or modes, or that this user may not set them. */
const NO_OWNERS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

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

/**
 * Reads a file; undefined when its signature is still the known one.
 * @throws Error EISDIR-like errors of the file system, and for anything but a regular file.
 */
export async function look(file: string, known?: string): Promise<Seen | undefined> {
  const stats = statsOf(file)
  if (!stats) return known === NOTHING.signature ? undefined : NOTHING
  const signature = signatureOf(stats)
  if (signature === known) return undefined
  if (!stats.isFile()) throw new Error('it is not a regular file; move it out of the store')
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

/** True when nothing has this name. */
export function isAbsent(file: string): boolean {
  return statsOf(file) === undefined
}

/** True when both names stand for one file. */
export function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statsOf(one), statsOf(other)]
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

/**
 * True for content that is the beginning of a text, and not all of it: an unfinished write, perhaps followed
 * by NULs after a power loss.
 */
export function isBegun({ hash, bytes }: Seen, text: string): boolean {
  const whole = Buffer.from(text)
  if (hash === null || bytes.length > whole.length || bytes.equals(whole)) return false
  const nul = bytes.findLastIndex(byte => byte !== 0) + 1
  return bytes.subarray(0, nul).equals(whole.subarray(0, nul))
}

/**
 * Writes a text durably into the temporary neighbour of a file, with the file's mode and owner if there is
 * one, else mode 0600.
 */
export async function prepareText(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file))
  const { temporary } = neighbours(file)
  // Never written into as it is: it may be a second name of the file itself.
  await rm(temporary, { force: true })
  await writeNew(temporary, text, statsOf(file))
}

/**
 * Puts the temporary neighbour, which holds `text`, in a file's place, if the file is still as it was seen;
 * false when it is not. What was there is kept as the `replaced` neighbour, since a person may be writing
 * into it at this moment.
 *
 * Calmly, the file is replaced in one step, so no reader finds it missing; a file renamed over it between our
 * last look and that step, some microseconds, would be lost. Else, and where there are no hard links, it is
 * taken away first, which `took` is told, and ours put in the free place: nothing can be lost, but a reader
 * may find no file for a moment. Without hard links the free place is taken by O_EXCL and written with
 * O_APPEND: whatever a person writes into it meanwhile stays, at worst beside ours, as content that is not
 * JSON and is left for that person to correct.
 * @throws Error of the file system; what the file holds then is one of the cases at the head of this module.
 */
export async function putPrepared(file: string, text: string, seen: Seen, how: Replacing): Promise<boolean> {
  // Synchronous on purpose: nothing else of this process may come between the look and the step.
  if (!isAsSeen(file, seen)) return false
  if (seen.hash !== null) {
    try {
      if (how.calmly && replaceInOneStep(file, how.moved)) return true
      moveAside(file, how.moved)
    } catch (error) {
      // A person took it away.
      if (errno(error) === 'ENOENT') return false
      throw error
    }
    how.took()
  }
  return place(file, text)
}

/** How a file is replaced, and what is told of it at once. */
export interface Replacing {
  readonly calmly: boolean
  /** The `replaced` neighbour holds the old content from now on, and nothing that it held before. */
  readonly moved: () => void
  /** There is no file until the new one is placed. */
  readonly took: () => void
}

/**
 * Takes a file away to its `replaced` neighbour, which `moved` is told, if it is still as it was seen; false
 * when it is not.
 */
export function takeAway(file: string, seen: Seen, moved: () => void): boolean {
  if (!isAsSeen(file, seen)) return false
  moveAside(file, moved)
  return true
}

/**
 * Copies a file, or what was replaced in its place, durably to the `rejected` neighbour: all of it or
 * nothing.
 */
export async function keepRejected(file: string, source = file): Promise<void> {
  const { temporary, rejected } = neighbours(file)
  await rm(temporary, { force: true })
  await writeNew(temporary, await readFile(source), statsOf(source))
  await rename(temporary, rejected)
  await makeDurable(dirname(file))
}

/** Makes what a file holds, or the names in a folder, durable; one that is gone is no error. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(error => {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  })
  await handle?.sync().finally(() => handle.close())
}

/**
 * Renames the temporary neighbour over a file, which gets the second name `replaced` before; false without
 * hard links.
 */
function replaceInOneStep(file: string, moved: () => void): boolean {
  const { temporary, replaced } = neighbours(file)
  try {
    rmSync(replaced, { force: true })
    linkSync(file, replaced)
  } catch (error) {
    if (errno(error) === 'ENOENT') throw error
    return false
  }
  moved()
  try {
    renameSync(temporary, file)
    return true
  } catch (error) {
    // The second name of a file that stays is no content to look at.
    if (isSameFile(file, replaced)) rmSync(replaced, { force: true })
    throw error
  }
}

function moveAside(file: string, moved: () => void): void {
  const { replaced } = neighbours(file)
  // rename(2) does nothing, and reports success, where both names stand for one file.
  if (isSameFile(file, replaced)) rmSync(replaced, { force: true })
  try {
    renameSync(file, replaced)
  } catch (error) {
    // Refused, and carried out all the same.
    if (errno(error) !== 'ENOENT' && isAbsent(file)) moved()
    throw error
  }
  moved()
}

/** Gives the temporary neighbour the free name of a file; false when a person was faster. */
async function place(file: string, text: string): Promise<boolean> {
  const { temporary } = neighbours(file)
  try {
    linkSync(temporary, file)
  } catch (error) {
    if (errno(error) === 'EEXIST') return isSameFile(temporary, file)
    if (errno(error) === 'ENOENT') return false
    if (!(await writeInPlace(file, text))) return false
  }
  // Else the next writing, or the next opening, removes it.
  await rm(temporary, { force: true }).catch(() => {})
  return true
}

/** Writes a text into a file that must not be there yet; false when it is. */
async function writeInPlace(file: string, text: string): Promise<boolean> {
  const { temporary } = neighbours(file)
  // Should this end half-way, the name of the whole text tells that a file with a part of it is ours.
  await makeDurable(dirname(file))
  try {
    await writeNew(file, text, statsOf(temporary))
    return true
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
    // A link that was refused may have been made all the same.
    return isSameFile(temporary, file)
  }
}

/**
 * Makes a file with this content, durably, and with the mode and owner of another where the file system has
 * such.
 */
async function writeNew(
  file: string,
  content: string | Buffer,
  like: BigIntStats | undefined,
): Promise<void> {
  const handle = await open(file, 'ax', 0o600)
  try {
    await handle.writeFile(content)
    if (like) await imitate(handle, like)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function imitate(handle: FileHandle, like: BigIntStats): Promise<void> {
  try {
    // Only root may give a file away; for anybody else the owner is already the right one or cannot be kept.
    if (process.getuid?.() === 0) await handle.chown(Number(like.uid), Number(like.gid))
    await handle.chmod(Number(like.mode & 0o777n))
  } catch (error) {
    // Mode 0600 stays, of our own user: less is allowed than before, never more.
    if (!NO_OWNERS.has(errno(error) ?? '')) throw error
  }
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
    // Synchronous: what is asked every second of every file costs microseconds so, and twenty times that by
    // way of another thread.
    return lstatSync(file, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (errno(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function signatureOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
