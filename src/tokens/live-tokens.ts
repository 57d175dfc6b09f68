import type { Backend } from '../../backends/backend.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { Actor } from '../../model/actor.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { withImplied } from '../../model/permissions.ts'
import { tokenKey } from '../../model/token-key.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { endOf, isTokenOf, parseStoredToken, type StoredToken, tokenIdIn } from './token.ts'
import { type NewToken, TokenStore, type TokenSummary, type TokenWish } from './token-store.ts'
import type { Principal, Tokens } from './tokens.ts'

/*
 * Tokens are checked against the cache, which the watch keeps equal to the store: so a request costs the
 * store nothing, a revocation counts on every controller as soon as its watch brings it, and streams hear of
 * it. While the store is away what was known last goes on to count; nothing can be written then, and what is
 * read is of that same moment.
 */

export class LiveTokens implements Tokens {
  readonly #store: TokenStore
  readonly #watcher: Watcher
  readonly #listeners = new Set<() => void>()
  /** What entries hold: every request asks. */
  readonly #parsed = new WeakMap<Entry, StoredToken | 'nothing'>()

  constructor(backend: Backend, watcher: Watcher) {
    this.#store = new TokenStore(backend)
    this.#watcher = watcher
  }

  check(text: string): Principal {
    const id = tokenIdIn(text)
    const token = id === undefined ? undefined : this.#find(id)
    if (!token || !isTokenOf(token.hash, text)) throw this.#unknown(id)
    if (endOf(token) <= Date.now()) {
      throw new SettingsError(
        'TOKEN_INVALID',
        `The token ${token.name} expired at ${token.expires_at}. Create a new one: kytos-settings token create NAME`,
      )
    }
    const { name, hash, rights } = token
    const expires = endOf(token)
    const isValid = () => expires > Date.now() && this.#find(token.id)?.hash.equals(hash) === true
    return { name, rights: withImplied(rights), expires, isValid }
  }

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** To be called when the cache has other tokens than before. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async create(wish: TokenWish, actor: Actor): Promise<NewToken> {
    const { made } = await this.#seen(() => this.#store.create(wish, actor))
    return made
  }

  list(): Promise<readonly TokenSummary[]> {
    return this.#store.list()
  }

  async revoke(id: string): Promise<void> {
    await this.#seen(async () => ({ revision: await this.#store.revoke(id) }))
  }

  async #seen<Result extends { readonly revision: Revision }>(
    commit: () => Promise<Result>,
  ): Promise<Result> {
    const { position } = this.#watcher
    const result = await commit()
    await this.#watcher.passed(result.revision, position)
    return result
  }

  #find(id: string): StoredToken | undefined {
    const entry = this.#watcher.cache.token(tokenKey(id))
    if (!entry) return undefined
    const token = this.#parsed.get(entry) ?? parseStoredToken(entry) ?? 'nothing'
    this.#parsed.set(entry, token)
    return token === 'nothing' ? undefined : token
  }

  #unknown(id: string | undefined): SettingsError {
    const { state, reason } = this.#watcher.health
    if (id !== undefined && state !== 'READY') {
      return new SettingsError(
        'STORE_STALE',
        `The token cannot be checked while the store is unavailable (${reason ?? state}). Retry later.`,
      )
    }
    return new SettingsError(
      'TOKEN_INVALID',
      'Invalid token: it is mistyped, revoked, or belongs to another store. Create a new one: kytos-settings token create NAME',
    )
  }
}
