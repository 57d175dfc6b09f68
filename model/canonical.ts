import { printJson } from './json.ts'
import { isArray, isObject, type Json, type JsonObject, setMember } from './value.ts'

/** Prints a value with the keys of every object sorted, so that equal values have the same text. */
export function printCanonical(value: Json): string {
  return printJson(sortKeys(value))
}

function sortKeys(value: Json): Json {
  if (isArray(value)) return value.map(sortKeys)
  if (!isObject(value)) return value
  const sorted: JsonObject = {}
  for (const key of Object.keys(value).sort()) setMember(sorted, key, sortKeys(value[key] as Json))
  return sorted
}
