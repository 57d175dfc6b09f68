import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from './schema-document.ts'
import { SchemaWalk } from './schema-walk.ts'

/** A place in settings that a schema declares, or that its defaults or seed fill. */
export interface DeclaredPlace {
  readonly path: readonly string[]
  /** Whether the value is always a text, may be one, or never is. */
  readonly texts: 'only' | 'also' | 'never'
}

/**
 * All declared places by their names, keys joined by `__`, each as `spell` writes it; several where two are
 * written alike.
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
        // What stands nearer to the value says more of it than what it refers to.
        if (path.length > 0 && !places.has(at)) places.set(at, { path, texts: textsOf(node, walk) })
        for (const alike of walk.appliedWith(node)) visit(alike, path)
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

/** By `type`, else by what is allowed, of the subschema or what holds for the same value. */
function textsOf(node: JsonObject, walk: SchemaWalk): DeclaredPlace['texts'] {
  const { type } = node
  if (type === 'string') return 'only'
  if (isArray(type)) return type.includes('string') ? 'also' : 'never'
  if (typeof type === 'string') return 'never'
  if (isArray(node.enum)) return node.enum.every(one => typeof one === 'string') ? 'only' : 'also'
  if (node.const !== undefined) return typeof node.const === 'string' ? 'only' : 'never'
  const said = walk.appliedWith(node).map(alike => walk.enter(alike, one => textsOf(one, walk)) ?? 'also')
  return said.find(one => one !== 'also') ?? 'also'
}
