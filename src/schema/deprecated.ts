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
  if (places.length === 0) return []
  // Sorted, because each of many places would be compared with each of many paths.
  const sorted = [...paths].sort()
  const at = (text: string): string | undefined => sorted[lowerBound(sorted, text)]
  return places.filter(place => at(place) === place || at(`${place}/`)?.startsWith(`${place}/`))
}

/** The index of the first text that is not below `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}
