import { createHmac } from 'node:crypto'
import { printCanonical } from '../../model/canonical.ts'
import { INVALID_SEAL, type Json } from '../../model/value.ts'

/** The bytes of a tag: 128 bits. */
const TAG_BYTES = 16
const TAG = /^[\w-]{22}$/
const INVALID = new RegExp(`^${INVALID_SEAL}[\\w-]{22}$`)

/** The place of a secret: its namespace, and its pointer with `*` for array indices. */
export interface SecretPlace {
  readonly namespace: string
  readonly place: string
}

/**
 * The tag of a value: a keyed digest of its namespace, place and canonical text. Equal values of one
 * place have equal tags; tags of different places cannot be compared.
 */
export function tagOf(key: Uint8Array, { namespace, place }: SecretPlace, value: Json): string {
  return digest(key, printCanonical([namespace, place, value]))
}

/** The text that is shown in place of a sealed text that is damaged or of another place. */
export function invalidMark(text: string): string {
  return `${INVALID_SEAL}${digest(Buffer.alloc(0), text)}`
}

/** True for a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text)
}

/** True for the mark of a sealed text that cannot be used. */
export function isInvalidMark(text: string): boolean {
  return INVALID.test(text)
}

function digest(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest().subarray(0, TAG_BYTES).toString('base64url')
}
