import { randomBytes } from 'node:crypto'
import { SettingsError } from '../../model/errors.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { Json } from '../../model/value.ts'
import { openValue, readHeader, sealValue } from './compact-jwe.ts'
import { currentKey, type KeySet, keyOfId, type SealingKey } from './key-set.ts'
import { invalidMark, isInvalidMark, isTag, type SecretPlace, tagOf } from './tag.ts'
import { Vault } from './vault.ts'

/** The sealed texts whose shown form is remembered. */
const MAX_SHOWN = 20_000

/** Whether a sealed value can be opened here, and with which key. */
export type SealState = 'current' | 'older_key' | 'key_missing' | 'damaged'

/** The shown form of a sealed text, and the key that its header names. */
interface ShownText {
  readonly shown: string
  readonly kid: string | undefined
}

/**
 * The sealed texts of a store and their tags, each in both directions.
 *
 * Invariants:
 *  1. The shown form of a sealed text depends on that text and the keys of its `kid` only.
 *  2. A tag means the text with the newest key that this process has seen, so that what was sealed again
 *     does not return to an older key.
 *  3. A sealed text is never dropped or changed because it cannot be opened.
 */
export class SealedTexts {
  readonly #vault = new Vault()
  readonly #shown = new Map<string, ShownText>()
  /** The key of tags while there are no keys: such tags mean nothing outside this process. */
  readonly #ownTagKey = randomBytes(32)
  readonly #outdated = new Set<string>()
  #keys: KeySet | undefined
  #hasForeign = false
  #sealed = 0

  /** True if a text with an unknown key was read since the last call. */
  takeForeign(): boolean {
    const found = this.#hasForeign
    this.#hasForeign = false
    return found
  }

  /** The namespaces of texts that were read since the last call and have an older key. */
  takeOutdated(): readonly string[] {
    const found = [...this.#outdated]
    this.#outdated.clear()
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

  /** The values that were sealed. */
  get sealed(): number {
    return this.#sealed
  }

  /** True once a sealed text was seen in the store. */
  get hasSealed(): boolean {
    return this.#vault.hasSealed
  }

  /** The tag of a sealed text, or its mark when it is damaged or of another place. */
  shownAs(text: string, place: SecretPlace): string {
    const key = `${place.namespace} ${place.place} ${text}`
    const known = this.#shown.get(key)
    const kid = known ? known.kid : readHeader(text)?.kid
    if (kid !== undefined && this.#isOlder(kid)) this.#outdated.add(place.namespace)
    if (known) return known.shown
    const shown = this.#readSealed(text, place)
    const isForeign = kid !== undefined && !this.#key(kid)
    if (isForeign) this.#hasForeign = true
    if (!this.#isBetter(this.#vault.get(place.namespace, shown)?.sealed, kid))
      this.#vault.add(place.namespace, shown, { sealed: text })
    this.#shown.set(key, { shown, kid })
    if (this.#shown.size > MAX_SHOWN) this.#shown.delete(this.#shown.keys().next().value ?? '')
    return shown
  }

  /** The sealed text of a tag or mark; any other text as it is. @throws SettingsError SECRET_NOT_FOUND. */
  storedAs(shown: string, place: SecretPlace): string {
    if (!isShown(shown)) return shown
    const kept = this.#vault.get(place.namespace, shown)
    if (kept?.sealed !== undefined) return kept.sealed
    if (kept?.plain) return this.seal(place, kept.plain.value).sealed
    throw secretNotFound(place.namespace as Namespace, place.place)
  }

  /** The sealed text of a tag or mark; undefined when it was never read. */
  known(namespace: string, shown: string): string | undefined {
    return this.#vault.get(namespace, shown)?.sealed
  }

  /** Whether the value of a tag or mark can be opened here. */
  stateOf(namespace: string, shown: string): SealState {
    if (isInvalidMark(shown)) return 'damaged'
    const kid = readHeader(this.known(namespace, shown) ?? '')?.kid
    if (kid === undefined || !this.#key(kid)) return 'key_missing'
    return this.#isOlder(kid) ? 'older_key' : 'current'
  }

  /** The value of a tag; undefined when it cannot be opened here. */
  open(namespace: string, tag: string): { readonly value: Json } | undefined {
    const kept = this.#vault.get(namespace, tag)
    if (kept?.plain) return kept.plain
    if (!kept?.sealed || !isTag(tag)) return undefined
    const kid = readHeader(kept.sealed)?.kid
    const key = kid === undefined ? undefined : this.#key(kid)
    return key && openValue(key.bytes, kept.sealed)
  }

  /** The tag of a plain value, which is kept and not sealed. */
  tag(place: SecretPlace, value: Json): string {
    const tag = tagOf(this.#keys?.tag.bytes ?? this.#ownTagKey, place, value)
    this.#vault.add(place.namespace, tag, { plain: { value } })
    return tag
  }

  /** Seals a value with the newest key. @throws SettingsError KEY_MISSING. */
  seal(place: SecretPlace, value: Json): { readonly tag: string; readonly sealed: string } {
    if (!this.#keys) throw new SettingsError('KEY_MISSING', 'There is no key to seal secrets with.')
    const tag = tagOf(this.#keys.tag.bytes, place, value)
    const { kid, bytes } = currentKey(this.#keys)
    this.#sealed++
    const sealed = sealValue(bytes, { ...place, kid, tag }, value)
    this.#vault.add(place.namespace, tag, { sealed })
    return { tag, sealed }
  }

  /**
   * A sealed text, sealed again with the newest key; its tag means the new text from now on. Undefined for a
   * text that has this key, is invalid, or cannot be opened here.
   */
  renewed(text: string, place: SecretPlace): string | undefined {
    const kid = readHeader(text)?.kid
    const key = kid !== undefined && this.#isOlder(kid) ? this.#key(kid) : undefined
    if (!key || !isTag(this.#readSealed(text, place))) return undefined
    const opened = openValue(key.bytes, text)
    return opened && this.seal(place, opened.value).sealed
  }

  /** True when this process has the key of a sealed text. */
  canOpen(text: string): boolean {
    const kid = readHeader(text)?.kid
    return kid !== undefined && this.#key(kid) !== undefined
  }

  #key(kid: string): SealingKey | undefined {
    return this.#keys && keyOfId(this.#keys, kid)
  }

  /** True for a key of this process that is not its newest. */
  #isOlder(kid: string): boolean {
    return this.#rank(kid) >= 0 && this.#keys !== undefined && kid !== currentKey(this.#keys).kid
  }

  /** The age of a key in this set, 0 for the oldest; -1 for a key that this process does not have. */
  #rank(kid: string | undefined): number {
    return this.#keys?.sealing.findIndex(key => key.kid === kid) ?? -1
  }

  /** True when a kept text has a newer key than another text. */
  #isBetter(kept: string | undefined, kid: string | undefined): boolean {
    if (kept === undefined) return false
    return this.#rank(readHeader(kept)?.kid) > this.#rank(kid)
  }

  #readSealed(text: string, { namespace, place }: SecretPlace): string {
    const header = readHeader(text)
    if (!header || header.namespace !== namespace || header.place !== place || !isTag(header.tag))
      return invalidMark(text)
    const key = this.#key(header.kid)
    if (!this.#keys || !key) return header.tag
    const opened = openValue(key.bytes, text)
    const tag = opened && tagOf(this.#keys.tag.bytes, { namespace, place }, opened.value)
    return tag === header.tag ? tag : invalidMark(text)
  }
}

/** True for a tag, and for the mark of an invalid value. */
export function isShown(text: string): boolean {
  return isTag(text) || isInvalidMark(text)
}

export function secretNotFound(namespace: string, place: string): SettingsError {
  return new SettingsError(
    'SECRET_NOT_FOUND',
    `"${namespace}" has no secret with the tag that was sent for "${place}". A tag is valid only for a value that is stored at the same place of this namespace. Send the value itself.`,
    { details: { namespace, pointer: place } },
  )
}
