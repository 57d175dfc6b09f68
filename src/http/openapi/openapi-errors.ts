import { errorsOf } from '../../../events/commands/command.ts'
import { COMMANDS } from '../../../events/map.ts'
import { ERRORS, type ErrorCode } from '../../../model/errors.ts'
import type { Method, Operation } from './operation.ts'
import { STOREHOUSE } from './paths.ts'
import { permissionForRoute } from './route-permissions.ts'

/*
 * The errors of an operation. Most follow from its record in the table of routes: its permission, the parts
 * of the request that it reads, its commands. A test provokes every documented status.
 */

/** Errors of any request, before its operation runs. */
const ERRORS_OF_ANY_REQUEST: readonly ErrorCode[] = [
  'HOST_FORBIDDEN',
  'ORIGIN_FORBIDDEN',
  'SERVICE_STOPPING',
  'STORE_STALE',
]

/** Errors of any request that requires a permission. */
const NEEDING_PERMISSION: readonly ErrorCode[] = [
  'TOKEN_REQUIRED',
  'TOKEN_INVALID',
  'PERMISSION_DENIED',
  'RATE_LIMITED',
  'ANSWERS_UNREAD',
]

/** The error codes of an operation, by status. */
export function errorCodesOf(
  method: Method,
  path: string,
  { commands = [], query, headers, excludes = [], errors = [], tagged }: Operation,
): ReadonlyMap<number, readonly ErrorCode[]> {
  const needsPermission = permissionForRoute(method, path, commands) !== 'open'
  const reads = query !== undefined || headers !== undefined || path.includes(':')
  const codes = new Set<ErrorCode>([
    ...ERRORS_OF_ANY_REQUEST,
    ...(needsPermission ? NEEDING_PERMISSION : []),
    ...(reads ? (['CONTENT_MALFORMED'] as const) : []),
    ...(path.includes(':username') ? (['NAMESPACE_MALFORMED'] as const) : []),
    // The body of a GET is ignored.
    ...(method === 'GET' ? [] : (['JSON_MALFORMED', 'DOCUMENT_TOO_LARGE'] as const)),
    // A storehouse route answers 400 instead of 415.
    ...(method === 'GET' || path.startsWith(STOREHOUSE) ? [] : (['UNSUPPORTED_MEDIA_TYPE'] as const)),
    ...commands.flatMap(name => errorsOf(COMMANDS[name])).filter(code => !excludes.includes(code)),
    // If-Match of a GET is compared, too.
    ...(tagged ? (['REVISION_MISMATCH'] as const) : []),
    ...errors,
  ])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of [...codes].sort())
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code])
  return new Map([...byStatus].sort(([a], [b]) => a - b))
}
