import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { nearest } from '../../model/nearest.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import type { Cache } from '../watcher/cache.ts'

/** The controllers that one warning names. */
const MAX_NAMED = 5

/**
 * The namespaces in which each controller has overrides of its own, by its id, both in byte order, as far as
 * the caller of the current command sees them. This controller is among them, without namespaces if it has
 * none.
 */
export function overridesByController(cache: Cache): ReadonlyMap<string, readonly Namespace[]> {
  const found = new Map<string, Namespace[]>([[controllerOf(cache.self), []]])
  const visibility = currentVisibility()
  for (const { namespace, scope, entry } of cache.documents()) {
    if (entry === undefined || scope === CLUSTER || !visibility.seesNamespace(namespace)) continue
    const id = controllerOf(scope)
    found.set(id, [...(found.get(id) ?? []), namespace])
  }
  // Ids and namespaces are ASCII, whose code units are in byte order.
  const ids = [...found.keys()].sort()
  return new Map(ids.map(id => [id, found.get(id)?.sort() ?? []]))
}

/** The shortest id for which the nearest known one is named. */
const MIN_NAMED_CHARACTERS = 4

/**
 * The warning that the id in a scope may be misspelt; undefined for the cluster, for this controller and for
 * a controller that has overrides. An id is only warned of, because a controller may be configured before its
 * first start.
 */
export function warningOfScope(cache: Cache, scope: Scope): string | undefined {
  if (!cache.isElsewhere(scope)) return undefined
  const known = overridesByController(cache)
  const id = controllerOf(scope)
  if (known.has(id)) return undefined
  // A short id is near every other one.
  const meant = id.length < MIN_NAMED_CHARACTERS ? undefined : nearest(id, known.keys())
  const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
  return (
    `No controller "${id}" is known: it is not "${controllerOf(cache.self)}", which answers, and no overrides ` +
    `were stored for it before.${hint} "kytos-settings controllers" lists the known ids.`
  )
}

/**
 * The warning that this controller has no overrides of its own, but others have, as after a rename of its
 * host; undefined otherwise. Whether the others run is not known.
 */
export function warningOfRename(cache: Cache): string | undefined {
  const self = controllerOf(cache.self)
  const others = [...overridesByController(cache)].filter(([, namespaces]) => namespaces.length > 0)
  const [first] = others
  if (!first || others.some(([id]) => id === self)) return undefined
  const named = others.slice(0, MAX_NAMED).map(([id, namespaces]) => `"${id}" (${namespaces.join(', ')})`)
  const more = others.length > MAX_NAMED ? `, and ${others.length - MAX_NAMED} more` : ''
  return (
    `This controller, "${self}", has no overrides of its own; these have: ${named.join(', ')}${more}. If it ` +
    `was renamed: "kytos-settings controllers rename ${first[0]} ${self}" moves them.`
  )
}

/** The id of the controller of a scope other than `cluster`. */
function controllerOf(scope: Scope): string {
  return scope.slice('controller:'.length)
}
