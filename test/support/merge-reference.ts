import { isObject, type Json, type JsonObject } from '../../model/value.ts'

/** Merges layers, later ones with precedence: the rule in five lines, independent of the code under test. */
export function mergeReference(layers: readonly JsonObject[]): JsonObject {
  const merge = (low: Json | undefined, high: Json | undefined): Json => {
    if (!isObject(low) || !isObject(high)) return (high === undefined ? low : high) as Json
    return Object.fromEntries(
      [...new Set([...Object.keys(low), ...Object.keys(high)])].map(key => [key, merge(low[key], high[key])]),
    )
  }
  return layers.reduce<JsonObject>((low, high) => merge(low, high) as JsonObject, {})
}
