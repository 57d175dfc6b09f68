import { type Key, makeKey, makePrefix } from './key.ts'

/** The prefix of all tokens. */
export const TOKENS = makePrefix('tokens')

/** The key of the token with this id. */
export function tokenKey(id: string): Key {
  return makeKey('tokens', id)
}

/** True for the key of a token. */
export function isTokenKey(key: Key): boolean {
  return key.startsWith(TOKENS)
}
