import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Batch } from '../../backends/backend.ts'
import { type Entry, parseRevision, printRevision } from '../../model/document.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { type Key, parseHistoryKey, parseKey } from '../../model/key.ts'
import { ownAmong } from '../../model/overlap.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { Log } from '../log/log.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import type { Cache } from './cache.ts'

/** The state of the store that an earlier process knew. */
export interface Snapshot {
  readonly epoch: number
  readonly batch: Batch
  /**
   * When the state was last known to equal the store, in Unix milliseconds. For people only, never compared
   * with times or revisions of the store.
   */
  readonly freshAt: number
}

/** The secrets in the entries of a snapshot. */
export interface SnapshotSealing {
  /** The text of an entry as the store has it. */
  textOfStore(entry: Entry): string
  /** The entry as readers of the store see it. */
  shownEntry(entry: Entry): Entry
  loadKeys(): Promise<void>
}

/** The time between a change and the snapshot with it. */
const WRITE_DELAY_MS = 1_000
const FORMAT = 1

/**
 * Stores the last known state in a file, so that this controller can start while its store is unavailable.
 * The file names its store, and the snapshot of another store is never used. It is replaced by renaming, so
 * that a crash leaves the old one.
 */
export class SnapshotFile {
  readonly #file: string
  readonly #store: string
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  /** The reason of the last failed write, which is logged once, until a write succeeds. */
  #failure: string | undefined
  #writing: Promise<void> = Promise.resolve()
  #sealing: SnapshotSealing | undefined

  constructor(file: string, store: string, log: Log) {
    this.#file = file
    this.#store = store
    this.#log = log
  }

  /** The file has secrets as the store has them, so that a process that starts from it has their values. */
  sealWith(sealing: SnapshotSealing): void {
    this.#sealing = sealing
  }

  /** The state in the file; undefined without a valid one for this store. */
  async read(): Promise<Snapshot | undefined> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT')
        this.#log.warn(`The snapshot ${this.#file} cannot be read (${error.message}); starting without it.`)
      return undefined
    })
    if (text === undefined) return undefined
    const snapshot = parseSnapshot(text, this.#store, await this.#writtenAt())
    if (snapshot === 'unreadable')
      this.#log.warn(`The snapshot ${this.#file} is damaged; starting without it.`)
    return snapshot === 'unreadable' || !snapshot ? undefined : this.#shown(snapshot)
  }

  /**
   * Writes the state soon; many calls in a row write once. `freshAt` is called at the write and returns when
   * the state was last known to equal the store, in Unix milliseconds.
   */
  save(cache: Cache, freshAt: () => number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#write(cache, freshAt()))
    }, WRITE_DELAY_MS)
    this.#timer.unref()
  }

  /** Writes the state now, after a write in progress. */
  async flush(cache: Cache, freshAt: () => number): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write(cache, freshAt()))
    await this.#writing
  }

  async #shown(snapshot: Snapshot): Promise<Snapshot> {
    const sealing = this.#sealing
    if (!sealing) return snapshot
    await sealing.loadKeys()
    const changes = snapshot.batch.changes.map(change =>
      change.type === 'put' ? { ...change, entry: sealing.shownEntry(change.entry) } : change,
    )
    return { ...snapshot, batch: { ...snapshot.batch, changes } }
  }

  /** When the file was written: the time for a snapshot of an older release, which contains none. */
  async #writtenAt(): Promise<number> {
    const stats = await stat(this.#file).catch((error: NodeJS.ErrnoException) => {
      this.#log.warn(`The age of the snapshot ${this.#file} is unknown (${error.message}).`)
      return undefined
    })
    return stats?.mtimeMs ?? 0
  }

  async #write(cache: Cache, freshAt: number): Promise<void> {
    const entries = [...cache.entries()].map(entry => ({
      ...entry,
      text: this.#sealing?.textOfStore(entry) ?? entry.text,
      revision: printRevision(entry.modRevision),
      created: printRevision(entry.createRevision),
    }))
    const text = printJson({
      format: FORMAT,
      store: this.#store,
      good: new Date(freshAt).toISOString(),
      epoch: cache.epoch,
      revision: printRevision(cache.revision),
      entries,
    })
    const temporary = `${this.#file}.${process.pid}.tmp`
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
      await rm(temporary, { force: true })
      const file = await open(temporary, 'wx', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.#file)
      this.#failure = undefined
    } catch (error) {
      // Deleted, because on a full disk a partial file takes space. The first error is the one to report.
      await rm(temporary, { force: true }).catch(() => {})
      const reason = error instanceof Error ? error.message : String(error)
      if (reason === this.#failure) return
      this.#failure = reason
      this.#log.warn(`The snapshot ${this.#file} was not written: ${reason}`)
    }
  }
}

/** The history records of a document in a batch, newest first. */
export function recordsIn(batch: Batch, document: Key): readonly StoredRecord[] {
  const records = batch.changes.flatMap(change => {
    if (change.type !== 'put' || parseHistoryKey(change.entry.key)?.document !== document) return []
    return parseRecord(change.entry) ?? []
  })
  return records.sort((a, b) => b.version - a.version)
}

function parseSnapshot(text: string, store: string, writtenAt: number): Snapshot | 'unreadable' | undefined {
  const value = parseOrUndefined(text)
  if (!isObject(value) || value.format !== FORMAT) return 'unreadable'
  if (value.store !== store) return undefined
  const revision = typeof value.revision === 'string' ? parseRevision(value.revision) : undefined
  if (revision === undefined || typeof value.epoch !== 'number' || !isArray(value.entries))
    return 'unreadable'
  const entries = value.entries.map(one => (isObject(one) ? parseEntry(one) : undefined))
  if (entries.includes(undefined)) return 'unreadable'
  // An older release stored documents of a nested store, too.
  const changes = ownAmong(entries.filter(entry => entry !== undefined)).map(
    entry => ({ type: 'put', entry }) as const,
  )
  const good = typeof value.good === 'string' ? Date.parse(value.good) : Number.NaN
  return {
    epoch: value.epoch,
    freshAt: Number.isNaN(good) ? writtenAt : good,
    batch: { revision, changes: changes.sort((a, b) => (a.entry.key < b.entry.key ? -1 : 1)) },
  }
}

function parseEntry(value: JsonObject) {
  const key = typeof value.key === 'string' ? parseKey(value.key) : undefined
  const revision = typeof value.revision === 'string' ? parseRevision(value.revision) : undefined
  const created = typeof value.created === 'string' ? parseRevision(value.created) : undefined
  if (!key || revision === undefined || created === undefined || typeof value.text !== 'string')
    return undefined
  return { key, text: value.text, modRevision: revision, createRevision: created }
}

function parseOrUndefined(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // Reported by the caller, which knows the file.
  }
}
