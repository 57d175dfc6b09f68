import fs from 'node:fs'
import promises, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { sep } from 'node:path'

/*
 * Stands between a process and node:fs, below a few folders: whoever watches is asked before each step that
 * changes something there, and told after it. What is let through happens on the real file system. So the
 * journal, compaction, the readable files and snapshots are all seen alike, as the kernel sees them.
 */

/** One step, in the terms of a file system. `create` is an open that makes or empties a file. */
export type Step =
  | { readonly action: 'create'; readonly path: string; readonly existed: boolean }
  | {
      readonly action: 'write'
      readonly path: string
      readonly fd: number
      readonly offset: number
      readonly length: number
    }
  | { readonly action: 'truncate'; readonly path: string; readonly fd: number; readonly length: number }
  | { readonly action: 'sync'; readonly path: string; readonly fd: number }
  | { readonly action: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly action: 'remove'; readonly path: string }

/**
 * What ends a step early: a write does this share of its work, anything else nothing; then `end` is called,
 * which throws or never returns.
 */
export interface Cut {
  readonly share: number
  readonly end: () => never
}

export interface Watchman {
  /** Asked just before a step. */
  before?(step: Step): Cut | undefined
  /** Told just after a step that succeeded, before whoever asked for it goes on. */
  after?(step: Step): void
}

type Call = (...args: never[]) => unknown

/** Functions of node:fs that are not watched, for watchmen. */
export const RAW = { ...fs }

/**
 * Has every step below the folders pass these watchmen, from now on until the process ends; the first one
 * that cuts a step is the last one asked.
 */
export function tapSteps(folders: readonly string[], watchmen: readonly Watchman[]): void {
  const isWatched = (path: unknown): path is string =>
    typeof path === 'string' && folders.some(folder => path.startsWith(folder + sep) || path === folder)
  const before = (step: Step): Cut | undefined => {
    for (const watchman of watchmen) {
      const cut = watchman.before?.(step)
      if (cut) return cut
    }
    return undefined
  }
  const after = (step: Step): void => {
    for (const watchman of watchmen) watchman.after?.(step)
  }
  const pass = <T>(step: Step, work: () => T): T => {
    before(step)?.end()
    const result = work()
    after(step)
    return result
  }
  /** On this thread, so that nothing of this process comes between a step and its note. */
  const replace = (name: 'rename' | 'link' | 'rm', make: (path: string, second: unknown) => Step): void => {
    const sync = `${name}Sync` as const
    const original = RAW[sync] as (...args: unknown[]) => unknown
    const later = promises[name] as (...args: unknown[]) => Promise<unknown>
    const run = (args: unknown[]): unknown => {
      const [path, second] = args
      // Removing what is not there is no step.
      if (name === 'rm' && !RAW.existsSync(String(path))) return original(...args)
      return pass(make(String(path), second), () => original(...args))
    }
    set(fs, sync, (...args: unknown[]) => (isWatched(args[0]) ? run(args) : original(...args)))
    set(promises, name, async (...args: unknown[]) => (isWatched(args[0]) ? run(args) : later(...args)))
  }
  replace('rename', (path, to) => ({ action: 'rename', path, to: String(to) }))
  replace('link', (path, to) => ({ action: 'link', path, to: String(to) }))
  replace('rm', path => ({ action: 'remove', path }))

  const open = promises.open
  const openWatched = async (path: string, flags = 'r', mode?: number): Promise<FileHandle> => {
    if (flags !== 'w' && flags !== 'wx') return watched(await open(path, flags, mode), path, before, after)
    const step = { action: 'create', path, existed: RAW.existsSync(path) } as const
    before(step)?.end()
    const handle = await open(path, flags, mode)
    after(step)
    return watched(handle, path, before, after)
  }
  const writeFile = async (path: string, data: string | Buffer, { mode = 0o666 } = {}): Promise<void> => {
    const handle = await openWatched(path, 'w', mode)
    try {
      await handle.writeFile(data)
    } finally {
      await handle.close()
    }
  }
  divert('open', openWatched as Call, isWatched)
  divert('writeFile', writeFile as Call, isWatched)
  divert(
    'copyFile',
    (async (from: string, to: string) => writeFile(to, RAW.readFileSync(from))) as Call,
    isWatched,
  )
  syncBuiltinESMExports()
}

function divert(
  name: 'open' | 'writeFile' | 'copyFile',
  watchedCall: Call,
  isWatched: (path: unknown) => boolean,
): void {
  const original = promises[name] as (...args: unknown[]) => unknown
  set(promises, name, (...args: unknown[]) =>
    isWatched(args[0]) ? (watchedCall as typeof original)(...args) : original(...args),
  )
}

/** A handle whose changing methods, in the forms in which they are called here, are steps. */
function watched(
  handle: FileHandle,
  path: string,
  before: (step: Step) => Cut | undefined,
  after: (step: Step) => void,
): FileHandle {
  const { fd } = handle
  const original = {
    write: handle.write.bind(handle),
    sync: handle.sync.bind(handle),
    datasync: handle.datasync.bind(handle),
  }
  const truncate = handle.truncate.bind(handle)
  let end = 0
  const write = async (bytes: Buffer, at: number, length: number, offset: number) => {
    const step = { action: 'write', path, fd, offset, length } as const
    const cut = before(step)
    if (cut) {
      const part = Math.floor(length * cut.share)
      if (part > 0) RAW.writeSync(fd, bytes, at, part, offset)
      cut.end()
    }
    const result = await original.write(bytes, at, length, offset)
    after(step)
    return result
  }
  set(handle, 'write', write)
  set(handle, 'writeFile', async (data: string | Buffer) => {
    const bytes = Buffer.from(data)
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await write(bytes, done, bytes.length - done, end)
      done += bytesWritten
      end += bytesWritten
    }
  })
  set(handle, 'truncate', async (length = 0) => {
    const step = { action: 'truncate', path, fd, length } as const
    before(step)?.end()
    await truncate(length)
    after(step)
  })
  for (const name of ['sync', 'datasync'] as const) {
    set(handle, name, async () => {
      const step = { action: 'sync', path, fd } as const
      before(step)?.end()
      await original[name]()
      after(step)
    })
  }
  return handle
}

function set(target: object, name: string, value: unknown): void {
  Reflect.set(target, name, value)
}
