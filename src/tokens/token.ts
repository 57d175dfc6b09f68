import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Actor } from '../../model/actor.ts'
import type { Entry } from '../../model/document.ts'
import { printJson } from '../../model/json.ts'
import { splitKey } from '../../model/key.ts'
import { TOKEN_HASH } from '../../model/overlap.ts'
import { isPermission, type Permission } from '../../model/permissions.ts'
import { isArray, isObject, toJson } from '../../model/value.ts'
import { parseObject } from '../state/record.ts'

/*
 * A token is the text `kytos_<id>_<secret>`; the store holds everything of it but the secret, of which it
 * holds the hash. The secret has 256 random bits, so a plain SHA-256 is as hard to turn back as the secret is
 * to guess; a slow hash, made for passwords, would only make every request slow.
 */

/** A token as the store has it. */
export interface StoredToken {
  readonly id: string
  /** Who writes with it, as the history names them. */
  readonly name: string
  readonly rights: readonly Permission[]
  /** Of the whole text. */
  readonly hash: Buffer
  readonly created_at: string
  readonly created_by: Actor
  /** ISO 8601; null when it does not expire by itself. */
  readonly expires_at: string | null
}

const TOKEN = /^kytos_([a-z0-9]{1,32})_[A-Za-z0-9_-]{43}$/
/** The longest that a token may be good for: ten years, in seconds. */
export const LONGEST_LIFETIME = 315_360_000
/** What a token may be called. */
export const TOKEN_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/

/** A text that nobody can guess, for a token of this id. */
export function makeTokenText(id: string): string {
  return `kytos_${id}_${randomBytes(32).toString('base64url')}`
}

/** An id that no other token has. */
export function makeTokenId(): string {
  return randomBytes(8).toString('hex')
}

/** The id that a text claims to be the token of; undefined for what is no token of ours. */
export function tokenIdIn(text: string): string | undefined {
  return TOKEN.exec(text)?.[1]
}

/** True for what may be called a token: 64 characters at most, of letters, digits and `._@-`. */
export function isTokenName(name: unknown): name is string {
  return typeof name === 'string' && TOKEN_NAME.test(name)
}

/** The SHA-256 of a token's text. */
export function hashToken(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** True when a text is the one that was hashed; takes as long whatever is different. */
export function isTokenOf(hash: Buffer, text: string): boolean {
  return timingSafeEqual(hash, hashToken(text))
}

/** When a token ends, in Unix milliseconds; infinity when it does not by itself. */
export function endOf({ expires_at }: StoredToken): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at)
}

export function printStoredToken({ id: _id, hash, ...rest }: StoredToken): string {
  return printJson(toJson({ ...rest, hash: `sha256:${hash.toString('base64url')}` }))
}

/**
 * The token that an entry holds; undefined for what another hand wrote there and what is good for nothing.
 */
export function parseStoredToken({ key, text }: Entry): StoredToken | undefined {
  const [id, ...deeper] = splitKey(key).segments
  const { name, rights, hash, created_at, created_by, expires_at } = parseObject(text) ?? {}
  const digest = typeof hash === 'string' ? TOKEN_HASH.exec(hash)?.[1] : undefined
  const known = isArray(rights) ? rights.filter(isPermission) : []
  if (
    id === undefined ||
    deeper.length > 0 ||
    digest === undefined ||
    !isTokenName(name) ||
    known.length === 0
  )
    return undefined
  // An end that cannot be read must not mean that there is none.
  if (expires_at !== null && (typeof expires_at !== 'string' || Number.isNaN(Date.parse(expires_at))))
    return undefined
  const by = isObject(created_by) && typeof created_by.name === 'string' ? created_by.name : 'unknown'
  return {
    id,
    name,
    rights: known,
    hash: Buffer.from(digest, 'base64url'),
    created_at: typeof created_at === 'string' ? created_at : 'unknown',
    created_by: { type: 'user', name: by },
    expires_at,
  }
}
