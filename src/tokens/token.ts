import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Actor, parseActor } from '../../model/actor.ts'
import type { Entry } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { splitKey } from '../../model/key.ts'
import { TOKEN_HASH } from '../../model/overlap.ts'
import { isPermission, type Permission } from '../../model/permissions.ts'
import { parseBoxPatterns, parseNamespacePatterns } from '../../model/rights/name-patterns.ts'
import type { Limits } from '../../model/rights/visibility.ts'
import { isArray, type Json, toJson } from '../../model/value.ts'
import { parseObject } from '../state/record.ts'

/*
 * A token is the text `kytos_<id>_<secret>`. The store holds the SHA-256 of that text instead of the secret.
 * The secret has 256 random bits, so a plain SHA-256 is as hard to invert as the secret is to guess; a slow
 * hash, made for passwords, would only slow down every request.
 */

/** A token as it is stored. */
export interface StoredToken {
  readonly id: string
  /** The name of its holder in the history. */
  readonly name: string
  readonly rights: readonly Permission[]
  /** The SHA-256 of the whole text. */
  readonly hash: Buffer
  readonly created_at: string
  readonly created_by: Actor
  /** ISO 8601; null for a token that does not expire. */
  readonly expires_at: string | null
  /** The patterns of the namespaces that the token sees; absent for a token that sees everything. */
  readonly namespaces?: readonly string[]
  /** The patterns of the boxes that a token with `namespaces` sees; absent for all others. */
  readonly boxes?: readonly string[]
}

const TOKEN = /^kytos_([a-z0-9]{1,32})_[A-Za-z0-9_-]{43}$/
/** The longest lifetime of a token: ten years. */
export const MAX_LIFETIME_SECONDS = 315_360_000
/** The allowed names of tokens. */
export const TOKEN_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/

/** Creates the text of a token with this id, with a random secret. */
export function createTokenText(id: string): string {
  return `kytos_${id}_${randomBytes(32).toString('base64url')}`
}

/** Creates a random id, which no other token has. */
export function createTokenId(): string {
  return randomBytes(8).toString('hex')
}

/** The id in the text of a token; undefined for a text that is no token. */
export function tokenIdIn(text: string): string | undefined {
  return TOKEN.exec(text)?.[1]
}

/** True for an allowed name of a token: 64 characters at most, of letters, digits and `._@-`. */
export function isTokenName(name: unknown): name is string {
  return typeof name === 'string' && TOKEN_NAME.test(name)
}

/** The SHA-256 of a token's text. */
export function hashToken(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** True when a text is the one that was hashed; compares in constant time. */
export function isTokenOf(hash: Buffer, text: string): boolean {
  return timingSafeEqual(hash, hashToken(text))
}

/** The end of a token, in Unix milliseconds; infinity for one that does not expire. */
export function expiryOf({ expires_at }: StoredToken): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at)
}

/** The limits of a token; undefined for one that sees everything. */
export function limitsOf({
  namespaces,
  boxes = [],
}: Pick<StoredToken, 'namespaces' | 'boxes'>): Limits | undefined {
  return namespaces && { namespaces, boxes }
}

/**
 * Parses the members of a token that limit it: neither is an unlimited token.
 * @throws SettingsError CONTENT_MALFORMED.
 */
export function parseLimits(namespaces: unknown, boxes: unknown): Limits | undefined {
  if (namespaces !== undefined)
    return {
      namespaces: parseNamespacePatterns(namespaces),
      boxes: boxes === undefined ? [] : parseBoxPatterns(boxes),
    }
  if (boxes === undefined) return undefined
  throw new SettingsError(
    'CONTENT_MALFORMED',
    '"boxes" is allowed only together with "namespaces": a token without "namespaces" sees everything.',
    { details: { field: 'boxes' } },
  )
}

export function printStoredToken({ id: _id, hash, ...rest }: StoredToken): string {
  return printJson(toJson({ ...rest, hash: `sha256:${hash.toString('base64url')}` }))
}

/** Parses the token of an entry; undefined for a text of another program that is no valid token. */
export function parseStoredToken({ key, text }: Entry): StoredToken | undefined {
  const [id, ...deeper] = splitKey(key).segments
  const { name, rights, hash, created_at, created_by, expires_at, namespaces, boxes } =
    parseObject(text) ?? {}
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
  // An unreadable expiry must not turn into a token that does not expire.
  if (expires_at !== null && (typeof expires_at !== 'string' || Number.isNaN(Date.parse(expires_at))))
    return undefined
  const limits = storedLimits(namespaces, boxes)
  if (limits === 'unreadable') return undefined
  return {
    id,
    name,
    rights: known,
    hash: Buffer.from(digest, 'base64url'),
    created_at: typeof created_at === 'string' ? created_at : 'unknown',
    created_by: parseActor(created_by) ?? { type: 'user', name: 'unknown' },
    expires_at,
    ...limits,
  }
}

/** Unreadable limits must not turn into a token that sees everything. */
function storedLimits(
  namespaces: Json | undefined,
  boxes: Json | undefined,
): Limits | 'unreadable' | undefined {
  try {
    const none = isArray(boxes) && boxes.length === 0
    return parseLimits(namespaces, namespaces !== undefined && none ? undefined : boxes)
  } catch {
    return 'unreadable'
  }
}
