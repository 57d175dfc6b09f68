import { errors, jwtVerify } from 'jose'
import { SettingsError } from '../../../model/errors.ts'
import { type Right, withBrought } from '../../../model/permissions.ts'
import type { Grant } from '../../tokens/tokens.ts'

/** How login tokens of Kytos are accepted. */
export interface JwtOptions {
  /** `jwt_secret` of Kytos. */
  readonly secret: string
  /** What whoever logged in to Kytos may do here. */
  readonly rights: readonly Right[]
}

/** Gives what a JSON Web Token is good for. @throws SettingsError TOKEN_INVALID. */
export type CheckJwt = (text: string) => Promise<Grant>

/** What Kytos names itself in the tokens that it signs. */
const ISSUER = 'Kytos NApps Server'
const LONGEST_NAME = 128

/** Checks login tokens as Kytos signs them (`auth/login`): HS256 and nothing else, its issuer, a user name, an end that has not come. */
export function createJwtCheck({ secret, rights }: JwtOptions): CheckJwt {
  const key = new TextEncoder().encode(secret)
  const brought = withBrought(rights)
  return async text => {
    const { payload } = await jwtVerify(text, key, { algorithms: ['HS256'], issuer: ISSUER, requiredClaims: ['exp', 'username'] }).catch(refuse)
    const { username, exp } = payload
    if (typeof username !== 'string' || username === '' || username.length > LONGEST_NAME || /\p{Cc}/u.test(username) || !username.isWellFormed()) {
      throw new SettingsError('TOKEN_INVALID', 'This login token of Kytos names no user that can stand in a history.')
    }
    // jose has refused what has no end.
    const expires = (exp ?? 0) * 1_000
    return { name: username, rights: brought, expires, holds: () => expires > Date.now() }
  }
}

function refuse(cause: unknown): never {
  if (cause instanceof errors.JWTExpired) throw new SettingsError('TOKEN_INVALID', 'This login token of Kytos has expired: log in again.', { cause })
  if (cause instanceof errors.JOSEError)
    throw new SettingsError('TOKEN_INVALID', 'This is no login token that Kytos signed with the jwt_secret here.', { cause })
  throw cause
}
