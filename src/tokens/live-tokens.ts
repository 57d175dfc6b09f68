import type { Backend } from '../../backends/backend.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { Actor } from '../../model/actor.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { tokenKey } from '../../model/key.ts'
import { withImplied } from '../../model/permissions.ts'
import { visibilityOf } from '../../model/rights/visibility.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { expiryOf, isTokenOf, limitsOf, parseStoredToken, type StoredToken, tokenIdIn } from './token.ts'
import { type NewToken, type TokenRequest, TokenStore, type TokenSummary } from './token-store.ts'
import type { Principal, Tokens } from './tokens.ts'

/*
 * Tokens are checked against the cache, which the watch keeps equal to the store. So a request costs the
 * store nothing, and a revocation takes effect on every controller, open streams included, as soon as its
 * watch delivers it. While the store is unavailable the cached tokens stay valid: nothing can be written
 * then, and reads return data of that same moment.
 */

export class LiveTokens implements Tokens {
  readonly #store: TokenStore
  readonly #watcher: Watcher
  readonly #listeners = new Set<() => void>()
  /** The parsed entries, because every request needs one. */
  readonly #parsed = new WeakMap<Entry, StoredToken | 'nothing'>()

  constructor(backend: Backend, watcher: Watcher) {
    this.#store = new TokenStore(backend)
    this.#watcher = watcher
  }

  check(text: string): Principal {
    const id = tokenIdIn(text)
    const token = id === undefined ? undefined : this.#find(id)
    if (!token || !isTokenOf(token.hash, text)) throw this.#unknown(id)
    if (expiryOf(token) <= Date.now()) {
      throw new SettingsError(
        'TOKEN_INVALID',
        `The token ${token.name} expired at ${token.expires_at}. Create a new one: kytos-settings token create NAME`,
      )
    }
    const { name, rights } = token
    const expires = expiryOf(token)
    // Another program may have changed the rights or limits of the token, which were decided once.
    const stored = this.#textOf(token.id)
    const isValid = () => expires > Date.now() && this.#textOf(token.id) === stored
    const visibility = visibilityOf(limitsOf(token))
    return { name, by: { token: token.id }, rights: withImplied(rights), visibility, expires, isValid }
  }

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Call it when the tokens of the cache have changed. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async create(request: TokenRequest, actor: Actor): Promise<NewToken> {
    const { created } = await this.#awaitSeen(() => this.#store.create(request, actor))
    return created
  }

  list(): Promise<readonly TokenSummary[]> {
    return this.#store.list()
  }

  async revoke(id: string): Promise<void> {
    await this.#awaitSeen(async () => ({ revision: await this.#store.revoke(id) }))
  }

  async #awaitSeen<Result extends { readonly revision: Revision }>(
    commit: () => Promise<Result>,
  ): Promise<Result> {
    const { position } = this.#watcher
    const result = await commit()
    await this.#watcher.passed(result.revision, position)
    return result
  }

  #textOf(id: string): string | undefined {
    return this.#watcher.cache.token(tokenKey(id))?.text
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
