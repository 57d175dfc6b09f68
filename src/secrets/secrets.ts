import { randomBytes } from 'node:crypto'
import { SettingsError } from '../../model/errors.ts'
import type { Namespace } from '../../model/namespace.ts'
import { isSealed, type Json, type JsonObject, type Sealed } from '../../model/value.ts'
import { openValue, readHeader, sealValue } from './compact-jwe.ts'
import { currentKey, type KeySet, keyOfId } from './key-set.ts'
import {
  escapeKey,
  joinPlaces,
  LEFT_OUT,
  mapSecrets,
  mapSecretsAt,
  type PlaceSchemas,
  sensitivePlaces,
  UNDECLARED,
} from './sensitive-places.ts'
import { invalidMark, isInvalidMark, isTag, type SecretPlace, tagOf } from './tag.ts'
import { Vault } from './vault.ts'

/*
 * The three forms of a secret: stored (`{"$sealed": "<JWE>"}`), shown (`{"$sealed": "<tag>"}`) and plain.
 *
 * Invariants:
 *  1. The shown form of a stored text depends on that text and the keys of its `kid` only, so that the same
 *     text is shown alike whenever it is read.
 *  2. Everything that this process keeps of the store is in the shown form. A plain value leaves this module
 *     only by `reveal`.
 *  3. A sealed text is never dropped or changed because it cannot be opened.
 */

/** A change of settings whose secrets are sealed. */
export interface SealedChange {
  /** In the shown form. */
  readonly data: JsonObject
  /** True when a value was sealed, so that the change is one even if its tag is the same. */
  readonly isSealed: boolean
}

/** The place that a pointer leads to. */
export interface PointerPlace {
  readonly schemas: PlaceSchemas
  readonly place: string
  /** True when the pointer leads into a secret. */
  readonly isInside: boolean
}

/** The sealed texts whose shown form is remembered. */
const MAX_SHOWN = 20_000

export class Secrets {
  readonly #vault = new Vault()
  /** The sensitive places of each namespace, by the digests of its schemas. */
  readonly #schemas = new Map<string, Map<string, PlaceSchemas>>()
  readonly #places = new Map<string, PlaceSchemas>()
  readonly #shown = new Map<string, string>()
  /** The key of tags while there are no keys: such tags mean nothing outside this process. */
  readonly #ownTagKey = randomBytes(32)
  #keys: KeySet | undefined
  #hasForeign = false

  /** True if a text with an unknown key was read since the last call. */
  takeForeign(): boolean {
    const found = this.#hasForeign
    this.#hasForeign = false
    return found
  }

  get keys(): KeySet | undefined {
    return this.#keys
  }

  /** The shown form of a text may change with the keys, so they are set before the store is read. */
  set keys(keys: KeySet | undefined) {
    this.#keys = keys
    this.#shown.clear()
  }

  /** True once a sealed text was seen in the store. */
  get hasSealed(): boolean {
    return this.#vault.hasSealed
  }

  /** The namespaces of which a schema marks sensitive places. */
  get namespaces(): ReadonlySet<string> {
    return new Set(this.#places.keys())
  }

  /** True if a schema of the namespace marks a sensitive place. */
  isMarked(namespace: string): boolean {
    return this.#places.has(namespace)
  }

  /**
   * Adds the sensitive places of a schema. They stay until the process ends, because a schema that ends the
   * mark does not unseal a value.
   */
  learn(namespace: string, digest: string, schema: JsonObject): void {
    if (this.#schemas.get(namespace)?.has(digest)) return
    const places = placesOf(schema)
    const known = this.#schemas.get(namespace) ?? new Map<string, PlaceSchemas>()
    known.set(digest, places ?? UNDECLARED)
    this.#schemas.set(namespace, known)
    if (places) this.#places.set(namespace, joinPlaces([...known.values()]))
  }

  /** The shown form of stored settings. */
  show(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, (value, place) =>
      isSealed(value) ? sealedAs(this.#shownAs(value.$sealed, { namespace, place })) : undefined,
    )
  }

  /**
   * The stored form of settings in the shown form; plain values at sensitive places are sealed.
   * @throws SettingsError SECRET_NOT_FOUND for a tag that was never read; KEY_MISSING.
   */
  store(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, this.placesOf(namespace), (value, place, isSensitive) => {
      if (isSealed(value)) return sealedAs(this.#storedAs(value.$sealed, { namespace, place }))
      return isSensitive ? sealedAs(this.#seal({ namespace, place }, value).sealed) : undefined
    })
  }

  /** The stored form of settings in the shown form, where it is known; plain values stay. */
  storeKnown(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, value => {
      const sealed = isSealed(value) ? this.#vault.get(namespace, value.$sealed)?.sealed : undefined
      return sealed === undefined ? undefined : sealedAs(sealed)
    })
  }

  /** The shown form of settings with plain values at sensitive places, which are not sealed. */
  protect(namespace: string, data: JsonObject): JsonObject {
    const places = this.#places.get(namespace)
    if (!places) return data
    return mapSecrets(data, places, (value, place, isSensitive) =>
      isSensitive && !isSealed(value) ? sealedAs(this.#tag({ namespace, place }, value)) : undefined,
    )
  }

  /** The shown form of a change, with its plain values sealed. @throws SettingsError KEY_MISSING. */
  seal(namespace: string, data: JsonObject): SealedChange {
    let isChanged = false
    const sealed = mapSecrets(data, this.placesOf(namespace), (value, place, isSensitive) => {
      if (!isSensitive || isSealed(value)) return undefined
      isChanged = true
      return sealedAs(this.#seal({ namespace, place }, value).tag)
    })
    return { data: sealed, isSealed: isChanged }
  }

  /** True when settings have a plain value at a sensitive place. */
  hasPlain(namespace: string, data: JsonObject): boolean {
    const places = this.#places.get(namespace)
    let found = false
    if (places)
      mapSecrets(data, places, (value, _, isSensitive) => {
        if (isSensitive && !isSealed(value)) found = true
        return undefined
      })
    return found
  }

  /** True when settings have a secret that the newest key does not seal, and that can be opened here. */
  isOutdated(namespace: string, data: JsonObject): boolean {
    let found = false
    mapSecrets(data, UNDECLARED, value => {
      if (isSealed(value) && this.#isOutdated(namespace, value.$sealed)) found = true
      return undefined
    })
    return found
  }

  /** Seals such secrets with the newest key; the next commit of settings in the shown form stores them so. */
  renew(namespace: string, data: JsonObject): void {
    mapSecrets(data, UNDECLARED, (value, place) => {
      if (!isSealed(value) || !this.#isOutdated(namespace, value.$sealed)) return undefined
      const opened = this.#open(namespace, value.$sealed)
      if (opened) this.#seal({ namespace, place }, opened.value)
      return undefined
    })
  }

  #isOutdated(namespace: string, tag: string): boolean {
    const sealed = this.#vault.get(namespace, tag)?.sealed
    const kid = sealed === undefined || !isTag(tag) ? undefined : readHeader(sealed)?.kid
    if (!this.#keys || kid === undefined || kid === currentKey(this.#keys).kid) return false
    return keyOfId(this.#keys, kid) !== undefined
  }

  /** A text of an edit that cannot be read, sealed as a whole, because it may have secrets anywhere. */
  sealText(namespace: string, text: string): Sealed {
    return sealedAs(this.#seal({ namespace, place: '' }, text).sealed)
  }

  /** The settings with the values of their secrets; a value that cannot be opened here is left out. */
  reveal(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, value => {
      if (!isSealed(value) || !isShown(value.$sealed)) return undefined
      const opened = this.#open(namespace, value.$sealed)
      return opened ? opened.value : LEFT_OUT
    })
  }

  /** The value without the secrets in it, at a place of a namespace: each is replaced by an empty mark. */
  blank(value: Json, place: string, schemas: PlaceSchemas): Json {
    const blanked = mapSecretsAt(value, place, schemas, (_, __, isSensitive) =>
      isSensitive ? sealedAs('') : undefined,
    )
    return blanked === LEFT_OUT ? null : blanked
  }

  /** True when a pointer leads to a secret, or into one. */
  isSecretAt(namespace: string, pointer: string): boolean {
    const { schemas, isInside } = this.placeAt(namespace, pointer)
    return schemas.isSensitive || isInside
  }

  /** The place of a pointer: a token that may be an index is taken for one where the schema has items. */
  placeAt(namespace: string, pointer: string): PointerPlace {
    let schemas = this.placesOf(namespace)
    let place = ''
    for (const token of pointer.split('/').slice(1)) {
      if (schemas.isSensitive) return { schemas, place, isInside: true }
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
      const isIndex = /^(?:\d+|-)$/.test(key)
      place += isIndex ? '/*' : `/${escapeKey(key)}`
      schemas = isIndex ? joinPlaces([schemas.item, schemas.member(key)]) : schemas.member(key)
    }
    return { schemas, place, isInside: false }
  }

  /** A value at a pointer in the shown form. */
  protectAt(namespace: string, pointer: string, value: Json): Json {
    const { schemas, place } = this.placeAt(namespace, pointer)
    const shown = mapSecretsAt(value, place, schemas, (one, at, isSensitive) =>
      isSensitive && !isSealed(one) ? sealedAs(this.#tag({ namespace, place: at }, one)) : undefined,
    )
    return shown === LEFT_OUT ? null : shown
  }

  placesOf(namespace: string): PlaceSchemas {
    return this.#places.get(namespace) ?? UNDECLARED
  }

  /** The tag of a sealed text that a caller sent; undefined when it does not open at this place. */
  tagOfSealed(text: string, place: SecretPlace): string | undefined {
    const shown = this.#shownAs(text, place)
    const kid = readHeader(text)?.kid
    const isOpen = this.#keys !== undefined && kid !== undefined && keyOfId(this.#keys, kid) !== undefined
    return isOpen && isTag(shown) ? shown : undefined
  }

  #open(namespace: string, tag: string): { readonly value: Json } | undefined {
    const kept = this.#vault.get(namespace, tag)
    if (kept?.plain) return kept.plain
    if (!kept?.sealed || !isTag(tag)) return undefined
    const kid = readHeader(kept.sealed)?.kid
    const key = this.#keys && kid !== undefined ? keyOfId(this.#keys, kid) : undefined
    return key && openValue(key.bytes, kept.sealed)
  }

  #shownAs(text: string, place: SecretPlace): string {
    const key = `${place.namespace} ${place.place} ${text}`
    const known = this.#shown.get(key)
    if (known !== undefined) return known
    const shown = this.#readSealed(text, place)
    // A text that can be opened is not replaced by one that cannot: its key may arrive later.
    const isForeign = this.#isForeign(text)
    if (isForeign) this.#hasForeign = true
    if (!isForeign || !this.#vault.get(place.namespace, shown)?.sealed)
      this.#vault.add(place.namespace, shown, { sealed: text })
    this.#shown.set(key, shown)
    if (this.#shown.size > MAX_SHOWN) this.#shown.delete(this.#shown.keys().next().value ?? '')
    return shown
  }

  /** True for a text that is sealed with a key that this process does not have. */
  #isForeign(text: string): boolean {
    const kid = readHeader(text)?.kid
    return kid !== undefined && !(this.#keys && keyOfId(this.#keys, kid))
  }

  /** The tag of a sealed text, or its mark when it is damaged or of another place. */
  #readSealed(text: string, { namespace, place }: SecretPlace): string {
    const header = readHeader(text)
    if (!header || header.namespace !== namespace || header.place !== place || !isTag(header.tag))
      return invalidMark(text)
    const key = this.#keys && keyOfId(this.#keys, header.kid)
    if (!this.#keys || !key) return header.tag
    const opened = openValue(key.bytes, text)
    const tag = opened && tagOf(this.#keys.tag.bytes, { namespace, place }, opened.value)
    return tag === header.tag ? tag : invalidMark(text)
  }

  #storedAs(shown: string, place: SecretPlace): string {
    if (!isShown(shown)) return shown
    const kept = this.#vault.get(place.namespace, shown)
    if (kept?.sealed !== undefined) return kept.sealed
    if (kept?.plain) return this.#seal(place, kept.plain.value).sealed
    throw secretNotFound(place.namespace as Namespace, place.place)
  }

  #tag(place: SecretPlace, value: Json): string {
    const tag = tagOf(this.#keys?.tag.bytes ?? this.#ownTagKey, place, value)
    this.#vault.add(place.namespace, tag, { plain: { value } })
    return tag
  }

  #seal(place: SecretPlace, value: Json): { readonly tag: string; readonly sealed: string } {
    if (!this.#keys) throw noKeys()
    const tag = tagOf(this.#keys.tag.bytes, place, value)
    const { kid, bytes } = currentKey(this.#keys)
    const sealed = sealValue(bytes, { ...place, kid, tag }, value)
    this.#vault.add(place.namespace, tag, { sealed })
    return { tag, sealed }
  }
}

/** A value has to be sealed, and there are no keys yet. */
function noKeys(): SettingsError {
  return new SettingsError('KEY_MISSING', 'There is no key to seal secrets with.')
}

export function secretNotFound(namespace: string, place: string): SettingsError {
  return new SettingsError(
    'SECRET_NOT_FOUND',
    `"${namespace}" has no secret with the tag that was sent for "${place}". A tag is valid only for a value that is stored at the same place of this namespace. Send the value itself.`,
    { details: { namespace, pointer: place } },
  )
}

function sealedAs(text: string): Sealed {
  return { $sealed: text }
}

/** True for a tag, and for the mark of an invalid value. */
function isShown(text: string): boolean {
  return isTag(text) || isInvalidMark(text)
}

/** The places of a schema; undefined for one that cannot be read, which is not in use. */
function placesOf(schema: JsonObject): PlaceSchemas | undefined {
  try {
    return sensitivePlaces(schema)
  } catch {
    return undefined
  }
}
