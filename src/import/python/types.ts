import {
  isArray,
  isObject,
  type Json,
  type JsonObject,
  pointerToken,
  setMember,
} from '../../../model/value.ts'

/*
 * The Python types that JSON does not show, as `x-python-type` holds them: one type where it is that of every value that
 * the schema describes, else types by JSON Pointers relative to the value. `x-python-keys` is `int` for a dict whose
 * keys were integers. A whole float is `float`, the negative zero `float -0.0`.
 */

/** Types by JSON Pointer. */
export type PythonTypes = ReadonlyMap<string, string>

export const NEGATIVE_ZERO = 'float -0.0'
const INTEGER_KEYS = 'dict[int]'

/** The types that a schema states for a value that it describes. */
export function statedTypes(schema: Json | undefined, value: Json): PythonTypes {
  const types = new Map<string, string>()
  state(schema, value, '', types)
  return types
}

function state(schema: Json | undefined, value: Json, place: string, types: Map<string, string>): void {
  if (!isObject(schema)) return
  const { 'x-python-type': type, 'x-python-keys': keys, items, properties } = schema
  if (keys === 'int') types.set(place, INTEGER_KEYS)
  if (typeof type === 'string' && !isEvident(type, value)) types.set(place, type)
  if (isArray(value))
    for (const [i, item] of value.entries()) state(items, item, place + pointerToken(i), types)
  if (isObject(value) && isObject(properties))
    for (const [key, member] of Object.entries(value))
      if (Object.hasOwn(properties, key)) state(properties[key], member, place + pointerToken(key), types)
  if (isObject(type))
    for (const [pointer, one] of Object.entries(type)) types.set(place + pointer, String(one))
}

/** A number with a fraction is a float to everybody. */
function isEvident(type: string, value: Json): boolean {
  return type === 'float' && typeof value === 'number' && !Number.isInteger(value)
}

/** A schema without the types in it; the constraints stay. */
export function withoutTypes(schema: Json): Json {
  if (isArray(schema)) return schema.map(withoutTypes)
  if (!isObject(schema)) return schema
  const rest: JsonObject = {}
  for (const [key, member] of Object.entries(schema)) {
    if (key === 'x-python-type' || key === 'x-python-keys') continue
    setMember(
      rest,
      key,
      key === 'default' ? member : key === 'properties' ? eachWithoutTypes(member) : withoutTypes(member),
    )
  }
  return rest
}

/** The members of `properties` have any names. */
function eachWithoutTypes(properties: Json): Json {
  if (!isObject(properties)) return properties
  const rest: JsonObject = {}
  for (const [key, member] of Object.entries(properties)) setMember(rest, key, withoutTypes(member))
  return rest
}

/** A schema of several kinds of values whose types only their places tell. */
export function withTypes(schema: JsonObject, types: PythonTypes): JsonObject {
  if (types.size === 0) return schema
  const [[place, only] = ['', '']] = types
  const stated: Json = types.size === 1 && place === '' ? only : Object.fromEntries(types)
  if (only === INTEGER_KEYS && typeof stated === 'string') return { ...schema, 'x-python-keys': 'int' }
  return { ...schema, 'x-python-type': stated }
}

/** The types of a value at another place. */
export function moveTypes(types: PythonTypes, place: string): PythonTypes {
  return new Map([...types].map(([pointer, type]) => [place + pointer, type]))
}

export function equalTypes(a: PythonTypes, b: PythonTypes): boolean {
  return a.size === b.size && [...a].every(([place, type]) => b.get(place) === type)
}

/** What changed between two lists of types, for people. */
export function describeTypes(before: PythonTypes, after: PythonTypes, value: Json): string {
  const places = [...new Set([...before.keys(), ...after.keys()])].filter(
    place => before.get(place) !== after.get(place),
  )
  const named = places.slice(0, 3).map(place => {
    const plain = plainType(value, place)
    const where = place === '' ? '' : `${place} `
    return `${where}${before.get(place) ?? plain} -> ${after.get(place) ?? plain}`
  })
  return `its Python type changed: ${named.join(', ')}${places.length > named.length ? ', ...' : ''}`
}

function plainType(value: Json, place: string): string {
  const tokens = place
    .split('/')
    .slice(1)
    .map(one => one.replaceAll('~1', '/').replaceAll('~0', '~'))
  const found = tokens.reduce<Json | undefined>(
    (at, token) =>
      isArray(at) ? at[Number(token)] : isObject(at) && Object.hasOwn(at, token) ? at[token] : undefined,
    value,
  )
  if (isArray(found)) return 'list'
  if (isObject(found)) return 'dict'
  return typeof found === 'string' ? 'str' : typeof found === 'boolean' ? 'bool' : 'int'
}
