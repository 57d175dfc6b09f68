import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { makeKey, makePrefix } from '../../model/key.ts'
import { isArray, isObject, type Json } from '../../model/value.ts'
import { checkValue, createKeySet, type KeySet } from './key-set.ts'
import type { KeySource } from './key-source.ts'
import type { Secrets } from './secrets.ts'

/** Names the keys of the store's secrets: their ids, and a value that shows whether a set has the tag key. */
export const KEYS_KEY = makeKey('meta', 'keys')
/** The attempts to note keys that other controllers note at the same time. */
const MAX_ATTEMPTS = 8

/** The shortest time between two looks for newer keys. */
const RELOAD_MS = 2_000

/** The note of keys in the store. */
interface KeyNote {
  readonly kids: readonly string[]
  readonly check: string
}

/**
 * Gets the keys of a store: loads them, or makes them where the store has no secret yet.
 *
 * Invariants:
 *  1. A store has one tag key. A controller whose keys have another one, or that has none, seals nothing.
 *  2. New keys are noted in the store, guarded by the absence of a note, before they seal a value. So of two
 *     controllers that make keys at the same time, one keeps them.
 */
export class KeyKeeper {
  readonly #secrets: Secrets
  readonly #source: KeySource
  readonly #warn: (message: string) => void
  #getting: Promise<void> | undefined
  #reloadedAt = Number.NEGATIVE_INFINITY
  #hasWarned = false

  constructor(secrets: Secrets, source: KeySource, warn: (message: string) => void) {
    this.#secrets = secrets
    this.#source = source
    this.#warn = warn
  }

  /** Reads the keys that exist. @throws SettingsError CONFIG_INVALID, CONFIG_UNTRUSTED. */
  async load(): Promise<void> {
    this.#secrets.keys = await this.#source.load()
  }

  /**
   * Reads the keys again, because another controller uses a newer one; true when there are more now. A file
   * that cannot be used leaves the keys as they are.
   */
  async reload(): Promise<boolean> {
    const now = performance.now()
    if (now - this.#reloadedAt < RELOAD_MS) return false
    this.#reloadedAt = now
    const found = await this.#source.load().catch(() => undefined)
    const known = this.#secrets.keys
    const isUsable = found !== undefined && !(known && checkValue(known) !== checkValue(found))
    const isNewer = isUsable && found.sealing.some(({ kid }) => !known?.sealing.some(one => one.kid === kid))
    if (isNewer) this.#secrets.keys = found
    else this.#warnOfForeign()
    return isNewer
  }

  /** Warns once that the store has secrets of other keys. */
  #warnOfForeign(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#warn(
      `The store has secrets whose key is not in ${this.#source.place}. Their values are left out here, and kept in the store. Copy the key file of the controller that sealed them, and restart; "kytos-settings doctor" names them.`,
    )
  }

  /**
   * Makes sure that this controller can seal secrets of the store.
   * @throws SettingsError KEY_MISSING, CONFIG_INVALID, and the errors of the backend.
   */
  require(backend: Backend): Promise<void> {
    this.#getting ??= this.#require(backend).finally(() => {
      this.#getting = undefined
    })
    return this.#getting
  }

  async #require(backend: Backend): Promise<void> {
    if (!this.#secrets.keys) {
      const found = await this.#source.load()
      if (found) this.#secrets.keys = found
    }
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const entry = await backend.get(KEYS_KEY)
      const note = entry && parseNote(entry.text)
      const keys = this.#secrets.keys ?? (entry ? undefined : await this.#create(backend))
      if (!keys) throw this.#missing()
      if (entry && note?.check !== checkValue(keys)) throw this.#missing()
      const kids = keys.sealing.map(({ kid }) => kid)
      if (note && kids.every(kid => note.kids.includes(kid))) return this.#use(keys)
      const put = printJson({
        kids: [...new Set([...(note?.kids ?? []), ...kids])],
        check: checkValue(keys),
      })
      const isNoted = await this.#note(backend, put, entry?.modRevision ?? 'absent', keys)
      if (isNoted) return this.#use(keys)
    }
    throw new SettingsError(
      'CONTENTION',
      'The keys of secrets were noted by several controllers at the same time. Nothing was changed; retry.',
    )
  }

  /** Makes keys; they are not used before they are noted. */
  async #create(backend: Backend): Promise<KeySet | undefined> {
    // A store with secrets that lost its note still has its keys somewhere.
    if (this.#secrets.hasSealed || (await hasSealedDocument(backend))) return undefined
    const keys = createKeySet()
    try {
      await this.#source.create(keys)
    } catch (cause) {
      throw new SettingsError('KEY_MISSING', `No secret can be sealed. ${toSettingsError(cause).message}`, {
        cause,
      })
    }
    return keys
  }

  async #note(backend: Backend, put: string, expected: bigint | 'absent', keys: KeySet): Promise<boolean> {
    const isNew = this.#secrets.keys === undefined
    try {
      const { committed } = await backend.commit([{ key: KEYS_KEY, put, expected }])
      if (!committed && isNew) await this.#source.discard()
      if (committed && isNew)
        this.#warn(
          `The keys of secrets were made and are in ${this.#source.place}. Without them no secret of this store can be read: keep a copy elsewhere ("kytos-settings key export FILE"), and copy it to each controller of this store.`,
        )
      return committed
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) {
        if (isNew) await this.#source.discard()
        throw error
      }
      // The keys stay: the next look at the note shows whether they are the store's.
      this.#secrets.keys ??= keys
      return false
    }
  }

  #use(keys: KeySet): void {
    this.#secrets.keys ??= keys
  }

  #missing(): SettingsError {
    return new SettingsError(
      'KEY_MISSING',
      `This controller does not have the keys of the secrets in this store, so it cannot change one. Copy the key file of another controller ("kytos-settings key export FILE" there) to ${this.#source.place}, readable by the user of the service alone, and restart. Nothing was changed.`,
    )
  }
}

/** True when a document of the store has a sealed value. */
async function hasSealedDocument(backend: Backend): Promise<boolean> {
  for (const kind of ['settings', 'controllers'] as const) {
    const { pages } = await backend.list(makePrefix(kind))
    for await (const page of pages) if (page.some(({ text }) => text.includes('$sealed'))) return true
  }
  return false
}

function parseNote(text: string): KeyNote | undefined {
  const value = parse(text)
  if (!isObject(value) || !isArray(value.kids) || typeof value.check !== 'string') return undefined
  return { kids: value.kids.filter(kid => typeof kid === 'string'), check: value.check }
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // Another program wrote it: no keys match it.
  }
}
