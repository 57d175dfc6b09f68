import { createHmac, randomBytes } from 'node:crypto'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'

const KEY_BYTES = 32
const KID_BYTES = 9

/** A key that seals values. */
export interface SealingKey {
  readonly kid: string
  readonly bytes: Uint8Array
  /** When it was made, ISO 8601. */
  readonly created: string
}

/** The keys of a store: those that seal, oldest first, and the one of tags, which rotation keeps. */
export interface KeySet {
  readonly sealing: readonly SealingKey[]
  readonly tag: { readonly kid: string; readonly bytes: Uint8Array }
}

/** A new set with one key that seals. */
export function createKeySet(now = new Date()): KeySet {
  return {
    sealing: [createSealingKey(now)],
    tag: { kid: createKid(), bytes: randomBytes(KEY_BYTES) },
  }
}

/** The set with one more key, which seals from now on; the older ones still open what they sealed. */
export function withNewKey(keys: KeySet, now = new Date()): KeySet {
  return { ...keys, sealing: [...keys.sealing, createSealingKey(now)] }
}

/** The key that seals: the newest. */
export function currentKey({ sealing }: KeySet): SealingKey {
  const newest = sealing.at(-1)
  if (!newest) throw new RangeError('A key set has at least one sealing key.')
  return newest
}

export function keyOfId({ sealing }: KeySet, kid: string): SealingKey | undefined {
  return sealing.find(key => key.kid === kid)
}

/** A value that only a holder of the tag key can compute: it shows whether two sets share that key. */
export function checkValue({ tag }: KeySet): string {
  return createHmac('sha256', tag.bytes).update('kytos-settings check value').digest('base64url')
}

/** The set as a JWK set (RFC 7517). */
export function printKeySet({ sealing, tag }: KeySet): string {
  const keys: JsonObject[] = sealing.map(({ kid, bytes, created }) => ({
    kty: 'oct',
    use: 'enc',
    alg: 'A256GCM',
    kid,
    created,
    k: encode(bytes),
  }))
  keys.push({ kty: 'oct', use: 'tag', alg: 'HS256', kid: tag.kid, k: encode(tag.bytes) })
  return `${printJson({ keys }, 2)}\n`
}

/** @throws SettingsError CONFIG_INVALID, without any part of the text. */
export function parseKeySet(text: string, source: string): KeySet {
  const found = parse(text)
  const keys = isObject(found) && isArray(found.keys) ? found.keys.map(readKey) : [undefined]
  const sealing = keys.flatMap(key => (key?.use === 'enc' ? [key] : []))
  const tags = keys.flatMap(key => (key?.use === 'tag' ? [key] : []))
  const kids = new Set(keys.map(key => key?.kid))
  const [tag] = tags
  if (
    keys.includes(undefined) ||
    sealing.length === 0 ||
    tags.length !== 1 ||
    !tag ||
    kids.size < keys.length
  )
    throw new SettingsError(
      'CONFIG_INVALID',
      `${source} is no JWK set of this program: it must have keys of 256 bits, "use": "enc" for each that seals and "use": "tag" for one, each with its own "kid". Restore the file from its export.`,
    )
  return { sealing, tag }
}

function readKey(value: Json) {
  if (!isObject(value) || value.kty !== 'oct' || typeof value.k !== 'string') return undefined
  const bytes = Buffer.from(value.k, 'base64url')
  const { kid, use, created } = value
  if (bytes.length !== KEY_BYTES || typeof kid !== 'string' || kid === '') return undefined
  return { kid, use, bytes, created: typeof created === 'string' ? created : '' }
}

function createSealingKey(now: Date): SealingKey {
  return { kid: createKid(), bytes: randomBytes(KEY_BYTES), created: now.toISOString() }
}

function createKid(): string {
  return randomBytes(KID_BYTES).toString('base64url')
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // The message of the parser would quote a part of the keys.
  }
}
