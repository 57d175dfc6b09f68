import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

/** Copied members that count as one visit of a subschema. */
const MEMBERS_A_VISIT = 16

/**
 * The defaults of a schema: every `default` of its properties, nested ones too, through local `$ref` and
 * `allOf`.
 */
export function defaultsOf(schema: JsonObject): JsonObject {
  const walk = new SchemaWalk(schema)
  const found = collectDefaults(schema, walk)
  return isObject(found) ? found : {}
}

/**
 * Merges defaults from the lowest precedence to the highest: those of references, then those of the
 * properties, then the schema's own `default`.
 */
function collectDefaults(part: Json | undefined, walk: SchemaWalk): Json | undefined {
  return walk.enter(part, schema => {
    const own: JsonObject = {}
    for (const [key, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      const value = collectDefaults(property, walk)
      if (value !== undefined) setMember(own, key, value)
    }
    const layers = walk.appliedWith(schema).map(applied => collectDefaults(applied, walk))
    if (Object.keys(own).length > 0) layers.push(own)
    layers.push(schema.default)
    return layers.reduce((low, high) => over(low, high, walk), undefined)
  })
}

function over(low: Json | undefined, high: Json | undefined, walk: SchemaWalk): Json | undefined {
  if (high === undefined) return low
  return isObject(low) && isObject(high) ? merge(low, high, walk) : high
}

/** Merges two layers; copies are counted, because a few references may copy a long default many times. */
function merge(low: JsonObject, high: JsonObject, walk: SchemaWalk): JsonObject {
  const result: JsonObject = {}
  const [below, above] = [Object.keys(low), Object.keys(high)]
  walk.spend((below.length + above.length) / MEMBERS_A_VISIT)
  for (const key of below) if (!Object.hasOwn(high, key)) setMember(result, key, low[key] as Json)
  for (const key of above) {
    const under = Object.hasOwn(low, key) ? low[key] : undefined
    setMember(result, key, over(under, high[key] as Json, walk) as Json)
  }
  return result
}
