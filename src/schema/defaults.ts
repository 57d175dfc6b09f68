import { mergeLayers } from '../../model/merge.ts'
import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

/**
 * What a schema gives when nothing is set: every `default` of its properties, nested ones inside, through
 * local `$ref` and `allOf`.
 */
export function defaultsOf(schema: JsonObject): JsonObject {
  const walk = new SchemaWalk(schema)
  const found = collectDefaults(schema, walk)
  return isObject(found) ? found : {}
}

/**
 * The nearer a default stands to the value, the more it counts: what is referred to lowest, then the
 * properties, then the schema's own `default`.
 */
function collectDefaults(part: Json | undefined, walk: SchemaWalk): Json | undefined {
  return walk.enter(part, schema => {
    const own: JsonObject = {}
    for (const [key, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      const value = collectDefaults(property, walk)
      if (value !== undefined) setMember(own, key, value)
    }
    const layers = walk.alike(schema).map(alike => collectDefaults(alike, walk))
    if (Object.keys(own).length > 0) layers.push(own)
    layers.push(schema.default)
    return layers.reduce(over, undefined)
  })
}

function over(low: Json | undefined, high: Json | undefined): Json | undefined {
  if (high === undefined) return low
  return isObject(low) && isObject(high) ? mergeLayers([low, high]) : high
}
