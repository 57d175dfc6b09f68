import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { SchemaWalk } from '../schema/schema-walk.ts'

/**
 * The JSON Pointers of values in overrides that the schema marks `x-sensitive` and that are not encrypted.
 */
export function plainSecrets(schema: JsonObject, overrides: JsonObject): readonly string[] {
  const walk = new SchemaWalk(schema)
  const found = new Set<string>()
  const visit = (part: Json | undefined, value: Json | undefined, path: string): void => {
    if (value === undefined) return
    walk.enter(part, node => {
      if (node['x-sensitive'] === true && !isSealed(value)) found.add(path)
      for (const alike of walk.appliedWith(node)) visit(alike, value, path)
      if (!isObject(value)) return
      for (const [key, property] of Object.entries(isObject(node.properties) ? node.properties : {})) {
        visit(property, Object.hasOwn(value, key) ? value[key] : undefined, path + pointerToken(key))
      }
    })
  }
  visit(schema, overrides, '')
  return [...found]
}

function isSealed(value: Json): boolean {
  return isObject(value) && typeof value.$sealed === 'string'
}
