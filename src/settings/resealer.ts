import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Entry } from '../../model/document.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import type { Namespace, Scope } from '../../model/namespace.ts'
import type { DocumentState } from '../state/document-state.ts'
import { parseOverrides } from '../state/stored-overrides.ts'
import {
  addUp,
  NOTHING_RESEALED,
  type Resealed,
  type ResealOptions,
  resealDocument,
  resealNamespace,
} from './reseal.ts'

/** The pause before a round, in which further causes are collected; controllers begin at different times. */
const PAUSE_MS = 100
const JITTER_MS = 200
/** The pause after a round that left something undone: another change won, or an edit has no record yet. */
const RETRY_MS = 1_000
/** The rounds in a row that may leave something undone; the next change begins again. */
const MAX_ROUNDS = 30
/** The attempts of a person's request, and the pause between two. */
const MAX_ATTEMPTS = 5
const ATTEMPT_MS = 300

/**
 * Seals what a store has in plain text at sensitive places, or sealed with an older key: typed with another
 * program, stored before the schema marked the place, sealed before the keys were rotated. See reseal.ts.
 *
 * Invariant: what is left to do is found in the store, so that any controller continues where another stopped.
 */
export class Resealer {
  readonly #options: ResealOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #isDue = false
  #hasWarned = false
  readonly #resealed = { document: 0, record: 0 }
  /** The cached entries in which nothing is to be sealed. */
  #sealed = new WeakSet<Entry>()
  /** The namespaces whose documents and history are to be read in the store. */
  readonly #unread = new Set<Namespace>()

  constructor(options: ResealOptions) {
    this.#options = options
  }

  /** Looks for plain secrets soon; `history` for everything that is stored. */
  look(history = false): void {
    if (this.#stopping.signal.aborted) return
    const { cache, secrets } = this.#options
    if (history) {
      this.#sealed = new WeakSet()
      for (const { namespace, entry } of cache.documents())
        if (secrets.isMarked(namespace) || entry?.text.includes('$sealed')) this.#unread.add(namespace)
    }
    for (const namespace of secrets.takeOutdated()) this.#unread.add(namespace as Namespace)
    if (secrets.namespaces.size === 0 && this.#unread.size === 0) return
    this.#isDue = true
    this.#running ??= this.#run()
      .catch(() => {}) // Stopped.
      .finally(() => {
        this.#running = undefined
      })
  }

  /** The documents and history records that were sealed again since the start. */
  get resealed(): { readonly document: number; readonly record: number } {
    return this.#resealed
  }

  /** Resolves when nothing is left to seal, or only what cannot be sealed now. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /**
   * Seals everything of a namespace, or of its document in a scope, now. `left` counts what other changes kept from being sealed.
   * @throws SettingsError KEY_MISSING, and the errors of the store.
   */
  async reseal(namespace: Namespace, scope?: Scope): Promise<Resealed> {
    let all = NOTHING_RESEALED
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      all = addUp(
        all,
        this.#count(await resealNamespace(namespace, this.#options, this.#stopping.signal, scope)),
      )
      if (all.left === 0) break
      await sleep(ATTEMPT_MS, undefined, { signal: this.#stopping.signal })
    }
    return all
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let round = 1; this.#isDue && round <= MAX_ROUNDS; round++) {
      this.#isDue = false
      await sleep(PAUSE_MS + Math.random() * JITTER_MS, undefined, { signal })
      try {
        if (!(await this.#sealAll(signal))) this.#isDue = true
      } catch (error) {
        if (!isSettingsError(error, 'KEY_MISSING', 'CONFIG_INVALID', 'CONFIG_UNTRUSTED')) this.#isDue = true
        this.#report(error)
      }
      if (this.#isDue) await sleep(RETRY_MS, undefined, { signal })
    }
  }

  /** Seals everything; false when something is left for another round. */
  async #sealAll(signal: AbortSignal): Promise<boolean> {
    const { cache } = this.#options
    let isDone = true
    for (const state of [...cache.documents()]) {
      if (signal.aborted) return true
      if (!this.#isPlain(state)) continue
      const result = await resealDocument(state, this.#options)
      if (result === 'sealed') this.#resealed.document++
      if (result === 'left') isDone = false
      await turn()
    }
    for (const namespace of [...this.#unread]) {
      if (signal.aborted) return true
      // Removed first: a text that is read meanwhile adds it again.
      this.#unread.delete(namespace)
      try {
        const { left } = this.#count(await resealNamespace(namespace, this.#options, signal))
        if (left === 0) continue
      } catch (error) {
        this.#unread.add(namespace)
        throw error
      }
      this.#unread.add(namespace)
      isDone = false
    }
    return isDone
  }

  #count(one: Resealed): Resealed {
    this.#resealed.document += one.documents
    this.#resealed.record += one.records
    return one
  }

  #isPlain({ namespace, entry }: DocumentState): boolean {
    const { secrets } = this.#options
    if (!entry || !secrets.isMarked(namespace) || this.#sealed.has(entry)) return false
    const data = parseOverrides(entry.text)
    const isPlain = data !== undefined && secrets.hasPlain(namespace, data)
    if (!isPlain) this.#sealed.add(entry)
    return isPlain
  }

  #report(error: unknown): void {
    if (this.#stopping.signal.aborted || isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'))
      return
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.log.warn(`Plain secrets in the store were not sealed: ${toSettingsError(error).message}`)
  }
}
