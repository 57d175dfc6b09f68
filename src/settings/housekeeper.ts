import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyKey, historyPrefix, type Key } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import { readPendingAt } from '../pending/pending-group.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { DEFAULT_KEPT_RECORDS, keptVersions, type Retention } from './kept-versions.ts'

/** How long every record is kept, because a caller may search it for a write_id. */
const KEPT_FOR_MS = 60_000
/** The time between two rounds. */
const ROUND_MS = 30_000
/** The deletions of one commit. */
const MAX_DELETIONS_PER_COMMIT = 32

/**
 * Deletes history records that are no longer needed, in rounds of its own and never in the commit of a
 * change.
 */
export class Housekeeper {
  readonly #backend: Backend
  readonly #log: Log
  readonly #newest: number
  readonly #due = new Set<Key>()
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(backend: Backend, log: Log, newest = DEFAULT_KEPT_RECORDS) {
    this.#backend = backend
    this.#log = log
    this.#newest = newest
    this.#timer = setInterval(() => this.#begin(), ROUND_MS)
    this.#timer.unref()
  }

  /** Notes that a document got a record, so that a later round prunes its history. */
  recorded(document: Key, version: number): void {
    if (version > this.#newest) this.#due.add(document)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#round
  }

  #begin(): void {
    const due = [...this.#due]
    this.#due.clear()
    this.#round = this.#round.then(() => this.#prune(due))
  }

  async #prune(documents: readonly Key[]): Promise<void> {
    for (const document of documents) {
      if (this.#stopped) return
      try {
        const retention = { newest: this.#newest, youngest: Date.now() - KEPT_FOR_MS }
        if (await pruneHistory(this.#backend, document, retention)) this.#due.add(document)
      } catch (error) {
        this.#due.add(document)
        if (!isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN', 'HISTORY_LOST'))
          this.#log.warn(`The history of ${document} was not pruned: ${error}`)
      }
    }
  }
}

/**
 * Deletes the history records of a document that {@link keptVersions} does not keep. Returns true when young
 * records beyond the newest ones, or a baseline among those, are left, which a later round deletes.
 */
export async function pruneHistory(
  backend: Backend,
  document: Key,
  { newest, youngest }: Omit<Retention, 'baselines'>,
): Promise<boolean> {
  // Read first, because a version that becomes a baseline later is among the newest.
  const pending = await readPendingAt(backend, document)
  const baselines = pending && !pending.ended ? [pending.baseline] : []
  const { pages } = await backend.list(historyPrefix(document))
  const records: StoredRecord[] = []
  for await (const page of pages) {
    for (const entry of page) {
      const record = parseRecord(entry)
      if (record) records.push(record)
    }
    await turn()
  }
  const kept = await keptVersions(records, { newest, youngest, baselines })
  const old = records.filter(({ version }) => !kept.has(version))
  for (let i = 0; i < old.length; i += MAX_DELETIONS_PER_COMMIT) {
    await backend.commit(
      old.slice(i, i + MAX_DELETIONS_PER_COMMIT).map(({ version, stored }) => ({
        key: historyKey(document, version),
        delete: true,
        expected: stored,
      })),
    )
  }
  const beyond = records.slice(0, Math.max(0, records.length - newest))
  return beyond.some(({ version, at }) => Date.parse(at) > youngest || baselines.includes(version))
}
