import { COMMANDS, type CommandName } from '../../../events/map.ts'
import type { Permission } from '../../../model/permissions.ts'
import type { Operation } from './operation.ts'
import { API } from './paths.ts'

/*
 * The permission that a request requires. A route not named here requires `read` when its method only reads,
 * otherwise `write`, and the permissions of its commands. So a new route is never open by default.
 */

/** Routes without authentication: health, and the description of the API. */
const OPEN_PATHS: readonly string[] = ['/healthz', '/readyz', '/api/kytos/settings/openapi.json']
/** Routes that create credentials, or show and repeat events between NApps. */
const ADMIN_PATHS: readonly string[] = [`${API}/token`, `${API}/dead_letter`]
/** Permissions from the strongest on; each implies the following ones. */
const STRONGEST_FIRST: readonly Permission[] = ['admin', 'write', 'read']
/** Streams, which show a limited caller only the facts of its namespaces. */
const FILTERED_PATHS: readonly string[] = [`${API}/events`, `${API}/bus`]
const READING_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * The permission for a request to the route with this pattern, whose handler sends these commands. The
 * pattern is undefined for an unknown path; the result is `open` when no permission is required.
 */
export function permissionForRoute(
  method: string,
  url: string | undefined,
  commands: readonly CommandName[] = [],
): Permission | 'open' {
  const path = url?.replace(/(?<=.)\/$/, '')
  if (path !== undefined && OPEN_PATHS.includes(path)) return 'open'
  if (path !== undefined && ADMIN_PATHS.includes(path)) return 'admin'
  const required = new Set<Permission>([
    READING_METHODS.includes(method) ? 'read' : 'write',
    ...commands.map(name => COMMANDS[name].permission),
  ])
  return STRONGEST_FIRST.find(permission => required.has(permission)) ?? 'admin'
}

/**
 * True when a caller with limits may use a route: it sends commands, which the bus decides on, or its stream is
 * filtered. So a new route is closed to limited callers by default. A route without an operation only rejects
 * requests.
 */
export function isForLimited(url: string | undefined, operation: Operation | undefined): boolean {
  if (url === undefined || operation === undefined) return true
  return (operation.commands ?? []).length > 0 || FILTERED_PATHS.includes(url.replace(/(?<=.)\/$/, ''))
}
