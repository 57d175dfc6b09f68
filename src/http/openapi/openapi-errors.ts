import type { CommandName } from '../../../events/map.ts'
import { COMMANDS } from '../../../events/map.ts'
import { ERRORS, type ErrorCode } from '../../../model/errors.ts'
import { rightForRoute } from './needs.ts'
import type { Method, Operation } from './operation.ts'
import { STOREHOUSE } from './paths.ts'

/*
 * What an operation may refuse. Most of it follows from what stands in the table of routes: who may come in, what is read of the request, which commands are
 * said. A test drives every status that is named.
 */

/** By what its settings, or its box, are like. */
const CHANGING: readonly ErrorCode[] = ['DOCUMENT_TOO_LARGE', 'SETTINGS_INVALID', 'CHANGE_VETOED']

/** What each command refuses, beside what all do. */
const REFUSED: Readonly<Record<CommandName, readonly ErrorCode[]>> = {
  'kytos.settings.register': ['SCHEMA_MALFORMED', 'NAMESPACE_CONFLICT', 'DOCUMENT_TOO_LARGE', 'SETTINGS_INVALID'],
  'kytos.settings.create': [...CHANGING, 'DOCUMENT_EXISTS', 'NAMESPACE_CONFLICT', 'SCHEMA_REQUIRED'],
  'kytos.settings.retrieve': ['NAMESPACE_NOT_FOUND', 'SCOPE_MALFORMED'],
  'kytos.settings.update': [...CHANGING, 'SCOPE_MALFORMED', 'NAMESPACE_CONFLICT', 'PATCH_CONFLICT', 'REVISION_MISMATCH', 'SCHEMA_REQUIRED'],
  'kytos.settings.delete': ['SCOPE_MALFORMED', 'NAMESPACE_NOT_FOUND', 'REVISION_MISMATCH', 'CHANGE_VETOED'],
  'kytos.settings.list': [],
  'kytos.settings.describe': ['NAMESPACE_NOT_FOUND'],
  'kytos.settings.transaction': [
    ...CHANGING,
    'METHOD_NOT_FOUND',
    'NAMESPACE_MALFORMED',
    'SCOPE_MALFORMED',
    'NAMESPACE_NOT_FOUND',
    'NAMESPACE_CONFLICT',
    'PATCH_CONFLICT',
    'REVISION_MISMATCH',
    'SCHEMA_REQUIRED',
  ],
  'kytos.settings.history': ['NAMESPACE_NOT_FOUND', 'SCOPE_MALFORMED'],
  'kytos.settings.status': [],
  'kytos.settings.restore_files': ['NAMESPACE_MALFORMED', 'BOX_MALFORMED', 'SCOPE_MALFORMED', 'NAMESPACE_NOT_FOUND'],
  'kytos.storehouse.create': ['BOX_MALFORMED', 'DOCUMENT_TOO_LARGE'],
  'kytos.storehouse.retrieve': ['BOX_MALFORMED'],
  'kytos.storehouse.update': ['BOX_MALFORMED', 'BOX_NOT_FOUND', 'REVISION_MISMATCH', 'DOCUMENT_TOO_LARGE'],
  'kytos.storehouse.delete': ['BOX_MALFORMED'],
  'kytos.storehouse.list': ['BOX_MALFORMED'],
}

const COMING_IN: readonly ErrorCode[] = ['HOST_FORBIDDEN', 'ORIGIN_FORBIDDEN', 'TOKEN_INVALID', 'RATE_LIMITED', 'SERVICE_STOPPING', 'STORE_STALE']
const SAYING: readonly ErrorCode[] = ['SERVICE_ABSENT', 'TIMEOUT', 'STORE_UNREACHABLE', 'STORE_REFUSED', 'STORE_DAMAGED']
const WRITING: readonly ErrorCode[] = ['STORE_FULL', 'STORE_OVERLAP', 'STORE_UNWRITABLE', 'CONTENTION', 'OUTCOME_UNKNOWN']

/** The codes that an operation may refuse with, by status. */
export function refusalsOf(
  method: Method,
  path: string,
  { says = [], query, headers, errors = [] }: Operation,
): ReadonlyMap<number, readonly ErrorCode[]> {
  const isClosed = rightForRoute(method, path) !== 'open'
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
    ...(says.length > 0 ? SAYING : []),
    ...says.flatMap(name => [...REFUSED[name], ...(COMMANDS[name] === 'write' ? WRITING : [])]),
    ...errors,
  ])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of [...codes].sort()) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code])
  return new Map([...byStatus].sort(([a], [b]) => a - b))
}
