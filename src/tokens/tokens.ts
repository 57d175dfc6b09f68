import type { Unsubscribe } from '../../events/event.ts'
import type { Actor } from '../../model/actor.ts'
import type { Permission } from '../../model/permissions.ts'
import type { NewToken, TokenSummary, TokenWish } from './token-store.ts'

/** What a credential that was shown is good for. */
export interface Principal {
  /** Who writes with it, as the history names them. */
  readonly name: string
  /** With all that they bring along. */
  readonly rights: ReadonlySet<Permission>
  /** Unix milliseconds; infinity for one that does not expire. */
  readonly expires: number
  /** False as soon as it was revoked, as far as this controller knows, or expired. */
  isValid(): boolean
}

/** The tokens of the store as a running service sees them. */
export interface Tokens {
  /**
   * What a text is good for, decided without asking the store.
   * @throws SettingsError TOKEN_INVALID; STORE_STALE when that cannot be said.
   */
  check(text: string): Principal
  /** Calls back whenever tokens were made or revoked, here or elsewhere. */
  onChange(listener: () => void): Unsubscribe
  /** As {@link TokenStore.create}; good here when it resolves. */
  create(wish: TokenWish, actor: Actor): Promise<NewToken>
  list(): Promise<readonly TokenSummary[]>
  /** As {@link TokenStore.revoke}; good for nothing here any more when it resolves. */
  revoke(id: string): Promise<void>
}
