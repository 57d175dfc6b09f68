import { errorsOf } from '../../../events/command.ts'
import { COMMANDS } from '../../../events/map.ts'
import { ERRORS, type ErrorCode } from '../../../model/errors.ts'
import { permissionForRoute } from './needs.ts'
import type { Method, Operation } from './operation.ts'
import { STOREHOUSE } from './paths.ts'

/*
 * What an operation may refuse. Most of it follows from what stands in the table of routes: who may come in,
 * what is read of the request, which commands are said. A test drives every status that is named.
 */

const COMING_IN: readonly ErrorCode[] = [
  'HOST_FORBIDDEN',
  'ORIGIN_FORBIDDEN',
  'TOKEN_INVALID',
  'RATE_LIMITED',
  'SERVICE_STOPPING',
  'STORE_STALE',
]

/** The codes that an operation may refuse with, by status. */
export function refusalsOf(
  method: Method,
  path: string,
  { says = [], query, headers, excludes = [], errors = [] }: Operation,
): ReadonlyMap<number, readonly ErrorCode[]> {
  const isClosed = permissionForRoute(method, path, says) !== 'open'
  const reads = query !== undefined || headers !== undefined || path.includes(':')
  const codes = new Set<ErrorCode>([
    ...COMING_IN,
    ...(isClosed ? (['TOKEN_REQUIRED', 'PERMISSION_DENIED'] as const) : []),
    ...(reads ? (['CONTENT_MALFORMED'] as const) : []),
    ...(path.includes(':username') ? (['NAMESPACE_MALFORMED'] as const) : []),
    // A body of GET is not looked at.
    ...(method === 'GET' ? [] : (['JSON_MALFORMED', 'DOCUMENT_TOO_LARGE'] as const)),
    // storehouse has no 415.
    ...(method === 'GET' || path.startsWith(STOREHOUSE) ? [] : (['UNSUPPORTED_MEDIA_TYPE'] as const)),
    ...says.flatMap(name => errorsOf(COMMANDS[name])).filter(code => !excludes.includes(code)),
    ...errors,
  ])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of [...codes].sort())
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code])
  return new Map([...byStatus].sort(([a], [b]) => a - b))
}
