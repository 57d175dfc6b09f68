import type { Backend, Listing, ReadEntries, SealEdit } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { printJson } from '../../model/json.ts'
import { type Key, makePrefix, type Prefix } from '../../model/key.ts'
import { isArray, isObject, isSealed, type Json, type JsonObject } from '../../model/value.ts'
import type { DocumentState } from '../state/document-state.ts'
import { Guesses } from './guesses.ts'
import { KeyKeeper } from './keeper.ts'
import type { KeySource } from './key-source.ts'
import { learn, shownEntry, withSealing } from './sealing-backend.ts'
import { Secrets } from './secrets.ts'
import { mapSettings, mayBeSealed, namespaceOfKey } from './stored-text.ts'

/** Shown in place of a secret that a caller sends. */
const BLANK: Json = { $sealed: '' }

/** The secrets of one store, its keys, and the store behind them. */
export class SecretsOfStore extends Secrets {
  readonly guesses = new Guesses()
  readonly #keeper: KeyKeeper
  #inner: Backend | undefined

  constructor(source: KeySource, warn: (message: string) => void) {
    super()
    this.#keeper = new KeyKeeper(this, source, warn)
  }

  /** The store with its secrets sealed. */
  wrap(inner: Backend): Backend {
    this.#inner = inner
    return withSealing(inner, this, this.#keeper)
  }

  /** Makes sure that secrets can be sealed. @throws SettingsError KEY_MISSING. */
  async requireKeys(): Promise<void> {
    if (this.#inner) await this.#keeper.require(this.#inner)
  }

  /** An entry in the stored form. */
  stored(key: Key): Promise<Entry | undefined> {
    return this.#backend.get(key)
  }

  /** Entries in the stored form. */
  listStored(prefix: Prefix): Promise<Listing> {
    return this.#backend.list(prefix)
  }

  /**
   * The text of an entry in the stored form, all its secrets sealed with the newest key; the same text when
   * they are.
   * @throws SettingsError KEY_MISSING for a plain value.
   */
  renewedText({ key, text }: Entry): string {
    const namespace = namespaceOfKey(key)
    if (namespace === undefined || !(this.isMarked(namespace) || mayBeSealed(text))) return text
    return mapSettings(
      key,
      text,
      data => this.renew(namespace, data),
      raw => {
        if (isSealed(raw)) return this.renewText(namespace, raw)
        return typeof raw === 'string' && this.isMarked(namespace) ? this.sealText(namespace, raw) : raw
      },
    )
  }

  /** The numbers of secrets: those of documents now, and of this process since its start. */
  counts(documents: Iterable<Pick<DocumentState, 'namespace' | 'data'>>) {
    const states = { current: 0, older_key: 0, key_missing: 0, damaged: 0 }
    for (const { namespace, data } of documents) if (data) this.countStates(namespace, data, states)
    const kids = this.keys?.sealing.map(({ kid }) => kid) ?? []
    return { states, kids, sealed: this.sealedCount, refused: this.guesses.refused }
  }

  get #backend(): Backend {
    if (!this.#inner) throw new Error('The store of these secrets is set by wrap().')
    return this.#inner
  }

  /** Reads the keys that exist. @throws SettingsError CONFIG_INVALID, CONFIG_UNTRUSTED. */
  async loadKeys(): Promise<void> {
    if (!this.keys) await this.#keeper.load()
  }

  /** Seals what a person typed into a readable file, by the schemas that the store has. */
  readonly edits: SealEdit = {
    settings: (key, value, read) => {
      const namespace = this.#learnFor(key, read)
      return namespace === undefined ? value : this.store(namespace, this.show(namespace, value))
    },
    text: (key, text, read) => {
      const namespace = this.#learnFor(key, read)
      if (namespace === undefined || !this.isMarked(namespace)) return undefined
      // Without keys nothing is kept, because a secret must not be.
      return printJson(this.keys ? this.sealText(namespace, text) : {}, 2)
    },
  }

  /** Learns the stored schemas of the namespace of a document; undefined for another key. */
  #learnFor(key: Key, read: ReadEntries): string | undefined {
    const namespace = namespaceOfKey(key)
    if (namespace === undefined) return undefined
    const [username = '', name = ''] = namespace.split('/')
    for (const entry of read(makePrefix('schemas', username, name))) learn(entry.key, entry.text, this)
    return namespace
  }

  /** The text of an entry as the store has it; plain values stay as they are. */
  textOfStore({ key, text }: Entry): string {
    const namespace = mayBeSealed(text) ? namespaceOfKey(key) : undefined
    if (namespace === undefined) return text
    return mapSettings(key, text, data => this.storeKnown(namespace, data))
  }

  shownEntry(entry: Entry): Entry {
    return shownEntry(entry, this)
  }

  /** The content of a command without the secrets that it sets, for the listeners of commands. */
  withoutSecrets(command: string, content: object): object {
    // The handler checks the content, which may be anything here.
    const sent = content as { readonly [name: string]: unknown }
    if (command === 'kytos.settings.transaction') {
      if (!Array.isArray(sent.operations)) return { ...sent, operations: BLANK }
      return { ...sent, operations: sent.operations.map(one => this.#withoutData(one)) }
    }
    if (command === 'kytos.settings.update' || command === 'kytos.settings.create')
      return this.#withoutData(sent) as object
    return content
  }

  /** A command, or an operation of a transaction, without secrets in its data. */
  #withoutData(sent: unknown): unknown {
    if (typeof sent !== 'object' || sent === null) return sent
    const { namespace, method, data } = sent as { readonly [name: string]: unknown }
    if (typeof namespace !== 'string' || !this.isMarked(namespace)) return sent
    if (data === undefined) return sent
    // Read as JSON, and never changed.
    const value = data as Json
    if (method === 'JSON_PATCH' && isArray(value))
      return { ...sent, data: value.map(operation => this.#withoutOperand(namespace, operation)) }
    // Neither settings nor a patch: it is refused, and may have a secret anywhere.
    if (method === 'JSON_PATCH' || !isObject(value)) return { ...sent, data: BLANK }
    return { ...sent, data: this.blank(value, '', this.placesOf(namespace)) }
  }

  #withoutOperand(namespace: string, operation: Json): Json {
    if (!isObject(operation)) return BLANK
    const { path, value } = operation
    if (value === undefined) return operation
    // A value without a place is refused, and may be a secret.
    if (typeof path !== 'string' || !/^(?:\/|$)/.test(path)) return { ...operation, value: BLANK }
    const { place, schemas, isInside } = this.placeAt(namespace, path)
    return { ...operation, value: isInside ? BLANK : this.blank(value, place, schemas) } satisfies JsonObject
  }
}
