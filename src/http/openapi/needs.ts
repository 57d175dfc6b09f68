import { COMMANDS } from '../../../events/map.ts'
import type { Right } from '../../../model/permissions.ts'
import { API } from './paths.ts'

/*
 * Which right a request needs, all in one place. What is not named here needs `read` when its method only reads, else `write`: a route that somebody adds is
 * closed until it is opened here.
 */

/** What answers everybody: whether the service is there, and how to speak to it. */
const OPEN: readonly string[] = ['/healthz', '/readyz', '/api/kytos/settings/openapi.json']
/** What lets others in, or shows and repeats what NApps said to each other. */
const ADMIN: readonly string[] = [`${API}/token`, `${API}/dead_letter`]
const READING: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/** The right that a request needs at the route of this pattern (undefined: there is none); `open` for none at all. */
export function rightForRoute(method: string, url: string | undefined): Right | 'open' {
  const path = url?.replace(/(?<=.)\/$/, '')
  if (path !== undefined && OPEN.includes(path)) return 'open'
  if (path !== undefined && ADMIN.includes(path)) return 'admin'
  return READING.includes(method) ? 'read' : 'write'
}

/** The right that saying this on the bus needs: a command what it does to the store, any other event `write`, for who hears it may do anything. */
export function rightForEvent(name: string): Right {
  // An object has names that no table gave it.
  const known: Readonly<Record<string, Right>> = COMMANDS
  return (Object.hasOwn(COMMANDS, name) && known[name]) || 'write'
}
