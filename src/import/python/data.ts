import { DATA_DEPTH } from '../../../model/extent.ts'
import { FORBIDDEN_NAME, FORBIDDEN_REASON } from '../../../model/forbidden-name.ts'
import { type Json, type JsonObject, pointerToken, setMember } from '../../../model/value.ts'
import { isSensitive } from './sensitive.ts'
import { moveTypes, NEGATIVE_ZERO, statedTypes, withoutTypes, withTypes } from './types.ts'
import { NotData, type PyDict, type PyValue } from './values/value.ts'

/*
 * Python's values as JSON, and what of them JSON cannot say: `x-python-type` names it, so that a Python NApp
 * can be handed what it had.
 */

/** A value as JSON, and the JSON Schema of such values. */
export interface Data {
  readonly json: Json
  readonly schema: JsonObject
}

/** Characters of text that all settings of a file may make together: what one document holds. */
const MOST_WEIGHT = 256 * 1024
/** Kinds of members that a list's schema tells apart. */
const MOST_KINDS = 8
/** Members that a dict's schema names one by one; a larger one is a table. */
const MOST_MEMBERS = 100

/** Turns the settings of one file into data. */
export class Converter {
  #weight = 0

  /** @throws NotData for what JSON cannot hold, or what is too large. */
  convert(name: string, value: PyValue, depth = 0): Data {
    this.#weight += 2 + name.length
    if (this.#weight > MOST_WEIGHT)
      throw new NotData(`the settings of the file are larger than ${MOST_WEIGHT} characters`)
    if (depth > DATA_DEPTH) throw new NotData(`it nests deeper than ${DATA_DEPTH} levels, or contains itself`)
    const data = this.#convert(name, value, depth)
    return isSensitive(name, data.json)
      ? { json: data.json, schema: { ...data.schema, 'x-sensitive': true } }
      : data
  }

  #convert(name: string, value: PyValue, depth: number): Data {
    switch (value.type) {
      case 'none':
        return { json: null, schema: {} }
      case 'bool':
        return { json: value.value, schema: { type: 'boolean' } }
      case 'int': {
        const number = Number(value.value)
        return { json: Number.isSafeInteger(number) ? number : value.value, schema: { type: 'integer' } }
      }
      case 'float':
        if (!Number.isFinite(value.value))
          throw new NotData(`${Number.isNaN(value.value) ? 'nan' : 'inf'} is not a JSON number`)
        return {
          json: value.value,
          schema: { type: 'number', 'x-python-type': Object.is(value.value, -0) ? NEGATIVE_ZERO : 'float' },
        }
      case 'str':
        this.#weight += value.value.length
        if (!value.value.isWellFormed())
          throw new NotData('it contains half a surrogate pair, which is not valid Unicode')
        return { json: value.value, schema: { type: 'string' } }
      case 'bytes':
        this.#weight += value.value.length
        return {
          json: value.value,
          schema: { type: 'string', pattern: '^[\\u0000-\\u00ff]*$', 'x-python-type': 'bytes' },
        }
      case 'list':
        return this.#list(name, value.items, {}, depth)
      case 'tuple':
        return this.#list(name, value.items, { 'x-python-type': 'tuple' }, depth)
      case 'set':
      case 'frozenset':
        return this.#list(
          name,
          [...value.items.values()],
          { uniqueItems: true, 'x-python-type': value.type },
          depth,
        )
      case 'dict':
        return this.#dict(value, depth)
      case 'foreign':
        throw new NotData(`"${value.path}" is code or comes from another file`)
    }
  }

  #list(name: string, items: readonly PyValue[], more: JsonObject, depth: number): Data {
    // Of PASSWORDS, or of dicts with a password, the array is the one to be sealed: its members have no place
    // of their own.
    const members = items.map(item => this.convert('', item, depth + 1))
    const json = members.map(member => member.json)
    const typed = distinct(members.map(({ schema }) => schema))
    // Where the members differ, only their places tell which of them has which type.
    const kinds = typed.length > 1 ? distinct(typed.map(plain)) : typed
    const types = new Map(
      typed.length > 1
        ? members.flatMap(({ schema, json }, i) => [...moveTypes(statedTypes(schema, json), pointerToken(i))])
        : [],
    )
    if (types.size > 0 && typeof more['x-python-type'] === 'string') types.set('', more['x-python-type'])
    for (const place of types.keys()) this.#weight += place.length
    const sensitive =
      members.some(({ schema }) => holdsSecret(schema)) ||
      json.some(one => typeof one === 'string' && isSensitive(name, one))
    const [kind] = kinds
    const said =
      kinds.length === 1 && kind
        ? { items: kind }
        : kinds.length > 1 && kinds.length <= MOST_KINDS
          ? { items: { anyOf: kinds } }
          : {}
    const schema = { type: 'array', ...said, ...more, ...(sensitive && { 'x-sensitive': true }) }
    return { json, schema: withTypes(schema, types) }
  }

  #dict({ entries }: PyDict, depth: number): Data {
    const json: JsonObject = {}
    const properties: JsonObject = {}
    const keys = new Set([...entries.values()].map(([key]) => key.type))
    if (keys.size > 1 || !['str', 'int', undefined].includes([...keys][0]))
      throw new NotData(
        `the keys of a dict must be only strings or only integers, not ${[...keys].join(', ')}`,
      )
    for (const [key, value] of entries.values()) {
      const name = key.type === 'str' ? key.value : key.type === 'int' ? String(key.value) : ''
      if (!name.isWellFormed())
        throw new NotData('a key contains half a surrogate pair, which is not valid Unicode')
      if (name === FORBIDDEN_NAME) throw new NotData(FORBIDDEN_REASON)
      const member = this.convert(name, value, depth + 1)
      setMember(json, name, member.json)
      setMember(properties, name, member.schema)
    }
    const integers = keys.has('int')
      ? { propertyNames: { pattern: '^(?:0|-?[1-9]\\d*)$' }, 'x-python-keys': 'int' }
      : {}
    const named = Object.keys(properties).length
    if (named === 0) return { json, schema: { type: 'object', ...integers } }
    if (named > MOST_MEMBERS && !Object.values(properties).some(holdsSecret))
      return { json, schema: withTypes({ type: 'object', ...integers }, statedTypes({ properties }, json)) }
    return { json, schema: { type: 'object', properties, ...integers } }
  }
}

function distinct(schemas: readonly JsonObject[]): JsonObject[] {
  return [...new Map(schemas.map(schema => [JSON.stringify(schema), schema])).values()]
}

function plain(schema: JsonObject): JsonObject {
  // An object stays one.
  return withoutTypes(schema) as JsonObject
}

/** True when a schema, or one inside it, is of a secret. */
export function holdsSecret(schema: Json): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  return (schema as JsonObject)['x-sensitive'] === true || Object.values(schema).some(holdsSecret)
}
