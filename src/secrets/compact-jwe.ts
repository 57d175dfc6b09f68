import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject, type Json } from '../../model/value.ts'
import type { SecretPlace } from './tag.ts'

/*
 * Sealed values: compact JWE (RFC 7516) with `alg: dir` and `enc: A256GCM`. The protected header names key,
 * place and tag of the value, so that a controller without the key can show the tag. The cipher of node is
 * used directly, because values are sealed and opened in synchronous code; the tests compare it with `jose`.
 *
 * Invariant: a text opens only with its key and as it was sealed, header included. The caller compares the
 * place and the tag in the header with those of the value.
 */

const IV_BYTES = 12
const AUTH_BYTES = 16
const PARTS = 5

/** The protected header of a sealed value. */
export interface SealedHeader extends SecretPlace {
  readonly kid: string
  readonly tag: string
}

/** Seals a value under a key of 256 bits; every call makes another text. */
export function sealValue(key: Uint8Array, header: SealedHeader, value: Json): string {
  const { kid, namespace, place, tag } = header
  const protectedHeader = encode(printJson({ alg: 'dir', enc: 'A256GCM', kid, namespace, place, tag }))
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(protectedHeader))
  const text = Buffer.concat([cipher.update(printJson(value), 'utf8'), cipher.final()])
  return [protectedHeader, '', encode(iv), encode(text), encode(cipher.getAuthTag())].join('.')
}

/** The header of a sealed text, which is not verified; undefined for any other text. */
export function readHeader(text: string): SealedHeader | undefined {
  const parts = text.split('.')
  if (parts.length !== PARTS) return undefined
  const header = parse(Buffer.from(parts[0] ?? '', 'base64url').toString())
  if (!isObject(header)) return undefined
  const { alg, enc, kid, namespace, place, tag } = header
  if (alg !== 'dir' || enc !== 'A256GCM' || typeof kid !== 'string') return undefined
  if (typeof namespace !== 'string' || typeof place !== 'string' || typeof tag !== 'string') return undefined
  return { kid, namespace, place, tag }
}

/** The value in a sealed text; undefined when the text was changed, or sealed with another key. */
export function openValue(key: Uint8Array, text: string): { readonly value: Json } | undefined {
  const [header = '', encrypted, iv = '', sealed = '', auth = ''] = text.split('.')
  if (encrypted !== '') return undefined
  try {
    const nonce = Buffer.from(iv, 'base64url')
    const authTag = Buffer.from(auth, 'base64url')
    if (nonce.length !== IV_BYTES || authTag.length !== AUTH_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    decipher.setAAD(Buffer.from(header))
    decipher.setAuthTag(authTag)
    const plain = Buffer.concat([decipher.update(Buffer.from(sealed, 'base64url')), decipher.final()])
    const value = parse(plain.toString())
    return value === undefined ? undefined : { value }
  } catch {
    return undefined // Not authentic: the caller reports the place.
  }
}

function encode(bytes: string | Buffer): string {
  return Buffer.from(bytes as string).toString('base64url')
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // Not JSON: the caller treats it as not sealed by this program.
  }
}
