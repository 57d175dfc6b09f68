import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Backend, Operation } from '../../backends/backend.ts'
import { type Entry, printRevision } from '../../model/document.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { historyKey, historyPrefix, type Key, parseHistoryKey } from '../../model/key.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { Log } from '../log/log.ts'
import type { SecretsOfStore } from '../secrets/secrets-of-store.ts'
import { type DocumentState, isRecorded } from '../state/document-state.ts'
import { parseRecord, printRecord } from '../state/record.ts'
import { parseOverrides } from '../state/stored-overrides.ts'
import type { Cache } from '../watcher/cache.ts'

/** The pause before a round, in which further causes are collected; controllers begin at different times. */
const PAUSE_MS = 100
const JITTER_MS = 200
/** The pause after a round that left something undone: another change won, or an edit has no record yet. */
const RETRY_MS = 1_000
/** The rounds in a row that may leave something undone; the next change begins again. */
const MAX_ROUNDS = 30

/**
 * Seals what a store has in plain text at sensitive places: typed with another program, stored before the
 * schema marked the place, or sealed with an older key. Documents first, then their history.
 *
 * Invariants:
 *  1. A document and its newest record are one commit, guarded by both revisions. So no change of anyone is
 *     undone, and a controller that stops half-way leaves a store that any controller goes on with.
 *  2. Sealing changes no setting: the record keeps its version and the revision of its change.
 */
export class Resealer {
  readonly #options: ResealerOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #isDue = false
  #hasWarned = false
  /** The cached entries in which nothing is to be sealed. */
  #sealed = new WeakSet<Entry>()
  /** The namespaces whose history was read with these places. */
  #histories = new Set<string>()

  constructor(options: ResealerOptions) {
    this.#options = options
  }

  /** Looks for plain secrets soon; `history` again for all records. */
  look(history = false): void {
    if (history) {
      this.#histories = new Set()
      this.#sealed = new WeakSet()
    }
    if (this.#options.secrets.namespaces.size === 0 || this.#stopping.signal.aborted) return
    this.#isDue = true
    this.#running ??= this.#run()
      .catch(() => {}) // Stopped.
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Resolves when nothing is left to seal, or only what cannot be sealed now. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let round = 1; this.#isDue && round <= MAX_ROUNDS; round++) {
      this.#isDue = false
      await sleep(PAUSE_MS + Math.random() * JITTER_MS, undefined, { signal })
      try {
        if (!(await this.#sealAll())) this.#isDue = true
      } catch (error) {
        if (!isSettingsError(error, 'KEY_MISSING', 'CONFIG_INVALID', 'CONFIG_UNTRUSTED')) this.#isDue = true
        this.#report(error)
      }
      if (this.#isDue) await sleep(RETRY_MS, undefined, { signal })
    }
  }

  /** Seals everything; false when something is left for another round. */
  async #sealAll(): Promise<boolean> {
    const { cache, secrets } = this.#options
    let isDone = true
    for (const state of [...cache.documents()]) {
      if (this.#stopping.signal.aborted) return true
      if (!secrets.isMarked(state.namespace) || !state.entry || !this.#isPlain(state)) continue
      if (!(await this.#sealDocument(state, state.entry))) isDone = false
      await turn()
    }
    for (const namespace of secrets.namespaces) {
      if (this.#histories.has(namespace) || !isDone) continue
      const keys = [...cache.documents()].filter(one => one.namespace === namespace).map(({ key }) => key)
      let isWhole = true
      for (const key of keys) if (!(await this.#sealHistory(namespace, key))) isWhole = false
      if (isWhole) this.#histories.add(namespace)
      else isDone = false
    }
    return isDone
  }

  #isPlain({ namespace, entry }: DocumentState): boolean {
    if (!entry || this.#sealed.has(entry)) return false
    const data = parseOverrides(entry.text)
    const isDue = data !== undefined && this.#isDueOf(namespace, data)
    if (!isDue) this.#sealed.add(entry)
    return isDue
  }

  #isDueOf(namespace: string, data: JsonObject): boolean {
    const { secrets } = this.#options
    return secrets.hasPlain(namespace, data) || secrets.isOutdated(namespace, data)
  }

  async #sealDocument(state: DocumentState, entry: Entry): Promise<boolean> {
    const { backend, secrets, log } = this.#options
    const { key, namespace, record } = state
    // A manual edit gets its record first.
    if (!record || !isRecorded(state)) return false
    await secrets.requireKeys()
    secrets.renew(namespace, parseOverrides(entry.text) ?? {})
    const operations: Operation[] = [
      { key, put: entry.text, expected: entry.modRevision },
      {
        key: historyKey(key, record.version),
        put: printRecord(record, record.of, undefined, true),
        expected: record.stored,
      },
    ]
    const { committed } = await backend.commit(operations)
    if (committed) log.info(`Sealed the secrets of ${key}.`)
    return committed
  }

  /** Seals the records of a document; false when one changed meanwhile. */
  async #sealHistory(namespace: string, document: Key): Promise<boolean> {
    const { backend, secrets } = this.#options
    let isDone = true
    const { pages } = await backend.list(historyPrefix(document))
    for await (const page of pages)
      for (const entry of page) {
        if (this.#stopping.signal.aborted) return true
        const sealed = this.#sealedRecord(namespace, document, entry)
        if (sealed === undefined) continue
        await secrets.requireKeys()
        const put: Operation = { key: entry.key, put: sealed, expected: entry.modRevision }
        if (!(await backend.commit([put])).committed) isDone = false
      }
    return isDone
  }

  /** The text of a record to be stored with its secrets sealed; undefined when there is nothing to seal. */
  #sealedRecord(namespace: string, document: Key, entry: Entry): string | undefined {
    if (parseHistoryKey(entry.key)?.document !== document) return undefined
    const record = parseRecord(entry)
    const value = parse(entry.text)
    if (!record || !isObject(value)) return undefined
    const isRaw = typeof value.raw === 'string'
    if (!isRaw && !(record.data && this.#options.secrets.hasPlain(namespace, record.data))) return undefined
    const { resealed, ...rest } = value
    // The mark of the newest record is that of its document, with which it was sealed.
    const isNewest = this.#options.cache.stateOf(document)?.record?.version === record.version
    if (resealed === true && isNewest) return undefined
    return printJson({ ...rest, revision: printRevision(record.of) })
  }

  #report(error: unknown): void {
    if (this.#stopping.signal.aborted || isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'))
      return
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.log.warn(`Plain secrets in the store were not sealed: ${toSettingsError(error).message}`)
  }
}

export interface ResealerOptions {
  readonly backend: Backend
  readonly cache: Cache
  readonly secrets: SecretsOfStore
  readonly log: Log
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // Another program wrote it.
  }
}
