import fs from 'node:fs'
import { basename, join } from 'node:path'

/*
 * Second names of all logs that the journal ever had, beside the store on the same file system: compaction
 * removes the names in the journal, the content stays.
 *
 * Invariant: a log has its second name before anything is written into it. It shares the content, so a log
 * that is cut, or that loses what was not synced, is so in the archive, too.
 */

const LOG = /^(\d{12})\.log$/
const KEPT = /^(\d{12})\.(\d{6})$/

/** Functions of node:fs as they were when this module was loaded: what an archive does is not watched. */
const { linkSync, readdirSync, rmSync, statSync } = fs

/** One log of the archive; of several with the same number the one with the highest `count` came last. */
export interface KeptLog {
  readonly path: string
  readonly number: number
  readonly count: number
}

/** Gives a log its second name, unless it has one; anything else is left alone. */
export function keepLog(path: string, archive: string): void {
  const digits = LOG.exec(basename(path))?.[1]
  if (digits === undefined) return
  const same = listArchive(archive).filter(({ number }) => number === Number(digits))
  const { ino } = statSync(path)
  if (same.some(kept => statSync(kept.path).ino === ino)) return
  linkSync(path, join(archive, `${digits}.${String((same.at(-1)?.count ?? 0) + 1).padStart(6, '0')}`))
}

/** The logs that were kept, in the order of their numbers, then as they came. */
export function listArchive(archive: string): KeptLog[] {
  return readdirSync(archive)
    .sort()
    .flatMap(name => {
      const [, number, count] = KEPT.exec(name) ?? []
      return number === undefined || count === undefined
        ? []
        : [{ path: join(archive, name), number: Number(number), count: Number(count) }]
    })
}

/** Forgets a log whose very name was lost with the power: nobody will ever read it. */
export function forgetLog(inode: number, archive: string): void {
  for (const { path } of listArchive(archive)) if (statSync(path).ino === inode) rmSync(path)
}

/** The logs in a journal that have no second name: none, unless the archive failed. */
export function missedLogs(journal: string, archive: string): string[] {
  const kept = new Set(listArchive(archive).map(({ path }) => statSync(path).ino))
  return readdirSync(journal).flatMap(name => {
    const path = join(journal, name)
    const stats = LOG.test(name) ? statSync(path, { throwIfNoEntry: false }) : undefined
    return stats && stats.size > 0 && !kept.has(stats.ino) ? [path] : []
  })
}
