import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

/** The properties that a schema marks as `deprecated`, directly or by a reference, by JSON Pointer. */
export function deprecatedPlaces(schema: JsonObject): readonly string[] {
  const walk = new SchemaWalk(schema)
  const found = new Set<string>()
  const visit = (part: Json | undefined, path: string): void => {
    walk.enter(
      part,
      node => {
        if (path !== '' && node.deprecated === true) found.add(path)
        for (const applied of walk.appliedWith(node)) visit(applied, path)
        for (const [key, property] of Object.entries(isObject(node.properties) ? node.properties : {}))
          visit(property, path + pointerToken(key))
      },
      path,
    )
  }
  visit(schema, '')
  return [...found]
}

/** Those of the places that contain one of the paths. */
export function placesOf(places: readonly string[], paths: readonly string[]): readonly string[] {
  return places.filter(place => paths.some(path => path === place || path.startsWith(`${place}/`)))
}
