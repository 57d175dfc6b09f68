import { COMMANDS, type CommandName } from '../../../events/map.ts'
import type { Permission } from '../../../model/permissions.ts'
import { API } from './paths.ts'

/*
 * Which right a request needs, all in one place. What is not named here needs `read` when its method only
 * reads, else `write`, and what its commands take: a route that is added is closed until it is opened here.
 */

/** What answers everybody: whether the service is there, and how to speak to it. */
const OPEN: readonly string[] = ['/healthz', '/readyz', '/api/kytos/settings/openapi.json']
/** What lets others in, or shows and repeats what NApps said to each other. */
const ADMIN: readonly string[] = [`${API}/token`, `${API}/dead_letter`]
/** Each brings those after it along. */
const STRONGEST: readonly Permission[] = ['admin', 'write', 'read']
const READING: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * The right that a request needs at the route of this pattern (undefined: there is none), which says these
 * commands; `open` for none at all.
 */
export function permissionForRoute(
  method: string,
  url: string | undefined,
  says: readonly CommandName[] = [],
): Permission | 'open' {
  const path = url?.replace(/(?<=.)\/$/, '')
  if (path !== undefined && OPEN.includes(path)) return 'open'
  if (path !== undefined && ADMIN.includes(path)) return 'admin'
  const needed = new Set<Permission>([
    READING.includes(method) ? 'read' : 'write',
    ...says.map(name => COMMANDS[name].permission),
  ])
  return STRONGEST.find(right => needed.has(right)) ?? 'admin'
}
