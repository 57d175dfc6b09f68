import type { Unsubscribe } from '../../events/event.ts'
import type { Actor, VerifiedBy } from '../../model/actor.ts'
import type { Permission } from '../../model/permissions.ts'
import type { Visibility } from '../../model/rights/visibility.ts'
import type { NewToken, TokenRequest, TokenSummary } from './token-store.ts'

/** The holder of a valid credential, with its permissions. */
export interface Principal {
  /** The name of the holder in the history. */
  readonly name: string
  readonly by: VerifiedBy
  /** With all implied permissions. */
  readonly rights: ReadonlySet<Permission>
  readonly visibility: Visibility
  /** Unix milliseconds; infinity for a credential that does not expire. */
  readonly expires: number
  /** False after it expired or, as far as this controller knows, was revoked or changed. */
  isValid(): boolean
}

/** The tokens of the store as a running service sees them. */
export interface Tokens {
  /**
   * Authenticates the text of a token against the cache.
   * @throws SettingsError TOKEN_INVALID; STORE_STALE when the token cannot be checked.
   */
  check(text: string): Principal
  /** Calls the listener after tokens were created or revoked, on any controller. */
  onChange(listener: () => void): Unsubscribe
  /** As {@link TokenStore.create}; the token is valid on this controller when it resolves. */
  create(request: TokenRequest, actor: Actor): Promise<NewToken>
  list(): Promise<readonly TokenSummary[]>
  /** As {@link TokenStore.revoke}; the token is invalid on this controller when it resolves. */
  revoke(id: string): Promise<void>
}
