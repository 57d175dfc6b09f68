import { isSealed, type Json, type JsonObject, type Sealed } from '../../model/value.ts'
import type { KeySet } from './key-set.ts'
import { MarkedPlaces } from './marked-places.ts'
import { isShown, SealedTexts, type SealState } from './sealed-texts.ts'
import { LEFT_OUT, mapSecrets, mapSecretsAt, UNDECLARED } from './sensitive-places.ts'
import { isTag, type SecretPlace } from './tag.ts'

/** A change of settings whose secrets are sealed. */
export interface SealedChange {
  /** In the shown form. */
  readonly data: JsonObject
  /** True when a value was sealed, so that the change is one even if its tag is the same. */
  readonly isSealed: boolean
}

/**
 * The three forms of a secret: stored (`{"$sealed": "<JWE>"}`), shown (`{"$sealed": "<tag>"}`) and plain.
 *
 * Invariants:
 *  1. The same stored text is shown alike whenever it is read.
 *  2. Everything that this process keeps of the store is in the shown form. A plain value leaves this module
 *     only by `reveal`.
 */
export class Secrets extends MarkedPlaces {
  readonly #texts = new SealedTexts()

  /** True if a text with an unknown key was read since the last call. */
  takeForeign(): boolean {
    return this.#texts.takeForeign()
  }

  /** The namespaces of texts that were read since the last call and have an older key. */
  takeOutdated(): readonly string[] {
    return this.#texts.takeOutdated()
  }

  get keys(): KeySet | undefined {
    return this.#texts.keys
  }

  /** The shown form of a text may change with the keys, so they are set before the store is read. */
  set keys(keys: KeySet | undefined) {
    this.#texts.keys = keys
  }

  /** True once a sealed text was seen in the store. */
  get hasSealed(): boolean {
    return this.#texts.hasSealed
  }

  /** The shown form of stored settings. */
  show(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, (value, place) =>
      isSealed(value) ? sealedAs(this.#texts.shownAs(value.$sealed, { namespace, place })) : undefined,
    )
  }

  /**
   * The stored form of settings in the shown form; plain values at sensitive places are sealed.
   * @throws SettingsError SECRET_NOT_FOUND for a tag that was never read; KEY_MISSING.
   */
  store(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, this.placesOf(namespace), (value, place, isSensitive) => {
      if (isSealed(value)) return sealedAs(this.#texts.storedAs(value.$sealed, { namespace, place }))
      return isSensitive ? sealedAs(this.#texts.seal({ namespace, place }, value).sealed) : undefined
    })
  }

  /** The stored form of settings in the shown form, where it is known; plain values stay. */
  storeKnown(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, value => {
      const sealed = isSealed(value) ? this.#texts.known(namespace, value.$sealed) : undefined
      return sealed === undefined ? undefined : sealedAs(sealed)
    })
  }

  /**
   * Stored settings with all their secrets sealed with the newest key; the same object when they are.
   * @throws SettingsError KEY_MISSING for a plain value.
   */
  renew(namespace: string, stored: JsonObject): JsonObject {
    return mapSecrets(stored, this.placesOf(namespace), (value, place, isSensitive) => {
      if (!isSealed(value))
        return isSensitive ? sealedAs(this.#texts.seal({ namespace, place }, value).sealed) : undefined
      const renewed = this.#texts.renewed(value.$sealed, { namespace, place })
      return renewed === undefined ? undefined : sealedAs(renewed)
    })
  }

  /** As {@link renew}, of a text that was sealed as a whole. */
  renewText(namespace: string, stored: Sealed): Sealed {
    const renewed = this.#texts.renewed(stored.$sealed, { namespace, place: '' })
    return renewed === undefined ? stored : sealedAs(renewed)
  }

  /** The shown form of settings with plain values at sensitive places, which are not sealed. */
  protect(namespace: string, data: JsonObject): JsonObject {
    if (!this.isMarked(namespace)) return data
    return mapSecrets(data, this.placesOf(namespace), (value, place, isSensitive) =>
      isSensitive && !isSealed(value) ? sealedAs(this.#texts.tag({ namespace, place }, value)) : undefined,
    )
  }

  /** The shown form of a change, with its plain values sealed. @throws SettingsError KEY_MISSING. */
  seal(namespace: string, data: JsonObject): SealedChange {
    let isChanged = false
    const sealed = mapSecrets(data, this.placesOf(namespace), (value, place, isSensitive) => {
      if (!isSensitive || isSealed(value)) return undefined
      isChanged = true
      return sealedAs(this.#texts.seal({ namespace, place }, value).tag)
    })
    return { data: sealed, isSealed: isChanged }
  }

  /** A text of an edit that cannot be read, sealed as a whole, because it may have secrets anywhere. */
  sealText(namespace: string, text: string): Sealed {
    return sealedAs(this.#texts.seal({ namespace, place: '' }, text).sealed)
  }

  /** The values that this process has sealed. */
  get sealedCount(): number {
    return this.#texts.sealed
  }

  /** The sealed values of settings in the shown form, by state. */
  countStates(namespace: string, data: JsonObject, counts: Record<SealState, number>): void {
    mapSecrets(data, UNDECLARED, value => {
      if (isSealed(value)) counts[this.#texts.stateOf(namespace, value.$sealed)]++
      return undefined
    })
  }

  /** The settings with the values of their secrets; a value that cannot be opened here is left out. */
  reveal(namespace: string, data: JsonObject): JsonObject {
    return mapSecrets(data, UNDECLARED, value => {
      if (!isSealed(value) || !isShown(value.$sealed)) return undefined
      const opened = this.#texts.open(namespace, value.$sealed)
      return opened ? opened.value : LEFT_OUT
    })
  }

  /** A value at a pointer in the shown form. */
  protectAt(namespace: string, pointer: string, value: Json): Json {
    const { schemas, place } = this.placeAt(namespace, pointer)
    const shown = mapSecretsAt(value, place, schemas, (one, at, isSensitive) =>
      isSensitive && !isSealed(one) ? sealedAs(this.#texts.tag({ namespace, place: at }, one)) : undefined,
    )
    return shown === LEFT_OUT ? null : shown
  }

  /** The tag of a sealed text that a caller sent; undefined when it does not open at this place. */
  tagOfSealed(text: string, place: SecretPlace): string | undefined {
    const shown = this.#texts.shownAs(text, place)
    return this.#texts.canOpen(text) && isTag(shown) ? shown : undefined
  }
}

function sealedAs(text: string): Sealed {
  return { $sealed: text }
}
