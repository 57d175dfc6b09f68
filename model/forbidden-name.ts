import { isArray, isObject, type Json } from './value.ts'

/** The member name that clients may not send, because careless copies of an object take it for its prototype. */
export const FORBIDDEN_NAME = '__proto__'
export const FORBIDDEN_REASON = `the member name "${FORBIDDEN_NAME}" is not allowed`

/** True when a member at any depth has the forbidden name. */
export function hasForbiddenName(value: Json): boolean {
  if (isArray(value)) return value.some(hasForbiddenName)
  if (!isObject(value)) return false
  return Object.entries(value).some(([key, member]) => key === FORBIDDEN_NAME || hasForbiddenName(member))
}
