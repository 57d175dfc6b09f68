import { mergeLayers } from '../../model/merge.ts'
import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

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
    return layers.reduce(over, undefined)
  })
}

function over(low: Json | undefined, high: Json | undefined): Json | undefined {
  if (high === undefined) return low
  return isObject(low) && isObject(high) ? mergeLayers([low, high]) : high
}
