import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'

/*
 * The preconditions of RFC 9110. headers.ts reads those that an operation supports.
 *
 * Invariant: no precondition is ignored. A change whose operation does not support it is rejected, and nothing
 * is changed. A GET or HEAD compares it with the ETag of its answer.
 *
 * Changes of schemas do not support If-Match, because each schema has its own key: no commit could refuse a
 * schema that another controller stores at the same time. A PUT replaces none in the store.
 */

/** Adds the preconditions to all routes of a server. */
export function addPreconditions(app: FastifyInstance): void {
  app.addHook('preHandler', async request => rejectUnsupported(request))
  app.addHook('onSend', async (request, reply, payload) => compareTag(request, reply, payload))
}

function rejectUnsupported({ method, headers, routeOptions }: FastifyRequest): void {
  const { operation } = routeOptions.config
  if (!operation || isReading(method)) return
  const supported: readonly string[] = operation.headers ?? []
  if (headers['if-match'] !== undefined && !supported.includes('If-Match')) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${method} does not support If-Match here: nothing was changed. Remove the header.`,
      { details: { header: 'If-Match' } },
    )
  }
  // A creation never replaces anything, so it satisfies this condition.
  if (headers['if-none-match'] === undefined || supported.includes('If-None-Match') || operation.success[201])
    return
  if (headers['if-none-match'].trim() === '*' && method !== 'POST') {
    throw new SettingsError(
      'REVISION_MISMATCH',
      `If-None-Match: * allows only to create, which ${method} does not do here: nothing was changed.`,
      { details: { header: 'If-None-Match', got: '*' } },
    )
  }
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${method} does not support this If-None-Match here: nothing was changed. Remove the header.`,
    { details: { header: 'If-None-Match', got: headers['if-none-match'].slice(0, 100) } },
  )
}

/** Replaces the answer to a GET or HEAD by 304 or 412, as RFC 9110 requires. */
function compareTag(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  if (!isReading(request.method) || reply.statusCode !== 200) return payload
  // Only texts have ETags.
  const tag = reply.getHeader('etag') as string | undefined
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers
  if (match !== undefined && !namesTag(match, tag, isSame)) {
    throw new SettingsError('REVISION_MISMATCH', `The ETag is ${tag ?? 'absent'}, not that of If-Match.`, {
      details: { got: match.slice(0, 100), expected: tag ?? null },
    })
  }
  if (noneMatch === undefined || !namesTag(noneMatch, tag, isSameWeakly)) return payload
  reply.code(304).removeHeader('content-type').removeHeader('content-length')
  // fastify drops the body of a HEAD itself, with the length that a GET would have.
  return request.method === 'HEAD' ? payload : null
}

function namesTag(
  header: string,
  tag: string | undefined,
  isEqual: (listed: string, tag: string) => boolean,
): boolean {
  if (header.trim() === '*') return true
  if (tag === undefined) return false
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some(listed => isEqual(listed, tag))
}

/** The strong comparison; a revision, with or without its epoch, is compared with that of the ETag. */
function isSame(listed: string, tag: string): boolean {
  const [revision = ''] = tag.slice(1, -1).split('-')
  return listed === tag || listed === `"${revision}"` || listed === `"${revision.split('.').at(-1)}"`
}

function isSameWeakly(listed: string, tag: string): boolean {
  return listed.replace(/^W\//, '') === tag.replace(/^W\//, '')
}

function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
