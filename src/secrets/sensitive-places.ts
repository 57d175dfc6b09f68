import { isArray, isObject, isSealed, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { compilePattern } from '../schema/pattern.ts'
import { type References, referencesOf } from '../schema/references.ts'

/*
 * The places of settings that a schema marks with `x-sensitive: true`.
 *
 * Invariant: a place is sensitive when any subschema that may apply there marks it, whatever the values: in a
 * branch of `oneOf`, behind a condition or a reference, in items, in additional or unevaluated members. So a
 * value is never shown because another branch was taken.
 */

/** The subschemas that may apply to one value. */
export interface PlaceSchemas {
  readonly isSensitive: boolean
  member(key: string): PlaceSchemas
  readonly item: PlaceSchemas
}

/** A place without a subschema. */
export const UNDECLARED: PlaceSchemas = {
  isSensitive: false,
  member: () => UNDECLARED,
  get item() {
    return UNDECLARED
  },
}

const IN_PLACE_LISTS = ['allOf', 'anyOf', 'oneOf'] as const
const IN_PLACE = ['if', 'then', 'else', 'not'] as const
const IN_PLACE_MAPS = ['dependentSchemas', 'dependencies'] as const
const ITEMS = ['items', 'additionalItems', 'unevaluatedItems', 'contains'] as const
const OTHER_MEMBERS = ['additionalProperties', 'unevaluatedProperties'] as const
/** The members of one place whose subschemas are kept; further ones are looked up each time. */
const MAX_KEPT_MEMBERS = 1_000

/** The root of the places of a schema; undefined for a schema that marks none. */
export function sensitivePlaces(schema: JsonObject): PlaceSchemas | undefined {
  if (!marksAny(schema)) return undefined
  const references = referencesOf(schema)
  const root = new Place([schema], references)
  // A schema that marks its root marks each member, because overrides are never one value.
  return root.isSensitive ? { ...UNDECLARED, member: () => WHOLE } : root
}

/** A place that is sensitive as a whole. */
const WHOLE: PlaceSchemas = { ...UNDECLARED, isSensitive: true }

/** The places of several schemas together. */
export function joinPlaces(places: readonly PlaceSchemas[]): PlaceSchemas {
  const [first, ...others] = places.filter(one => one !== UNDECLARED)
  if (!first) return UNDECLARED
  if (others.length === 0) return first
  const all = [first, ...others]
  return {
    isSensitive: all.some(one => one.isSensitive),
    member: key => joinPlaces(all.map(one => one.member(key))),
    get item() {
      return joinPlaces(all.map(one => one.item))
    },
  }
}

class Place implements PlaceSchemas {
  readonly isSensitive: boolean
  readonly #schemas: ReadonlySet<JsonObject>
  readonly #references: References
  readonly #members = new Map<string, PlaceSchemas>()
  #item: PlaceSchemas | undefined

  constructor(schemas: readonly Json[], references: References) {
    const applied = new Set<JsonObject>()
    for (const schema of schemas) collectApplied(schema, references, applied)
    this.#schemas = applied
    this.#references = references
    this.isSensitive = [...applied].some(schema => schema['x-sensitive'] === true)
  }

  member(key: string): PlaceSchemas {
    const known = this.#members.get(key)
    if (known) return known
    const found = this.#below([...this.#schemas].flatMap(schema => memberSchemas(schema, key)))
    if (this.#members.size < MAX_KEPT_MEMBERS) this.#members.set(key, found)
    return found
  }

  get item(): PlaceSchemas {
    this.#item ??= this.#below([...this.#schemas].flatMap(itemSchemas))
    return this.#item
  }

  #below(schemas: readonly Json[]): PlaceSchemas {
    const objects = schemas.filter(isObject)
    return objects.length === 0 ? UNDECLARED : new Place(objects, this.#references)
  }
}

/** Adds a subschema and all that apply to the same value. */
function collectApplied(schema: Json | undefined, references: References, applied: Set<JsonObject>): void {
  if (!isObject(schema) || applied.has(schema)) return
  applied.add(schema)
  for (const target of references.targetsOf(schema)) collectApplied(target, references, applied)
  for (const keyword of IN_PLACE_LISTS) {
    const branches = schema[keyword]
    if (isArray(branches)) for (const branch of branches) collectApplied(branch, references, applied)
  }
  for (const keyword of IN_PLACE) collectApplied(schema[keyword], references, applied)
  for (const keyword of IN_PLACE_MAPS) {
    const branches = schema[keyword]
    if (isObject(branches))
      for (const branch of Object.values(branches)) collectApplied(branch, references, applied)
  }
}

function memberSchemas(schema: JsonObject, key: string): Json[] {
  const { properties, patternProperties } = schema
  const named = isObject(properties) && Object.hasOwn(properties, key) ? [properties[key] as Json] : []
  const matching = isObject(patternProperties)
    ? Object.entries(patternProperties).flatMap(([pattern, one]) => (matches(pattern, key) ? [one] : []))
    : []
  const declared = [...named, ...matching]
  if (declared.length > 0) return declared
  return OTHER_MEMBERS.flatMap(keyword => schema[keyword] ?? [])
}

function itemSchemas(schema: JsonObject): Json[] {
  const { prefixItems } = schema
  // All positions share one place, so that a secret stays where it is when an item before it goes.
  return [...(isArray(prefixItems) ? prefixItems : []), ...ITEMS.flatMap(keyword => listed(schema[keyword]))]
}

function listed(value: Json | undefined): readonly Json[] {
  if (value === undefined) return []
  return isArray(value) ? value : [value]
}

function matches(pattern: string, key: string): boolean {
  try {
    return compilePattern(pattern).test(key)
  } catch {
    return true // Such a schema is refused; until then its members are taken as declared.
  }
}

/** True when any part of a schema has the mark. */
function marksAny(schema: Json): boolean {
  if (isArray(schema)) return schema.some(marksAny)
  if (!isObject(schema)) return false
  return schema['x-sensitive'] === true || Object.values(schema).some(marksAny)
}

/** Called for sealed and sensitive values; `place` is the pointer with `*` for indices. Undefined keeps it. */
export type VisitSecret = (
  value: Json,
  place: string,
  isSensitive: boolean,
) => Json | typeof LEFT_OUT | undefined

/** Returned for a value that is left out: a member is omitted, an item becomes null. */
export const LEFT_OUT = Symbol('left out')

/** The same settings with visited values replaced; the same object when nothing was replaced. */
export function mapSecrets(data: JsonObject, places: PlaceSchemas, visit: VisitSecret): JsonObject {
  // The root is never sensitive, so its copy is an object.
  return mapMembers(data, '', places, visit) as JsonObject
}

/** As {@link mapSecrets}, of any value at a place. */
export function mapSecretsAt(
  value: Json,
  place: string,
  schemas: PlaceSchemas,
  visit: VisitSecret,
): Json | typeof LEFT_OUT {
  if (schemas.isSensitive || isSealed(value)) {
    const visited = visit(value, place, schemas.isSensitive)
    return visited === undefined ? value : visited
  }
  return mapMembers(value, place, schemas, visit)
}

function mapMembers(value: Json, place: string, schemas: PlaceSchemas, visit: VisitSecret): Json {
  if (isArray(value)) {
    let isSame = true
    const items = value.map(item => {
      const mapped = mapSecretsAt(item, `${place}/*`, schemas.item, visit)
      if (mapped !== item) isSame = false
      return mapped === LEFT_OUT ? null : mapped
    })
    return isSame ? value : items
  }
  if (!isObject(value)) return value
  let replaced: Map<string, Json | typeof LEFT_OUT> | undefined
  for (const key of Object.keys(value)) {
    const member = value[key] as Json
    const mapped = mapSecretsAt(member, `${place}/${escapeKey(key)}`, schemas.member(key), visit)
    if (mapped === member) continue
    replaced ??= new Map()
    replaced.set(key, mapped)
  }
  return replaced ? withMembers(value, replaced) : value
}

/** The object with some members replaced or left out, in its order. */
function withMembers(value: JsonObject, replaced: ReadonlyMap<string, Json | typeof LEFT_OUT>): JsonObject {
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) {
    const member = replaced.has(key) ? (replaced.get(key) ?? null) : (value[key] as Json)
    if (member !== LEFT_OUT) setMember(copy, key, member)
  }
  return copy
}

/** One token of a place; `*` is any index, so a key of that name is escaped. */
export function escapeKey(key: string): string {
  return key === '*' ? '~2' : key.replaceAll('~', '~0').replaceAll('/', '~1')
}
