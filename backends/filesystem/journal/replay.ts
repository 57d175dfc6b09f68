import { readFile } from 'node:fs/promises'
import type { Key } from '../../../model/key.ts'
import { damaged } from '../format/failures.ts'
import { type FileNotes, withEarlier } from '../format/file-notes.ts'
import type { FileVersion } from '../format/file-version.ts'
import {
  type LogRecord,
  restoreChanges,
  type SnapshotRecord,
  type StoredMark,
  type StoredNotes,
} from '../format/record.ts'
import { listJournal, logPath, snapshotPath } from './journal-folder.ts'
import { readLog, readSnapshot } from './log-reader.ts'
import { State } from './state.ts'
import { BatchWindow, type WindowLimits } from './window.ts'

/*
 * Reads the journal back.
 *
 * Invariant: it writes nothing. The state is the newest snapshot plus the logs from its number on; older logs
 * only provide batches for the window. Every log but the last is valid exactly up to the length that the
 * header of its successor defines; an unfinished write at the end of the last log is ignored.
 */

/** The end of the last log that was never acknowledged: cut off before the journal is used. */
export interface Torn {
  readonly file: string
  readonly length: number
  readonly lost: number
}

export interface Replay {
  readonly state: State
  readonly window: BatchWindow
  /**
   * The versions of each readable file, the one last known to be durable first; for keys that have or had a
   * file.
   */
  readonly files: Map<Key, FileVersion[]>
  /** The notes about each of these files. */
  readonly notes: Map<Key, FileNotes>
  /** The last log with its valid length; undefined when there is no journal. */
  readonly current: { readonly number: number; readonly length: number } | undefined
  /** Bytes of the logs since the snapshot. */
  readonly tail: number
  readonly torn: Torn | undefined
  /** Files that are no longer needed and may be removed. */
  readonly obsolete: readonly string[]
}

/** @throws SettingsError STORE_DAMAGED, STORE_FORMAT. `hasFile`: true for keys with a readable file. */
export async function replay(
  folder: string,
  limits: WindowLimits,
  hasFile: (key: Key) => boolean,
): Promise<Replay> {
  const { logs, snapshots, leftovers } = await listJournal(folder)
  const base = snapshots.at(-1) ?? 0
  const chain = await readChain(folder, logs, base)
  const reader = new Reader(limits, chain[0]?.revision ?? 0n, hasFile)
  if (base > 0) reader.snapshot(await readSnapshot(snapshotPath(folder, base), base))
  for (const log of chain) reader.log(log.records, log.number >= Math.max(base, 1), log.file)
  const last = chain.at(-1)
  return {
    ...reader,
    current: last && { number: last.number, length: last.length },
    tail: chain.reduce((sum, log) => sum + (log.number >= base ? log.length : 0), 0),
    torn: last?.torn ? { file: last.file, length: last.length, lost: last.torn } : undefined,
    obsolete: [
      ...leftovers,
      ...snapshots.filter(number => number !== base).map(number => snapshotPath(folder, number)),
      ...logs
        .filter(number => !chain.some(log => log.number === number))
        .map(number => logPath(folder, number)),
    ],
  }
}

type Log = NonNullable<ReturnType<typeof readLog>>

/** The logs that are used, oldest first, without a gap up to the newest. */
async function readChain(folder: string, numbers: readonly number[], base: number): Promise<Log[]> {
  const chain: Log[] = []
  const first = Math.max(base, 1)
  for (const number of numbers.toReversed()) {
    const next = chain[0]
    if (next && number !== next.number - 1) break
    const file = logPath(folder, number)
    const log = readLog(await readFile(file), file, number, next?.after?.length)
    // Only the newest log may lack a header: its process died before it acknowledged anything in it.
    if (log) chain.unshift(log)
    else if (next || number === base) throw damaged(file, 'the header is missing')
  }
  const oldest = chain[0]
  if (oldest ? oldest.number > first : base > 0)
    throw damaged(folder, `the log ${logPath(folder, first)} is missing`)
  return chain
}

/** Applies the records of the journal in order. */
class Reader {
  readonly state = new State()
  readonly window: BatchWindow
  readonly files = new Map<Key, FileVersion[]>()
  readonly notes = new Map<Key, FileNotes>()
  readonly #hasFile: (key: Key) => boolean

  constructor(limits: WindowLimits, floor: bigint, hasFile: (key: Key) => boolean) {
    this.window = new BatchWindow(limits, floor)
    this.#hasFile = hasFile
  }

  snapshot({ revision, records }: { revision: bigint; records: readonly SnapshotRecord[] }): void {
    for (const { entry } of records) {
      if (!entry) continue
      const [key, text, changed, created, ttl] = entry
      this.state.restore({ key, text, modRevision: BigInt(changed), createRevision: BigInt(created) }, ttl)
    }
    for (const { files } of records) if (files) this.#mark(files)
    this.state.startAt(revision)
  }

  log(records: readonly LogRecord[], counts: boolean, file: string): void {
    for (const { revision, changes, files } of records) {
      if (revision !== undefined && changes) {
        const restored = restoreChanges(changes, BigInt(revision))
        const batch = { revision: BigInt(revision), changes: restored.changes }
        if (batch.revision <= this.window.last)
          throw damaged(file, `revision ${revision} follows ${this.window.last}`)
        this.window.append([batch])
        if (counts) {
          this.state.apply(batch, restored.ttls)
          for (const [key, text] of changes) this.#committed(key, text ?? undefined)
        }
      }
      if (counts && files) this.#mark(files)
    }
  }

  /** Adds this text to the versions of the file, which is written some time after the commit. */
  #committed(key: Key, text: string | undefined): void {
    if (!this.#hasFile(key)) return
    this.#changedWhileMissing(key, text)
    const versions = this.files.get(key) ?? [{ hash: null, text: undefined }]
    versions.push({ hash: text === undefined ? null : undefined, text })
    this.files.set(key, versions)
  }

  /**
   * A missing file is written again with the next text of its document; what it held before may come back.
   */
  #changedWhileMissing(key: Key, text: string | undefined): void {
    const { kept, ...notes } = this.notes.get(key) ?? {}
    const versions = this.files.get(key) ?? []
    const held = versions.at(-1)
    if (!kept || !held || held.text === text) return
    this.files.set(key, [{ hash: null, text: held.text }])
    this.notes.set(key, { ...notes, stray: held, earlier: withEarlier(notes.earlier ?? [], versions) })
  }

  #mark(marks: readonly StoredMark[]): void {
    for (const [key, stored, beside] of marks) {
      const current = this.state.get(key)?.text
      const versions = stored.map(
        ([hash, text]): FileVersion => ({ hash, text: text === undefined ? current : (text ?? undefined) }),
      )
      const dropped = (this.files.get(key) ?? []).filter(
        ({ hash }) => !versions.some(version => version.hash === hash),
      )
      const wrote = (beside?.wrote ?? []).map((hash): FileVersion => ({ hash, text: undefined }))
      const earlier = withEarlier(beside?.earlier ?? this.notes.get(key)?.earlier ?? [], [
        ...dropped,
        ...wrote,
      ])
      const notes = restoreNotes(beside, earlier)
      this.files.set(key, versions)
      this.notes.set(key, notes)
      // The document was changed in the same write, before the mark: the file is not updated yet.
      if (versions.at(-1)?.text !== current) this.#committed(key, current)
      else if (versions.length === 1 && versions[0]?.hash === null) this.#forget(key, versions, notes)
    }
  }

  /**
   * Without a file and a document, only content that may come back with its folder is remembered, in the
   * order of the deletions.
   */
  #forget(key: Key, versions: FileVersion[], notes: FileNotes): void {
    this.files.delete(key)
    this.notes.delete(key)
    if (!notes.stray && !notes.earlier) return
    this.files.set(key, versions)
    this.notes.set(key, notes)
  }
}

function restoreNotes({ kept, due, stray, folder }: StoredNotes = {}, earlier: readonly string[]): FileNotes {
  return {
    ...(kept && { kept }),
    ...(due && { due }),
    ...(stray && { stray: { hash: stray[0], text: stray[1] ?? undefined } }),
    ...(folder !== undefined && { folder }),
    ...(earlier.length > 0 && { earlier }),
  }
}
