import { setImmediate as turn } from 'node:timers/promises'
import type { Backend } from '../../backends/backend.ts'
import { differences } from '../../events/differences.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyKey, historyPrefix, type Key } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { findSetters } from './provenance.ts'

/** How many history records of a document are kept at least. */
const KEPT = 50
/**
 * How many older ones are kept besides, because they tell who set a value that still stands; the newest of
 * them.
 */
const KEPT_SETTERS = 50
/** Milliseconds for which every record is kept: as long as somebody may look for a write_id. */
const KEPT_FOR = 60_000
/** Milliseconds between two rounds. */
const ROUND = 30_000
/** The most deletions of one commit. */
const CHUNK = 32

/**
 * Drops history records that nobody may need any more, in rounds of its own, never in a commit of somebody's
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
    this.#timer = setInterval(() => this.#begin(), ROUND)
    this.#timer.unref()
  }

  /** Takes note that a document got a record; the work is done later. */
  recorded(document: Key, version: number): void {
    if (version > KEPT) this.#due.add(document)
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
        if (await pruneHistory(this.#backend, document, Date.now() - KEPT_FOR)) this.#due.add(document)
      } catch (error) {
        this.#due.add(document)
        if (!isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN', 'HISTORY_LOST'))
          this.#log.warn(`The history of ${document} was not pruned: ${error}`)
      }
    }
  }
}

/**
 * Drops all but the newest 50 records of a document, those written since `youngest` (Unix ms), and the newest
 * 50 of those that gave a value which still stands, each with the record before it, by which that is seen;
 * true when young ones beyond the 50 are left.
 */
export async function pruneHistory(backend: Backend, document: Key, youngest: number): Promise<boolean> {
  const { pages } = await backend.list(historyPrefix(document))
  const records: StoredRecord[] = []
  for await (const page of pages) {
    for (const entry of page) {
      const record = parseRecord(entry)
      if (record) records.push(record)
    }
    await turn()
  }
  const beyond = records.slice(0, Math.max(0, records.length - KEPT))
  const young = beyond.filter(({ at }) => Date.parse(at) > youngest)
  const needed = new Set([...young, ...(await settersAmong(beyond, records))])
  const old = beyond.filter(record => !needed.has(record))
  for (let i = 0; i < old.length; i += CHUNK) {
    await backend.commit(
      old.slice(i, i + CHUNK).map(({ version, stored }) => ({
        key: historyKey(document, version),
        delete: true,
        expected: stored,
      })),
    )
  }
  return young.length > 0
}

/** Those of the older records that tell who set what still stands in the newest, and the one before each. */
async function settersAmong(
  beyond: readonly StoredRecord[],
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  const data = records.at(-1)?.data
  if (beyond.length === 0 || !data) return []
  const leaves = differences({}, data).map(({ path }) => path)
  const setters = new Set((await findSetters(data, leaves, records.toReversed())).values())
  const kept = beyond.filter(record => setters.has(record)).slice(-KEPT_SETTERS)
  return kept.flatMap(setter => [beyond[beyond.indexOf(setter) - 1] ?? setter, setter])
}
