import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import { differences } from '../../events/differences.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyKey, historyPrefix, type Key } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import { readPendingAt } from '../pending/pending-group.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { findSetters } from './provenance.ts'

/** The newest history records of a document that are always kept. */
const MIN_KEPT_RECORDS = 50
/** The older records that are kept in addition, newest first, because they set a value that still stands. */
const MAX_KEPT_SETTERS = 50
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
  readonly #due = new Set<Key>()
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(backend: Backend, log: Log) {
    this.#backend = backend
    this.#log = log
    this.#timer = setInterval(() => this.#begin(), ROUND_MS)
    this.#timer.unref()
  }

  /** Notes that a document got a record, so that a later round prunes its history. */
  recorded(document: Key, version: number): void {
    if (version > MIN_KEPT_RECORDS) this.#due.add(document)
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
        if (await pruneHistory(this.#backend, document, Date.now() - KEPT_FOR_MS)) this.#due.add(document)
      } catch (error) {
        this.#due.add(document)
        if (!isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN', 'HISTORY_LOST'))
          this.#log.warn(`The history of ${document} was not pruned: ${error}`)
      }
    }
  }
}

/**
 * Deletes history records of a document, but keeps the newest 50, those written since `youngest` (Unix ms),
 * the baseline of a change that waits for its confirmation, and the newest 50 that set a value which still
 * stands. Each of the latter is kept with the record before it, which proves that it set the value. Returns
 * true when records beyond the 50 are left that a later round may delete.
 */
export async function pruneHistory(backend: Backend, document: Key, youngest: number): Promise<boolean> {
  // Read first, because a version that becomes a baseline later is among the newest.
  const pending = await readPendingAt(backend, document)
  const baseline = pending && !pending.ended ? pending.baseline : undefined
  const { pages } = await backend.list(historyPrefix(document))
  const records: StoredRecord[] = []
  for await (const page of pages) {
    for (const entry of page) {
      const record = parseRecord(entry)
      if (record) records.push(record)
    }
    await turn()
  }
  const beyond = records.slice(0, Math.max(0, records.length - MIN_KEPT_RECORDS))
  const young = beyond.filter(({ at }) => Date.parse(at) > youngest)
  const baselines = beyond.filter(({ version }) => version === baseline)
  const needed = new Set([...young, ...baselines, ...(await settersAmong(beyond, records))])
  const old = beyond.filter(record => !needed.has(record))
  for (let i = 0; i < old.length; i += MAX_DELETIONS_PER_COMMIT) {
    await backend.commit(
      old.slice(i, i + MAX_DELETIONS_PER_COMMIT).map(({ version, stored }) => ({
        key: historyKey(document, version),
        delete: true,
        expected: stored,
      })),
    )
  }
  return young.length + baselines.length > 0
}

/** The older records that set a value which still stands in the newest record, and the one before each. */
async function settersAmong(
  beyond: readonly StoredRecord[],
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  const data = records.at(-1)?.data
  if (beyond.length === 0 || !data) return []
  const leaves = differences({}, data).map(({ path }) => path)
  const setters = new Set((await findSetters(data, leaves, records.toReversed())).values())
  const kept = beyond.filter(record => setters.has(record)).slice(-MAX_KEPT_SETTERS)
  return kept.flatMap(setter => [beyond[beyond.indexOf(setter) - 1] ?? setter, setter])
}
