/**
 * Freezes a value and all it holds; what is frozen already is taken to be so throughout, as `toJson` makes
 * it.
 */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const member of Object.values(value)) deepFreeze(member)
  return value
}
