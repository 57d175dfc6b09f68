import { spawnSync } from 'node:child_process'
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import { unwritable } from './format/failures.ts'

/** A lock that is held until it is released or this process ends, however it ends. */
export interface Lock {
  release(): void
}

/*
 * flock(2), taken through the `flock` command on a descriptor that it inherits from us. The lock belongs to
 * the open file description, which we keep: the command ends, the lock stays. The kernel drops it with our
 * last descriptor, so a killed holder leaves nothing to clean up. Node opens files close-on-exec: no other
 * child inherits it.
 *
 * Two things are locked: the lock file, which also works on network file systems and says who holds it, and
 * the folder of the store, so that a person who removes the file does not let a second process in. Where
 * folders cannot be locked (NFS), the file has to do.
 */

/**
 * Takes the lock on a file, which it makes if need be, and writes into it who holds it.
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
      const descriptor = openForLock(file, 'a+')
      descriptors.push(descriptor)
      const failed = flock(descriptor, file, store)
      if (failed !== undefined) throw unlockable(store, failed)
      if (isStillAt(descriptor, file)) {
        const folder = openForLock(store, 'r')
        descriptors.push(folder)
        flock(folder, file, store)
        noteHolder(descriptor)
        return { release }
      }
      // Somebody replaced the file between our opening and locking it: what we hold locks nothing that others
      // would find.
      release()
    }
  } catch (error) {
    release()
    throw error
  }
}

function openForLock(path: string, flags: 'a+' | 'r'): number {
  try {
    return openSync(path, flags, 0o600)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/**
 * Locks what a descriptor stands for; gives what is wrong where that cannot be done.
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
    // A full disk: the lock itself holds, only who has it cannot be said.
  }
}

/** Who says to hold the lock; undefined while the holder is just writing it. */
function readHolder(file: string): { readonly pid: number; readonly host: string } | undefined {
  try {
    const value = parseJson(readFileSync(file, 'utf8'))
    if (!isObject(value) || typeof value.pid !== 'number' || typeof value.host !== 'string') return undefined
    return { pid: value.pid, host: value.host }
  } catch {
    // Only a courtesy in a message that is an error already.
    return undefined
  }
}

function isStillAt(descriptor: number, file: string): boolean {
  const here = fstatSync(descriptor)
  const there = statSync(file, { throwIfNoEntry: false })
  return here.ino === there?.ino && here.dev === there.dev
}
