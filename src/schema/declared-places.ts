import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from './schema-document.ts'
import { SchemaWalk } from './schema-walk.ts'

/** A place in settings that a schema declares, or that its defaults or seed have. */
export interface DeclaredPlace {
  readonly path: readonly string[]
  /** Whether the value is always a string, may be one, or never is. */
  readonly texts: 'only' | 'also' | 'never'
}

/**
 * All declared places by their names: keys spelled by `spell` and joined by `__`. A name has several places
 * where two are spelled the same.
 */
export function declaredPlaces(
  { schema, defaults, seed }: SchemaDocument,
  spell: (key: string) => string,
): ReadonlyMap<string, readonly DeclaredPlace[]> {
  const places = new Map<string, DeclaredPlace>()
  const walk = new SchemaWalk(schema)
  const visit = (part: Json | undefined, path: readonly string[]): void => {
    const at = JSON.stringify(path)
    walk.enter(
      part,
      node => {
        // A subschema that is nearer to the value describes it better than its references.
        if (path.length > 0 && !places.has(at)) places.set(at, { path, texts: textsOf(node, walk) })
        for (const applied of walk.appliedWith(node)) visit(applied, path)
        for (const [key, property] of Object.entries(isObject(node.properties) ? node.properties : {}))
          visit(property, [...path, key])
      },
      at,
    )
  }
  visit(schema, [])
  for (const filled of [defaults, seed]) {
    visitFilled(filled, [], path => {
      const at = JSON.stringify(path)
      if (!places.has(at)) places.set(at, { path, texts: 'also' })
    })
  }
  const named = new Map<string, DeclaredPlace[]>()
  for (const place of places.values()) {
    const name = place.path.map(spell).join('__')
    named.set(name, [...(named.get(name) ?? []), place])
  }
  return named
}

function visitFilled(
  data: JsonObject,
  path: readonly string[],
  visit: (path: readonly string[]) => void,
): void {
  for (const [key, member] of Object.entries(data)) {
    visit([...path, key])
    if (isObject(member)) visitFilled(member, [...path, key], visit)
  }
}

/** Decided by `type`, else by the allowed values, of the subschema or of those that apply with it. */
function textsOf(node: JsonObject, walk: SchemaWalk): DeclaredPlace['texts'] {
  const { type } = node
  if (type === 'string') return 'only'
  if (isArray(type)) return type.includes('string') ? 'also' : 'never'
  if (typeof type === 'string') return 'never'
  if (isArray(node.enum)) return node.enum.every(one => typeof one === 'string') ? 'only' : 'also'
  if (node.const !== undefined) return typeof node.const === 'string' ? 'only' : 'never'
  const found = walk
    .appliedWith(node)
    .map(applied => walk.enter(applied, one => textsOf(one, walk)) ?? 'also')
  return found.find(one => one !== 'also') ?? 'also'
}
