import type { Backend, Operation, Outcome } from '../../backends/backend.ts'
import { type Actor, isReservedName } from '../../model/actor.ts'
import type { Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { TOKENS, tokenKey } from '../../model/key.ts'
import { isPermission, PERMISSIONS, type Permission } from '../../model/permissions.ts'
import { quote } from '../../model/quote.ts'
import {
  createTokenId,
  createTokenText,
  hashToken,
  isTokenName,
  MAX_LIFETIME_SECONDS,
  parseLimits,
  parseStoredToken,
  printStoredToken,
  type StoredToken,
} from './token.ts'

/** A token as administrators see it: without its hash. */
export type TokenSummary = Omit<StoredToken, 'hash'>

/** A token that was just created; `token` is its text, which is returned once and cannot be read again. */
export interface NewToken extends TokenSummary {
  readonly token: string
}

/** The request for a new token; `expires_in` is in seconds, null or absent for one that does not expire. */
export interface TokenRequest {
  readonly name: unknown
  readonly rights: unknown
  readonly expires_in?: unknown
  /** Patterns of the namespaces that the token sees; null or absent for a token that sees everything. */
  readonly namespaces?: unknown
  /** Patterns of the boxes that a token with `namespaces` sees; null or absent for none. */
  readonly boxes?: unknown
}

/** The attempts of a revocation that loses races, which only a copy or restore can win. */
const MAX_REVOKE_ATTEMPTS = 5

/**
 * Creates, lists and revokes the tokens of a store.
 *
 * Invariant: a revoked token is never valid again. Its creation is sent once, because a repetition would
 * bring it back; its id is never used for another token.
 */
export class TokenStore {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /**
   * Creates a token; returns it with the revision of its commit.
   * @throws SettingsError CONTENT_MALFORMED; errors of the store, after which the token's text is lost.
   */
  async create(
    request: TokenRequest,
    actor: Actor,
  ): Promise<{ readonly created: NewToken; readonly revision: Revision }> {
    const name = parseName(request.name)
    const rights = parseRights(request.rights)
    const lifetime = parseLifetime(request.expires_in)
    const limits = parseLimits(request.namespaces ?? undefined, request.boxes ?? undefined)
    const now = Date.now()
    const id = createTokenId()
    const token = createTokenText(id)
    const summary: TokenSummary = {
      id,
      name,
      rights,
      created_at: new Date(now).toISOString(),
      created_by: actor,
      expires_at: lifetime === null ? null : new Date(now + lifetime * 1_000).toISOString(),
      ...limits,
    }
    const put = printStoredToken({ ...summary, hash: hashToken(token) })
    const outcome = await this.#commit(
      { key: tokenKey(id), put, expected: 'absent', marker: true },
      creationUnknown(id),
    )
    if (!outcome.committed)
      throw new SettingsError(
        'CONTENTION',
        `Another token got the id ${id} at the same time. No token was created; retry.`,
      )
    return { created: { ...summary, token }, revision: outcome.revision }
  }

  /** All tokens, the oldest first. */
  async list(): Promise<readonly TokenSummary[]> {
    const found: TokenSummary[] = []
    for await (const page of (await this.#backend.list(TOKENS)).pages) {
      for (const entry of page) {
        const { hash: _hash, ...summary } = parseStoredToken(entry) ?? { hash: undefined }
        if ('id' in summary) found.push(summary)
      }
    }
    return found.sort((a, b) => (a.created_at < b.created_at ? -1 : 1))
  }

  /**
   * Revokes a token for good; returns the revision of its deletion.
   * @throws SettingsError TOKEN_NOT_FOUND, OUTCOME_UNKNOWN.
   */
  async revoke(id: string): Promise<Revision> {
    for (let attempt = 1; ; attempt++) {
      const token = /^[a-z0-9]{1,32}$/.test(id) ? await this.#backend.get(tokenKey(id)) : undefined
      if (!token && attempt === 1) throw unknownToken(id)
      // The guard by revision allows to repeat a deletion whose answer was lost. A deletion by another caller
      // has the same result.
      const operation: Operation = token
        ? { key: tokenKey(id), delete: true, expected: token.modRevision }
        : { key: tokenKey(id), check: true, expected: 'absent' }
      const outcome = await this.#commit(operation, `Revoke the token ${id} again.`)
      if (outcome.committed) return outcome.revision
      if (attempt === MAX_REVOKE_ATTEMPTS)
        throw new SettingsError(
          'CONTENTION',
          `The token ${id} was not revoked because of concurrent changes; retry.`,
        )
    }
  }

  async #commit(operation: Operation, advice: string): Promise<Outcome> {
    try {
      return await this.#backend.commit([operation])
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
      throw new SettingsError('OUTCOME_UNKNOWN', `${error.message} ${advice}`, {
        cause: error,
        details: error.details,
      })
    }
  }
}

function creationUnknown(id: string): string {
  return `The secret of token ${id} is lost. If "kytos-settings token list" shows it, revoke it; then create a new token.`
}

function unknownToken(id: string): SettingsError {
  return new SettingsError(
    'TOKEN_NOT_FOUND',
    `The token ${quote(id)} does not exist. List the tokens: kytos-settings token list`,
    {
      details: { got: id.slice(0, 100) },
    },
  )
}

function parseName(name: unknown): string {
  if (isTokenName(name) && isReservedName(name))
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"name" must not be ${quote(name)}, which the history uses for another caller: the owner of the service, or an address. Use another name.`,
    )
  if (isTokenName(name)) return name
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"name" must be 1 to 64 letters, digits or "._@-", the first one a letter or digit, not ${quote(name)}.`,
  )
}

function parseRights(rights: unknown): readonly Permission[] {
  const given: readonly unknown[] = Array.isArray(rights) ? rights : []
  if (given.length > 0 && given.every(isPermission)) return PERMISSIONS.filter(right => given.includes(right))
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"rights" must be a non-empty array of ${PERMISSIONS.join(', ')}, not ${quote(rights)}.`,
    {
      details: { allowed: PERMISSIONS },
    },
  )
}

function parseLifetime(seconds: unknown): number | null {
  if (seconds === undefined || seconds === null) return null
  if (typeof seconds === 'number' && seconds >= 1 && seconds <= MAX_LIFETIME_SECONDS) return seconds
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `"expires_in" must be 1 to ${MAX_LIFETIME_SECONDS} seconds, or null, not ${quote(seconds)}.`,
  )
}
