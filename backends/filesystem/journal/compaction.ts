import { rename, rm, stat } from 'node:fs/promises'
import { type Entry, printRevision, type Revision } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import type { FileRecord } from '../format/file-record.ts'
import { encodeFrame } from '../format/frame.ts'
import { FORMAT, type Header, type SnapshotRecord } from '../format/record.ts'
import { storedMark } from './group.ts'
import { type Disk, listJournal, logPath, openNew, snapshotPath } from './journal-folder.ts'

/** The number of characters that are written at a time, with a turn of the event loop in between. */
const CHUNK_CHARS = 256 * 1024
/**
 * The largest total size of logs older than the snapshot, which are kept for watches from older revisions.
 */
const HISTORY_BYTES = 8 * 1024 * 1024

/** The state of the store when a log was started: it replaces everything before that log. */
export interface JournalSnapshot {
  /** The number of the log that starts here. */
  readonly number: number
  readonly revision: Revision
  readonly entries: readonly Entry[]
  /** The milliseconds that are left until the store deletes an entry, by key. */
  readonly ttls: ReadonlyMap<Key, number>
  /** The versions and the notes of each readable file. */
  readonly files: ReadonlyMap<Key, FileRecord>
}

/**
 * Writes a snapshot durably beside the logs, while commits continue in the log that started with it.
 *
 * Invariant: at every moment the newest complete snapshot and the logs from its number on are the store. A
 * snapshot gets its name only once it is complete and durable. Only then are files removed, oldest first, so
 * that the remaining ones have no gap whenever the process dies.
 */
export async function writeSnapshot(
  folder: string,
  disk: Disk,
  snapshot: JournalSnapshot,
  signal: AbortSignal,
): Promise<void> {
  const path = snapshotPath(folder, snapshot.number)
  const temporary = `${path}.tmp`
  try {
    const handle = await openNew(temporary)
    try {
      for (const chunk of chunks(snapshot)) {
        signal.throwIfAborted()
        await handle.writeFile(chunk)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await disk.syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Removes the files that a durable snapshot replaces; with `keepHistory` the newest of the older logs stay,
 * for watches from older revisions.
 */
export async function removeSuperseded(folder: string, number: number, keepHistory: boolean): Promise<void> {
  const { logs, snapshots } = await listJournal(folder)
  const older = logs.filter(log => log < number)
  let room = keepHistory ? HISTORY_BYTES : 0
  let keepFrom = number
  for (const log of older.toReversed()) {
    room -= (await stat(logPath(folder, log))).size
    if (room < 0 || log !== keepFrom - 1) break
    keepFrom = log
  }
  for (const snapshot of snapshots)
    if (snapshot < number) await rm(snapshotPath(folder, snapshot), { force: true })
  for (const log of older) if (log < keepFrom) await rm(logPath(folder, log), { force: true })
}

function* chunks(picture: JournalSnapshot): Generator<string> {
  let text = ''
  for (const record of records(picture)) {
    text += encodeFrame(JSON.stringify(record))
    if (text.length < CHUNK_CHARS) continue
    yield text
    text = ''
  }
  yield text
}

function* records({
  number,
  revision,
  entries,
  ttls,
  files,
}: JournalSnapshot): Generator<Header | SnapshotRecord> {
  const texts = new Map<Key, string>()
  yield { format: FORMAT, number, revision: printRevision(revision) }
  for (const { key, text, modRevision: changed, createRevision: created } of entries) {
    const ttl = ttls.get(key)
    const entry = [key, text, printRevision(changed), printRevision(created)] as const
    texts.set(key, text)
    yield { entry: ttl === undefined ? entry : [...entry, ttl] }
  }
  for (const [key, { versions, notes }] of files) {
    const { wrote: _, ...known } = notes
    yield { files: [storedMark(key, versions, texts.get(key), known)] }
  }
  yield { end: entries.length }
}
