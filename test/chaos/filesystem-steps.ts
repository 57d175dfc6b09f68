import fs from 'node:fs'
import promises, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { relative, sep } from 'node:path'

/*
 * Stands between a store and node:fs, so that a test can end the process, or let the file system fail, at any
 * step that changes something below a folder: open for writing, write, sync, truncate, chmod, close, mkdir,
 * link, rename, copy, remove. What is let through happens on the real file system.
 */

/** Something that is about to be done to a file or folder. */
export interface Step {
  /** 1, 2, 3 ... below this folder. */
  readonly number: number
  /** Such as `write journal/000000000001.log`. */
  readonly name: string
}

/**
 * What comes between: this much of the step is done (half of a write; of anything else all or nothing), then
 * `end` is called, which throws or never returns.
 */
export interface Interruption {
  readonly share: 0 | 0.5 | 1
  readonly end: () => never
}

/** Decides at each step whether it goes on as usual (undefined). */
export type Watchman = (step: Step) => Interruption | undefined

const watchmen = new Map<string, { readonly at: Watchman; count: number }>()
let isInstalled = false

/** Has every step below a folder pass a watchman until the function that is given is called. */
export function watchSteps(folder: string, at: Watchman): () => void {
  if (!isInstalled) install()
  isInstalled = true
  watchmen.set(folder, { at, count: 0 })
  return () => watchmen.delete(folder)
}

type Call = (...args: unknown[]) => unknown

function ask(action: string, path: unknown): Interruption | undefined {
  if (typeof path !== 'string') return undefined
  for (const [folder, watchman] of watchmen) {
    if (path !== folder && !path.startsWith(folder + sep)) continue
    return watchman.at({ number: ++watchman.count, name: `${action} ${relative(folder, path)}` })
  }
  return undefined
}

function install(): void {
  const replace = (target: object, name: string, make: (original: Call) => Call): void => {
    // Every name that is given here is a function's.
    Reflect.set(target, name, make(Reflect.get(target, name) as Call))
  }
  const later = (
    name: string,
    action: string,
    isStep: (...args: unknown[]) => boolean = () => true,
    place = 0,
  ) =>
    replace(promises, name, original => async (...args) => {
      const interruption = isStep(...args) ? ask(action, args[place]) : undefined
      if (!interruption) return original(...args)
      if (interruption.share === 1) await original(...args)
      return interruption.end()
    })
  const now = (
    name: string,
    action: string,
    place: number,
    isStep: (...args: unknown[]) => boolean = () => true,
  ) =>
    replace(fs, name, original => (...args) => {
      const interruption = isStep(...args) ? ask(action, args[place]) : undefined
      if (!interruption) return original(...args)
      if (interruption.share === 1) original(...args)
      return interruption.end()
    })
  const isThere = (path: unknown) => fs.existsSync(String(path))
  replace(promises, 'open', original => async (...args) => {
    const interruption = args[1] === 'r' ? undefined : ask('open', args[0])
    if (interruption && interruption.share < 1) interruption.end()
    // What fs.promises.open gives is a FileHandle.
    const handle = (await original(...args)) as FileHandle
    if (!interruption) return watched(handle, args[0], args[1] !== 'r')
    await handle.close()
    return interruption.end()
  })
  later('mkdir', 'mkdir', path => !isThere(path))
  later('rm', 'remove', isThere)
  later('rename', 'rename to', () => true, 1)
  later('copyFile', 'copy to', () => true, 1)
  later('writeFile', 'write')
  now('linkSync', 'link', 1)
  now('renameSync', 'rename to', 1)
  now('rmSync', 'remove', 0, isThere)
  syncBuiltinESMExports()
}

/** A handle whose changing methods are steps, too. */
function watched(handle: FileHandle, path: unknown, isWriter: boolean): FileHandle {
  const replace = (
    name: keyof FileHandle,
    action: string,
    part?: (share: 0.5, ...args: unknown[]) => Promise<unknown>,
  ): void => {
    // Every name that is given here is a method's.
    const original = (handle[name] as Call).bind(handle)
    Reflect.set(handle, name, async (...args: unknown[]) => {
      const interruption = ask(action, path)
      if (!interruption) return original(...args)
      if (interruption.share === 1) await original(...args)
      else if (interruption.share === 0.5) await part?.(0.5, ...args)
      return interruption.end()
    })
  }
  const write = handle.write.bind(handle)
  const writeFile = handle.writeFile.bind(handle)
  replace('sync', 'sync')
  replace('datasync', 'sync')
  if (!isWriter) return handle
  replace('truncate', 'truncate')
  replace('chmod', 'chmod')
  // The forms in which the store calls them.
  replace('write', 'write', (share, bytes, at, length, offset) =>
    write(bytes as Buffer, at as number, Math.floor((length as number) * share), offset as number),
  )
  replace('writeFile', 'write', (share, text) =>
    writeFile((text as string).slice(0, Math.floor((text as string).length * share))),
  )
  return handle
}
