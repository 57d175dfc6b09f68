import { join } from 'node:path'
import { printJson } from '../../../model/json.ts'
import type { BlackBoxPlace } from './messages.ts'
import { RAW, type Step, type Watchman } from './tap.ts'

/*
 * Notes what a loss of power may take. A kill leaves the page cache, so what was never synced has to be told
 * apart afterwards.
 *
 * Invariants: a change of content is noted, with what was there before, before it happens; that a sync or a
 * change of names succeeded is noted right after it, before the process goes on. So whatever was acknowledged
 * for a sync is noted as synced, and nothing else is. A change of names that a kill kept from being noted
 * counts as one that reached the disk.
 */

/**
 * One note; `n` counts from 1. Files are told apart by inode; `old` is Base64 of what was there from `offset`
 * on.
 */
export type Note =
  | {
      readonly n: number
      readonly type: 'content'
      readonly inode: number
      readonly offset: number
      readonly size: number
      readonly old: string
    }
  | { readonly n: number; readonly type: 'synced'; readonly inode: number; readonly upTo: number }
  | { readonly n: number; readonly type: 'names synced'; readonly folder: string; readonly upTo: number }
  | { readonly n: number; readonly type: 'created'; readonly inode: number; readonly path: string }
  | { readonly n: number; readonly type: 'linked'; readonly path: string }
  /** `grave`: the second name of what stood at `to` before. */
  | {
      readonly n: number
      readonly type: 'renamed'
      readonly path: string
      readonly to: string
      readonly grave?: string
    }
  | { readonly n: number; readonly type: 'removed'; readonly path: string; readonly grave: string }

type Unnumbered<T> = T extends Note ? Omit<T, 'n'> : never

/** Begins new notes: everything that is on the disk now counts as synced. */
export function createBlackBox({ file, graveyard }: BlackBoxPlace): Watchman {
  RAW.mkdirSync(graveyard, { recursive: true })
  const descriptor = RAW.openSync(file, 'w')
  const graves = new Map<Step, string>()
  /** Where the notes were when a sync began. */
  const begun = new Map<Step, number>()
  let n = 0
  const note = (what: Unnumbered<Note>): void => {
    RAW.writeSync(descriptor, `${printJson({ n: ++n, ...what })}\n`)
  }
  const bury = (path: string): string => {
    const grave = join(graveyard, `${process.pid}-${n}-${graves.size}`)
    RAW.linkSync(path, grave)
    return grave
  }

  return {
    before: step => {
      if (step.action === 'sync') begun.set(step, n)
      else if (step.action === 'write' || step.action === 'truncate') note(contentBefore(step))
      else if (step.action === 'remove') graves.set(step, bury(step.path))
      else if (step.action === 'rename' && RAW.existsSync(step.to)) graves.set(step, bury(step.to))
      else if (step.action === 'create' && step.existed) note(emptied(step.path))
      return undefined
    },
    after: step => {
      const grave = graves.get(step)
      graves.delete(step)
      if (step.action === 'create' && !step.existed)
        note({ type: 'created', inode: RAW.statSync(step.path).ino, path: step.path })
      else if (step.action === 'link') note({ type: 'linked', path: step.to })
      else if (step.action === 'rename')
        note({ type: 'renamed', path: step.path, to: step.to, ...(grave !== undefined && { grave }) })
      else if (step.action === 'remove' && grave !== undefined)
        note({ type: 'removed', path: step.path, grave })
      else if (step.action === 'sync') {
        const upTo = begun.get(step) ?? 0
        begun.delete(step)
        const stats = RAW.fstatSync(step.fd)
        note(
          stats.isDirectory()
            ? { type: 'names synced', folder: step.path, upTo }
            : { type: 'synced', inode: stats.ino, upTo },
        )
      }
    },
  }
}

function contentBefore(step: Extract<Step, { action: 'write' | 'truncate' }>): Unnumbered<Note> {
  const { ino, size } = RAW.fstatSync(step.fd)
  const [offset, end] =
    step.action === 'write' ? [step.offset, step.offset + step.length] : [step.length, size]
  const old = Buffer.alloc(Math.max(0, Math.min(end, size) - offset))
  // A descriptor that is open for writing only cannot be read.
  const reader = old.length > 0 ? RAW.openSync(step.path, 'r') : undefined
  if (reader !== undefined) {
    RAW.readSync(reader, old, 0, old.length, offset)
    RAW.closeSync(reader)
  }
  return { type: 'content', inode: ino, offset, size, old: old.toString('base64') }
}

function emptied(path: string): Unnumbered<Note> {
  const { ino, size } = RAW.statSync(path)
  return { type: 'content', inode: ino, offset: 0, size, old: RAW.readFileSync(path, 'base64') }
}
