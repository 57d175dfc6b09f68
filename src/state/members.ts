import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'

/* Members of overrides by their path: the keys from the document to the member. */

export type Path = readonly string[]

/** The stored member at a pointer, or the nearest one above it; an empty path is the document itself. */
export function memberAt(document: JsonObject, pointer: string): Path {
  const path: string[] = []
  let at: Json | undefined = document
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    // An array is one value.
    if (!isObject(at) || !Object.hasOwn(at, key)) break
    path.push(key)
    at = at[key]
  }
  return path
}

/** The document without these members. */
export function withoutMembers(document: JsonObject, paths: readonly Path[]): JsonObject {
  const inside = new Map<string, Path[]>()
  const gone = new Set<string>()
  for (const [key, ...rest] of paths) {
    if (key === undefined) continue
    if (rest.length === 0) gone.add(key)
    else {
      const known = inside.get(key)
      if (known) known.push(rest)
      else inside.set(key, [rest])
    }
  }
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(document)) {
    if (gone.has(key)) continue
    const below = inside.get(key)
    setMember(result, key, below && isObject(value) ? withoutMembers(value, below) : value)
  }
  return result
}

/** An object with a value at a path. */
export function nested(path: Path, value: JsonObject): JsonObject {
  return path.reduceRight<JsonObject>((inner, key) => {
    const outer: JsonObject = {}
    setMember(outer, key, inner)
    return outer
  }, value)
}

/** The same value with the members of all objects in one order. */
export function sorted(value: JsonObject): JsonObject
export function sorted(value: Json): Json
export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(item => sorted(item as Json))
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const key of Object.keys(value).sort()) setMember(result, key, sorted(value[key] as Json))
  return result
}

/** The number of values in an object, at every depth. */
export function countValues(value: JsonObject): number {
  let values = 0
  const look = (one: Json): void => {
    values++
    if (typeof one === 'object' && one !== null) for (const member of Object.values(one)) look(member)
  }
  look(value)
  return values
}

/** The order of texts by their bytes in UTF-8. */
export function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
