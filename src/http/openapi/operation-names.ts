import { ROUTES } from './openapi-routes.ts'
import { STOREHOUSE_ROUTES } from './openapi-storehouse.ts'
import type { Method } from './operation.ts'
import { API, STOREHOUSE } from './paths.ts'

/*
 * The names that generators of clients use for functions and modules. They are part of the API: a route that
 * is renamed in its table breaks generated clients.
 */

const NAMES = new Map(
  Object.entries({ ...ROUTES, ...STOREHOUSE_ROUTES }).map(([name, { path }]) => [path as string, name]),
)

/** The unique id of an operation: its method and the name of its route, such as `patchSettings`. */
export function operationIdOf(method: Method, path: string): string {
  const name = NAMES.get(path) ?? path.replace(/[^A-Za-z0-9]+/g, '_')
  return `${method.toLowerCase()}${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
}

/** The group of an operation. */
export function tagOf(path: string): 'settings' | 'storehouse' | 'service' {
  if (path.startsWith(API)) return 'settings'
  return path.startsWith(STOREHOUSE) ? 'storehouse' : 'service'
}
