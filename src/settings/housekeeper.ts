import type { Backend } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import { historyPrefix, type Key } from '../../model/key.ts'
import type { Log } from '../log.ts'
import { settersOf } from './provenance.ts'
import { parseRecord } from './record.ts'

/** How many history records of a document are kept at least. */
const KEPT = 50
/** How many older ones are kept besides, because they tell who set a value that still stands; the newest of them. */
const KEPT_SETTERS = 50
/** Milliseconds for which every record is kept: as long as somebody may look for a write_id. */
const KEPT_FOR = 60_000
/** Milliseconds between two rounds. */
const ROUND = 30_000
/** The most deletions of one commit. */
const CHUNK = 32

/** Drops history records that nobody may need any more, in rounds of its own, never in a commit of somebody's change. */
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
 * Drops all but the newest 50 records of a document, those written since `youngest` (Unix ms), and the newest 50 of those that gave a value which still stands;
 * true when young ones beyond the 50 are left.
 */
export async function pruneHistory(backend: Backend, document: Key, youngest: number): Promise<boolean> {
  const { pages } = await backend.list(historyPrefix(document))
  const entries = []
  for await (const page of pages) entries.push(...page)
  const beyond = entries.slice(0, Math.max(0, entries.length - KEPT))
  const young = beyond.filter(entry => Date.parse(parseRecord(entry)?.at ?? '') > youngest)
  const needed = new Set([...young, ...settersAmong(beyond, entries)])
  const old = beyond.filter(entry => !needed.has(entry))
  for (let i = 0; i < old.length; i += CHUNK) {
    await backend.commit(old.slice(i, i + CHUNK).map(({ key, revision }) => ({ key, delete: true, expected: revision })))
  }
  return young.length > 0
}

/** Those of the older entries that tell who set what still stands in the newest, the newest ones. */
function settersAmong(beyond: readonly Entry[], entries: readonly Entry[]): readonly Entry[] {
  if (beyond.length === 0) return []
  const records = entries.flatMap(entry => parseRecord(entry) ?? []).reverse()
  const setters = new Set([...settersOf(records[0]?.data ?? {}, records).values()].map(({ stored }) => stored))
  return beyond.filter(({ revision }) => setters.has(revision)).slice(-KEPT_SETTERS)
}
