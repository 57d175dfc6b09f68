import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { equalJson, isArray, isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'

/*
 * The only resolver of references: `$ref` and `$dynamicRef`, by pointer, `$anchor`, `$dynamicAnchor` and
 * embedded `$id`.
 *
 * Invariants:
 *  1. A reference has at most one target, whatever reads it: defaults, apply modes, deprecated places, and
 *     the validation, which gets a schema with local pointers only (`withLocalReferences`).
 *  2. Only schemas are resources: an `$id` below `enum`, `const`, `default` or `examples` is data.
 *  3. A dynamic reference has one target because validation starts at the root. If the root resource has the
 *     anchor, its schema is the target; else the only resource that has it. Several are refused.
 */

/** The references of one schema. */
export interface References {
  /** The schemas that `$ref` and `$dynamicRef` of a subschema refer to; none for an unknown target. */
  targetsOf(schema: JsonObject): readonly Json[]
  /** The target of a reference from the root of the schema; undefined for an unknown one. */
  resolve(reference: string): Json | undefined
}

/** The base of relative identifiers; it appears in no message. */
const BASE = 'schema://root/'
const SUBSCHEMAS = ['additionalProperties', 'unevaluatedProperties', 'items', 'unevaluatedItems', 'contains']
const MORE_SUBSCHEMAS = ['propertyNames', 'not', 'if', 'then', 'else', 'contentSchema', 'additionalItems']
const SINGLE: ReadonlySet<string> = new Set([...SUBSCHEMAS, ...MORE_SUBSCHEMAS])
const LISTS: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const MAPS: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
])

const IDENTIFIERS: ReadonlySet<string> = new Set(['$id', '$anchor', '$dynamicAnchor', '$dynamicRef'])

const known = new WeakMap<JsonObject, SchemaReferences>()

/** @throws SettingsError SCHEMA_MALFORMED for an identifier or a reference that is ambiguous. */
export function referencesOf(root: JsonObject): References {
  return indexOf(root)
}

/**
 * The schema without identifiers and anchors, each reference a JSON Pointer; the same object when it is one
 * already. A reference without a target stays as it is.
 * @throws SettingsError SCHEMA_MALFORMED as `referencesOf`.
 */
export function withLocalReferences(root: JsonObject): JsonObject {
  return indexOf(root).localize()
}

function indexOf(root: JsonObject): SchemaReferences {
  const found = known.get(root) ?? new SchemaReferences(root)
  known.set(root, found)
  return found
}

/** The place of a subschema: the URI of its resource, and its pointer from the root. */
interface Place {
  readonly base: string
  readonly pointer: string
}

/** A target with its pointer from the root. */
interface Target {
  readonly value: Json
  readonly pointer: string
}

class SchemaReferences implements References {
  readonly #root: JsonObject
  readonly #places = new Map<JsonObject, Place>()
  /** The roots of resources by URI, and schemas by URI with the anchor as fragment. */
  readonly #resources = new Map<string, JsonObject>()
  readonly #anchors = new Map<string, JsonObject>()
  /** The schemas with a dynamic anchor, by name. */
  readonly #dynamic = new Map<string, JsonObject[]>()
  readonly #isLocal: boolean

  constructor(root: JsonObject) {
    this.#root = root
    this.#visit(root, BASE, '')
    this.#isLocal = ![...this.#places.keys()].some(
      schema =>
        (schema !== root && typeof schema.$id === 'string') ||
        ['$anchor', '$dynamicAnchor', '$dynamicRef'].some(keyword => typeof schema[keyword] === 'string') ||
        (typeof schema.$ref === 'string' && !/^#(?:$|\/)/.test(schema.$ref)),
    )
  }

  targetsOf(schema: JsonObject): readonly Json[] {
    const { $ref, $dynamicRef } = schema
    const base = this.#baseOf(schema)
    const targets = [
      typeof $ref === 'string' ? this.#resolve($ref, base) : undefined,
      typeof $dynamicRef === 'string' ? this.#resolveDynamic($dynamicRef, base) : undefined,
    ]
    return targets.flatMap(target => (target === undefined ? [] : [target.value]))
  }

  resolve(reference: string): Json | undefined {
    return this.#resolve(reference, this.#rootBase)?.value
  }

  localize(): JsonObject {
    if (this.#isLocal) return this.#root
    // References by pointer lead to further subschemas, which the loop then visits, too.
    for (const schema of this.#places.keys()) this.targetsOf(schema)
    return this.#copy(this.#root)
  }

  #baseOf(schema: JsonObject): string {
    return this.#places.get(schema)?.base ?? this.#rootBase
  }

  get #rootBase(): string {
    return this.#places.get(this.#root)?.base ?? BASE
  }

  /** Indexes a subschema and those inside it; each object once. */
  #visit(schema: Json | undefined, outer: string, pointer: string): void {
    if (!isObject(schema) || this.#places.has(schema)) return
    const id = typeof schema.$id === 'string' ? toUri(schema.$id, outer) : undefined
    const base = id ?? outer
    this.#places.set(schema, { base, pointer })
    if (id !== undefined || pointer === '') claim(this.#resources, base, schema)
    if (typeof schema.$anchor === 'string') claim(this.#anchors, `${base}#${schema.$anchor}`, schema)
    if (typeof schema.$dynamicAnchor === 'string') {
      const name = schema.$dynamicAnchor
      claim(this.#anchors, `${base}#${name}`, schema)
      this.#dynamic.set(name, [...(this.#dynamic.get(name) ?? []), schema])
    }
    for (const [child, path] of childrenOf(schema)) this.#visit(child, base, pointer + path)
  }

  #resolve(reference: string, base: string): Target | undefined {
    const uri = toUri(reference, base)
    if (uri === undefined) return undefined
    const [resource, fragment] = split(uri)
    const root = this.#resources.get(resource)
    if (root === undefined) return undefined
    if (fragment.startsWith('/')) return this.#at(root, fragment)
    const value = fragment === '' ? root : this.#anchors.get(`${resource}#${decode(fragment) ?? fragment}`)
    return value && { value, pointer: this.#places.get(value)?.pointer ?? '' }
  }

  /** The target of a pointer; an object outside the known keywords becomes a subschema by the reference. */
  #at(root: JsonObject, fragment: string): Target | undefined {
    let { base, pointer } = this.#places.get(root) ?? { base: this.#rootBase, pointer: '' }
    let value: Json | undefined = root
    for (const token of fragment.slice(1).split('/')) {
      const key = decode(token)?.replaceAll('~1', '/').replaceAll('~0', '~')
      if (key === undefined) return undefined
      if (isArray(value)) value = /^\d+$/.test(key) ? value[Number(key)] : undefined
      else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
      if (value === undefined) return undefined
      pointer += pathTo(key)
      base = (isObject(value) ? this.#places.get(value)?.base : undefined) ?? base
    }
    this.#visit(value, base, pointer)
    return { value, pointer }
  }

  #resolveDynamic(reference: string, base: string): Target | undefined {
    const target = this.#resolve(reference, base)
    const name = isObject(target?.value) ? target.value.$dynamicAnchor : undefined
    // A reference by pointer, or to another anchor, is not dynamic.
    if (typeof name !== 'string' || split(toUri(reference, base) ?? '')[1] !== name) return target
    const schemas = this.#dynamic.get(name) ?? []
    const outermost = schemas.find(schema => this.#baseOf(schema) === this.#rootBase)
    if (outermost !== undefined)
      return { value: outermost, pointer: this.#places.get(outermost)?.pointer ?? '' }
    if (schemas.length < 2) return target
    throw new SettingsError(
      'SCHEMA_MALFORMED',
      `"$dynamicRef" ${quote(reference)} of the schema has several targets: ${schemas.length} resources have ` +
        `"$dynamicAnchor" ${quote(name)}, and the root has none. Add it to the root, or use "$ref".`,
    )
  }

  /** A copy of a subschema with local references. */
  #copy(schema: JsonObject): JsonObject {
    const base = this.#baseOf(schema)
    const copy: JsonObject = {}
    for (const [keyword, value] of Object.entries(schema)) {
      if (IDENTIFIERS.has(keyword) && typeof value === 'string') continue
      if (keyword === '$ref' && typeof value === 'string')
        setMember(copy, keyword, localReference(this.#resolve(value, base)) ?? value)
      else setMember(copy, keyword, this.#copyInside(value))
    }
    const { $dynamicRef } = schema
    if (typeof $dynamicRef !== 'string') return copy
    const $ref = localReference(this.#resolveDynamic($dynamicRef, base)) ?? $dynamicRef
    if (copy.$ref === undefined) return { ...copy, $ref }
    return { ...copy, allOf: [...(isArray(copy.allOf) ? copy.allOf : []), { $ref }] }
  }

  /** A copy of a value with the subschemas in it. */
  #copyInside(value: Json): Json {
    if (isArray(value)) return value.map(item => this.#copyInside(item))
    if (!isObject(value)) return value
    if (this.#places.has(value)) return this.#copy(value)
    const copy: JsonObject = {}
    for (const [key, member] of Object.entries(value)) setMember(copy, key, this.#copyInside(member))
    return copy
  }
}

function localReference(target: Target | undefined): string | undefined {
  return target && `#${target.pointer}`
}

/** The values in the place of subschemas, each with the pointer from their schema. */
function childrenOf(schema: JsonObject): readonly (readonly [Json, string])[] {
  return Object.entries(schema).flatMap(([keyword, value]): (readonly [Json, string])[] => {
    const path = pathTo(keyword)
    if (SINGLE.has(keyword)) return [[value, path]]
    if (LISTS.has(keyword) && isArray(value)) return value.map((child, i) => [child, `${path}/${i}`])
    if (MAPS.has(keyword) && isObject(value))
      return Object.entries(value).map(([key, child]) => [child, path + pathTo(key)])
    return []
  })
}

function pathTo(key: string): string {
  return `/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`
}

/** @throws SettingsError SCHEMA_MALFORMED when another schema has the same identifier. */
function claim(index: Map<string, JsonObject>, uri: string, schema: JsonObject): void {
  const before = index.get(uri)
  if (before !== undefined && !equalJson(before, schema)) {
    throw new SettingsError(
      'SCHEMA_MALFORMED',
      `Invalid JSON Schema (draft 2020-12): ${quote(uri.replace(BASE, ''))} identifies two subschemas. Rename one of them.`,
    )
  }
  if (before === undefined) index.set(uri, schema)
}

/** The absolute URI of a reference; undefined when it is none. An empty fragment is omitted. */
function toUri(reference: string, base: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(reference)) return undefined
  try {
    const [path = '', fragment = ''] = split(reference)
    // The fragment is kept as it is written: `URL` would escape it.
    const resource = path === '' ? base : new URL(path, base).href
    return fragment === '' ? resource : `${resource}#${fragment}`
  } catch {
    return undefined
  }
}

function split(uri: string): readonly [string, string] {
  const at = uri.indexOf('#')
  return at < 0 ? [uri, ''] : [uri.slice(0, at), uri.slice(at + 1)]
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
