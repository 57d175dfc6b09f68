import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { referencesOf } from '../../schema/references.ts'
import type { Path } from '../terminal/key-path.ts'

/** Maximum number of subschemas examined for one path. */
const MAX_SUBSCHEMAS = 1_000
const COMBINING_KEYWORDS = ['allOf', 'anyOf', 'oneOf'] as const

/** The subschemas that apply, or may apply, to the value at a path, nearest first. */
export function schemasAt(root: JsonObject, path: Path): readonly JsonObject[] {
  let here = unfold([root], root)
  for (const key of path) {
    here = unfold(
      here.flatMap(schema => member(schema, key)),
      root,
    )
  }
  return here
}

/** The JSON types that a schema allows at a path; empty when it allows any type. */
export function typesAt(root: JsonObject, path: Path): ReadonlySet<string> {
  return new Set(schemasAt(root, path).flatMap(typesOf))
}

/** The paths of all settings that a schema declares by name, in its order. */
export function declaredPaths(root: JsonObject): readonly Path[] {
  const found = new Map<string, Path>()
  const visit = (schemas: readonly JsonObject[], path: Path): void => {
    for (const schema of schemas) {
      for (const key of Object.keys(isObject(schema.properties) ? schema.properties : {})) {
        const place = [...path, key]
        const name = JSON.stringify(place)
        if (found.has(name) || found.size >= MAX_SUBSCHEMAS || place.length > 16) continue
        found.set(name, place)
        visit(
          unfold(
            schemas.flatMap(one => member(one, key)),
            root,
          ),
          place,
        )
      }
    }
  }
  visit(unfold([root], root), [])
  return [...found.values()]
}

/** The value of a keyword in the first of these subschemas that has it. */
export function firstKeyword(schemas: readonly JsonObject[], keyword: string): Json | undefined {
  return schemas.find(schema => schema[keyword] !== undefined)?.[keyword]
}

/** Those subschemas with the targets of their references and with their parts. */
function unfold(schemas: readonly JsonObject[], root: JsonObject): readonly JsonObject[] {
  const seen = new Set<JsonObject>()
  const references = referencesOf(root)
  const visit = (schema: Json | undefined): void => {
    if (!isObject(schema) || seen.has(schema) || seen.size >= MAX_SUBSCHEMAS) return
    seen.add(schema)
    references.targetsOf(schema).forEach(visit)
    for (const keyword of COMBINING_KEYWORDS) {
      const parts = schema[keyword]
      if (isArray(parts)) parts.forEach(visit)
    }
  }
  schemas.forEach(visit)
  return [...seen]
}

function member(schema: JsonObject, key: string): readonly JsonObject[] {
  const { properties, patternProperties, additionalProperties, prefixItems, items } = schema
  const named = isObject(properties) && Object.hasOwn(properties, key) ? [properties[key]] : []
  const matching = Object.entries(isObject(patternProperties) ? patternProperties : {}).flatMap(
    ([pattern, one]) => (matches(pattern, key) ? [one] : []),
  )
  const known = [...named, ...matching]
  const place = /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : undefined
  const listed =
    place === undefined ? undefined : ((isArray(prefixItems) ? prefixItems[place] : undefined) ?? items)
  return [...(known.length > 0 ? known : [additionalProperties]), listed].filter(isObject)
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key)
  } catch {
    return false // the service rejects such a schema
  }
}

function typesOf({ type, enum: allowed, const: only }: JsonObject): readonly string[] {
  if (typeof type === 'string') return [type]
  if (isArray(type)) return type.map(String)
  if (isArray(allowed)) return allowed.map(typeOf)
  return only === undefined ? [] : [typeOf(only)]
}

/** The JSON Schema type of a value. */
export function typeOf(value: Json): string {
  if (value === null) return 'null'
  if (isArray(value)) return 'array'
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'integer'
  return typeof value
}
