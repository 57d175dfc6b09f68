import { isObject, isSealed, type Json, type JsonObject, setMember } from './value.ts'

/**
 * Merges layers, the later one with precedence: objects key by key; arrays, scalars (also null) and sealed
 * values replace and are replaced.
 */
export function mergeLayers(layers: readonly JsonObject[]): JsonObject {
  return layers.reduce(mergeTwo, {})
}

function mergeTwo(low: JsonObject, high: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of Object.keys(low)) if (!Object.hasOwn(high, key)) setMember(result, key, low[key] as Json)
  for (const key of Object.keys(high)) {
    const above = high[key] as Json
    const below = Object.hasOwn(low, key) ? low[key] : undefined
    setMember(result, key, mayMerge(below) && mayMerge(above) ? mergeTwo(below, above) : above)
  }
  return result
}

function mayMerge(value: Json | undefined): value is JsonObject {
  return isObject(value) && !isSealed(value)
}
