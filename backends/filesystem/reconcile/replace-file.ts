import { type BigIntStats, linkSync, renameSync, rmSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errno } from '../format/failures.ts'
import { makeFolder } from '../format/folder.ts'
import { neighbours } from '../format/layout.ts'
import { isAbsent, isSameFile, type Seen, signatureNow, statsOf } from './look.ts'

/*
 * Replaces the content of one readable file while people may edit it.
 *
 * Invariant: content is removed only after it was looked at under its `replaced` name, and that name exists
 * until the file has its new content. A new file appears by link(2) or by O_EXCL, so a file that a person
 * creates is never replaced unseen; the one exception is described at {@link putPrepared}. A call that the
 * file system refuses leaves one of these states:
 *  - the old file as it was, possibly with a second name (`temporary` and `replaced` are never read as
 *    documents);
 *  - no file, and the old content as `replaced`: this store moved it there, no person removed the file;
 *  - a file with a beginning of the new content ({@link isPartialWrite}), and all of it as `temporary`;
 *  - the new file.
 */

/** Error codes of a file system without owners or modes, or one where this user may not set them. */
const NO_OWNERS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

/**
 * Writes a text durably into the temporary neighbour of a file, with the mode and the owner of the file; mode
 * 0600 when there is no file.
 */
export async function prepareText(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file))
  const { temporary } = neighbours(file)
  // Removed first, because it may be a second name of the file itself.
  await rm(temporary, { force: true })
  await writeNew(temporary, text, statsOf(file))
}

/**
 * Puts the temporary neighbour, which holds `text`, in the place of a file that is still as it was seen;
 * false when it is not. The old content is kept as the `replaced` neighbour, because a person may be writing
 * into it now.
 *
 * With `inOneStep`, one rename replaces the file, so no reader finds it missing. A file that another program
 * renames over it between the last look and that step, some microseconds, is lost. Otherwise, and without
 * hard links, the old file is moved away first (`onTakenAway`) and the new one takes the free name: nothing
 * can be lost, but a reader may find no file for a moment. Without hard links the name is taken by O_EXCL and
 * written with O_APPEND. What a person writes into it meanwhile stays, at worst beside the new text, as
 * content that is not JSON and that the person has to correct.
 * @throws Error of the file system; the file is then in one of the states at the head of this module.
 */
export async function putPrepared(file: string, text: string, seen: Seen, how: Replacing): Promise<boolean> {
  // Synchronous, so that no other code of this process runs between the look and the step.
  if (!isAsSeen(file, seen)) return false
  if (seen.hash !== null) {
    try {
      if (how.inOneStep && replaceInOneStep(file, how.onMoved)) return true
      moveAside(file, how.onMoved)
    } catch (error) {
      // A person removed the file.
      if (errno(error) === 'ENOENT') return false
      throw error
    }
    how.onTakenAway()
  }
  return place(file, text)
}

/** How a file is replaced, with callbacks that are called at once. */
export interface Replacing {
  readonly inOneStep: boolean
  /** The `replaced` neighbour holds the old content from now on, and nothing that it held before. */
  readonly onMoved: () => void
  /** There is no file until the new one is in its place. */
  readonly onTakenAway: () => void
}

/**
 * Moves a file that is still as it was seen to its `replaced` neighbour and calls `onMoved`; false when the
 * file is not as it was seen.
 */
export function takeAway(file: string, seen: Seen, onMoved: () => void): boolean {
  if (!isAsSeen(file, seen)) return false
  moveAside(file, onMoved)
  return true
}

/**
 * Copies a file, or its `replaced` neighbour, durably to the `rejected` neighbour: all of it or nothing. `seal`
 * returns the text to be kept in place of one that may have secrets.
 */
export async function keepRejected(
  file: string,
  source = file,
  seal: (text: string) => string | undefined = () => undefined,
): Promise<void> {
  const { temporary, rejected } = neighbours(file)
  await rm(temporary, { force: true })
  const bytes = await readFile(source)
  await writeNew(temporary, seal(bytes.toString()) ?? bytes, statsOf(source))
  await rename(temporary, rejected)
  await makeDurable(dirname(file))
}

/** Makes the content of a file, or the names in a folder, durable; an absent one is no error. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(error => {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  })
  await handle?.sync().finally(() => handle.close())
}

/**
 * Gives a file the second name `replaced` and renames the temporary neighbour over it; false without hard
 * links.
 */
function replaceInOneStep(file: string, onMoved: () => void): boolean {
  const { temporary, replaced } = neighbours(file)
  try {
    rmSync(replaced, { force: true })
    linkSync(file, replaced)
  } catch (error) {
    if (errno(error) === 'ENOENT') throw error
    return false
  }
  onMoved()
  try {
    renameSync(temporary, file)
    return true
  } catch (error) {
    // The file stays: its second name is no replaced content.
    if (isSameFile(file, replaced)) rmSync(replaced, { force: true })
    throw error
  }
}

function moveAside(file: string, onMoved: () => void): void {
  const { replaced } = neighbours(file)
  // rename(2) does nothing, and reports success, when both names belong to one file.
  if (isSameFile(file, replaced)) rmSync(replaced, { force: true })
  try {
    renameSync(file, replaced)
  } catch (error) {
    // The call reported an error, but the file was renamed.
    if (errno(error) !== 'ENOENT' && isAbsent(file)) onMoved()
    throw error
  }
  onMoved()
}

/** Gives the temporary neighbour the free name of a file; false when a person created the file first. */
async function place(file: string, text: string): Promise<boolean> {
  const { temporary } = neighbours(file)
  try {
    linkSync(temporary, file)
  } catch (error) {
    if (errno(error) === 'EEXIST') return isSameFile(temporary, file)
    if (errno(error) === 'ENOENT') return false
    if (!(await writeInPlace(file, text))) return false
  }
  // If this fails, the next write or the next opening removes it.
  await rm(temporary, { force: true }).catch(() => {})
  return true
}

/** Writes a text into a new file; false when the file exists. */
async function writeInPlace(file: string, text: string): Promise<boolean> {
  const { temporary } = neighbours(file)
  // After a crash, the durable temporary neighbour shows that a file with a part of its text is ours.
  await makeDurable(dirname(file))
  try {
    await writeNew(file, text, statsOf(temporary))
    return true
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
    // The link call that reported an error may have created the link.
    return isSameFile(temporary, file)
  }
}

/** Creates a file with this content durably, with the mode and the owner of another where supported. */
async function writeNew(
  file: string,
  content: string | Buffer,
  like: BigIntStats | undefined,
): Promise<void> {
  const handle = await open(file, 'ax', 0o600)
  try {
    await handle.writeFile(content)
    if (like) await copyModeAndOwner(handle, like)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function copyModeAndOwner(handle: FileHandle, like: BigIntStats): Promise<void> {
  try {
    // Only root may change the owner; for another user it is already right, or cannot be kept.
    if (process.getuid?.() === 0) await handle.chown(Number(like.uid), Number(like.gid))
    await handle.chmod(Number(like.mode & 0o777n))
  } catch (error) {
    // The file keeps mode 0600 and our own user: fewer permissions than before, never more.
    if (!NO_OWNERS.has(errno(error) ?? '')) throw error
  }
}

function isAsSeen(file: string, seen: Seen): boolean {
  return signatureNow(file) === seen.signature
}
