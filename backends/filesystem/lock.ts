import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import { unwritable } from './format/failures.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants

/** A lock that is held until it is released or this process ends, in any way. */
export interface Lock {
  release(): void
}

/*
 * The lock is flock(2), taken by the `flock` command on a descriptor that it inherits. It belongs to the open
 * file description, which this process keeps: the command ends, the lock stays. The kernel releases it with
 * the last descriptor, so a killed holder leaves nothing to clean up. Node opens files close-on-exec, so no
 * other child process inherits it.
 *
 * Two locks are taken. The lock file also works on network file systems and names the holder. The folder of
 * the store is locked too, so that no second process opens the store after a person removed the lock file.
 * Where folders cannot be locked (NFS), only the file is.
 */

/**
 * Takes the lock on a file, which it creates if necessary, and writes the holder into it.
 * @throws SettingsError STORE_LOCKED naming the holder, STORE_REFUSED without a working `flock` command,
 * STORE_UNWRITABLE.
 */
export function takeLock(file: string, store: string): Lock {
  const descriptors: number[] = []
  const release = () => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor)
  }
  try {
    for (;;) {
      const descriptor = openForLock(file, OWN_FILE)
      descriptors.push(descriptor)
      const failed = flock(descriptor, file, store)
      if (failed !== undefined) throw unlockable(store, failed)
      if (isStillAt(descriptor, file)) {
        const folder = openForLock(store, O_RDONLY)
        descriptors.push(folder)
        flock(folder, file, store)
        noteHolder(descriptor)
        return { release }
      }
      // The file was replaced between opening and locking: this lock is on a file without a name.
      release()
    }
  } catch (error) {
    release()
    throw error
  }
}

/** Creates the file, or opens the one of the last holder; follows no link, which another user may have put there. */
const OWN_FILE = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW

function openForLock(path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o600)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/**
 * Locks the file of a descriptor; returns the reason when that is not possible.
 * @throws SettingsError STORE_LOCKED, STORE_REFUSED without the command.
 */
function flock(descriptor: number, file: string, path: string): string | undefined {
  const run = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    encoding: 'utf8',
  })
  if (run.error) {
    throw new SettingsError(
      'STORE_REFUSED',
      `The "flock" command, which locks the store at ${path}, cannot be run (${run.error.message}). Install util-linux (apt-get install util-linux).`,
      { cause: run.error },
    )
  }
  if (run.status === 1) throw locked(file, path)
  return run.status === 0 ? undefined : run.stderr.trim() || `flock ended with ${run.status ?? run.signal}`
}

function unlockable(path: string, what: string): SettingsError {
  return new SettingsError(
    'STORE_REFUSED',
    `The store at ${path} cannot be locked: ${what}. Use a file system that supports flock(2).`,
  )
}

function locked(file: string, path: string): SettingsError {
  const holder = readHolder(file)
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
  return new SettingsError(
    'STORE_LOCKED',
    `The store at ${path} is locked by ${who}; only one process may open it. Stop that process, or set another path in [settings.filesystem].`,
    { details: { path, ...holder } },
  )
}

function noteHolder(descriptor: number): void {
  try {
    ftruncateSync(descriptor, 0)
    writeSync(
      descriptor,
      `${printJson({ pid: process.pid, host: hostname(), note: 'held by flock(2): removing this file does not release the lock' })}\n`,
      0,
    )
  } catch {
    // The disk is full: the lock is valid, only its holder cannot be named.
  }
}

/** The holder in the lock file; undefined while the holder is writing it. */
function readHolder(file: string): { readonly pid: number; readonly host: string } | undefined {
  try {
    const value = parseJson(readFileSync(file, 'utf8'))
    if (!isObject(value) || typeof value.pid !== 'number' || typeof value.host !== 'string') return undefined
    return { pid: value.pid, host: value.host }
  } catch {
    // The holder is only a detail in the message of another error.
    return undefined
  }
}

function isStillAt(descriptor: number, file: string): boolean {
  const here = fstatSync(descriptor)
  const there = lstatSync(file, { throwIfNoEntry: false })
  return here.ino === there?.ino && here.dev === there.dev
}
