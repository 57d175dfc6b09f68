import { errors, jwtVerify } from 'jose'
import { isReservedName } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import { type Permission, withImplied } from '../../../model/permissions.ts'
import { quote } from '../../../model/quote.ts'
import { EVERYTHING_VISIBLE } from '../../../model/rights/visibility.ts'
import type { Principal } from '../../tokens/tokens.ts'

/** Options for login tokens of Kytos. */
export interface JwtOptions {
  /** `jwt_secret` of Kytos. */
  readonly secret: string
  /** The permissions of a user who logged in to Kytos. */
  readonly rights: readonly Permission[]
}

/** Validates a JSON Web Token and returns its principal. @throws SettingsError TOKEN_INVALID. */
export type CheckJwt = (text: string) => Promise<Principal>

/** The issuer in login tokens of Kytos. */
const ISSUER = 'Kytos NApps Server'
const MAX_NAME_CHARACTERS = 128

/**
 * Creates the check of Kytos login tokens (`auth/login`): HS256 only, the issuer, a user name and an expiry
 * in the future.
 */
export function createJwtCheck({ secret, rights }: JwtOptions): CheckJwt {
  const key = new TextEncoder().encode(secret)
  const granted = withImplied(rights)
  return async text => {
    const { payload } = await jwtVerify(text, key, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      requiredClaims: ['exp', 'username'],
    }).catch(rejectToken)
    const { username, exp } = payload
    if (
      typeof username !== 'string' ||
      username === '' ||
      username.length > MAX_NAME_CHARACTERS ||
      /\p{Cc}/u.test(username) ||
      !username.isWellFormed()
    ) {
      throw new SettingsError(
        'TOKEN_INVALID',
        `The Kytos login token has no valid "username": 1 to ${MAX_NAME_CHARACTERS} characters without control characters are allowed.`,
      )
    }
    // jose has rejected tokens without an expiry.
    const expires = (exp ?? 0) * 1_000
    if (isReservedName(username))
      throw new SettingsError(
        'TOKEN_INVALID',
        `The Kytos login ${quote(username)} is not accepted: its name is reserved for the owner of the service, a NApp or an address. Log in as another user.`,
      )
    return {
      name: username,
      by: { login: username },
      rights: granted,
      visibility: EVERYTHING_VISIBLE,
      expires,
      isValid: () => expires > Date.now(),
    }
  }
}

function rejectToken(cause: unknown): never {
  if (cause instanceof errors.JWTExpired)
    throw new SettingsError('TOKEN_INVALID', 'The Kytos login token has expired: log in again.', { cause })
  if (cause instanceof errors.JOSEError)
    throw new SettingsError(
      'TOKEN_INVALID',
      'The token is not a Kytos login token signed with the jwt_secret of this service.',
      { cause },
    )
  throw cause
}
