import type { FastifyInstance, FastifyReply } from 'fastify'
import type { CommandContent, CommandName } from '../../../events/map.ts'
import type { Settings, SummaryPart } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { type Namespace, parseNamespace } from '../../../model/namespace.ts'
import type { Json } from '../../../model/value.ts'
import type { SendCommand } from '../auth/caller.ts'
import { isJsonPatch, readBody, readObject } from '../messages/bodies.ts'
import { tagged } from '../messages/entity-tag.ts'
import { readComment, readIfMatch, readIfNoneMatch } from '../messages/headers.ts'
import { parseCount, Query } from '../messages/query.ts'
import { type RouteHandler, type RouteRequest, route } from '../messages/routes.ts'
import { MAX_VERSION } from '../openapi/openapi-parameters.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'
import { API } from '../openapi/paths.ts'

/** Adds the routes of settings: each sends one command as the actor of the request and prints the answer. */
export function addSettingsRoutes(app: FastifyInstance, send: SendCommand): void {
  route(app, ROUTES.namespaces, {
    GET: async (request, reply) => {
      const query = new Query(request)
      const prefix = query.text('prefix')
      const include = query.list('include') as readonly SummaryPart[] // the service checks its values
      const summaries = await send(request, 'kytos.settings.list', {
        ...(prefix !== undefined && { prefix }),
        ...(include.length > 0 && { include }),
      })
      return tagged(reply, printJson(summaries as unknown as Json))
    },
  })

  route(app, ROUTES.settings, {
    GET: async (request, reply) => {
      const query = new Query(request)
      const flags = {
        ...(query.flag('explain') && { explain: true }),
        ...(query.flag('fresh') && { fresh: true }),
      }
      return tag(
        reply,
        await send(request, 'kytos.settings.retrieve', {
          namespace: namespaceOf(request),
          ...scopeOf(query),
          ...flags,
        }),
      )
    },
    PUT: async (request, reply) => {
      const fields = changeFields(request)
      const data = readObject(request)
      if (!readIfNoneMatch(request))
        return tag(reply, await send(request, 'kytos.settings.update', { ...fields, data, method: 'PUT' }))
      const { revision, dry_run, confirm_within, ...rest } = fields
      if (confirm_within !== undefined)
        throw new SettingsError(
          'CONTENT_MALFORMED',
          'confirm_within cannot be combined with If-None-Match: remove that header.',
        )
      if (dry_run)
        throw new SettingsError(
          'CONTENT_MALFORMED',
          'dry_run cannot be combined with If-None-Match: remove that header.',
        )
      if (revision !== undefined)
        throw new SettingsError(
          'CONTENT_MALFORMED',
          'If-Match and If-None-Match cannot be combined: send one of them.',
        )
      const created = await send(request, 'kytos.settings.create', { ...rest, data })
      return tag(reply.code(201).header('location', `${API}/${fields.namespace}`), created)
    },
    PATCH: async (request, reply) => {
      const method = isJsonPatch(request) ? 'JSON_PATCH' : 'PATCH'
      return tag(
        reply,
        await send(request, 'kytos.settings.update', {
          ...changeFields(request),
          data: readBody(request),
          method,
        }),
      )
    },
    DELETE: async (request, reply) =>
      tag(reply, await send(request, 'kytos.settings.delete', changeFields(request))),
  })

  route(app, ROUTES.transaction, {
    POST: request => {
      if (readIfMatch(request) !== undefined || readIfNoneMatch(request)) {
        throw new SettingsError(
          'CONTENT_MALFORMED',
          'A transaction supports neither If-Match nor If-None-Match: set "revision" in its operations.',
        )
      }
      const content = withBody<'kytos.settings.transaction'>(request, jointFields(request))
      return send(request, 'kytos.settings.transaction', content)
    },
  })

  route(app, ROUTES.confirm, { POST: request => send(request, 'kytos.settings.confirm', endFields(request)) })
  route(app, ROUTES.cancel, { POST: request => send(request, 'kytos.settings.cancel', endFields(request)) })

  route(app, ROUTES.reseal, {
    POST: request => {
      const scope = scopeOf(new Query(request))
      return send(request, 'kytos.settings.reseal', { namespace: namespaceOf(request), ...scope })
    },
  })

  route(app, ROUTES.schema, {
    GET: async (request, reply) => {
      new Query(request)
      const description = await send(request, 'kytos.settings.describe', { namespace: namespaceOf(request) })
      return tagged(reply, printJson(description as unknown as Json))
    },
    PUT: async (request, reply) => {
      const napp_version = new Query(request).text('napp_version')
      const content = {
        namespace: namespaceOf(request),
        schema: readObject(request),
        ...(napp_version !== undefined && { napp_version }),
      }
      return tag(reply, await send(request, 'kytos.settings.register', content))
    },
    DELETE: request => {
      const query = new Query(request)
      const digest = query.text('digest')
      return send(request, 'kytos.settings.remove_schema', {
        namespace: namespaceOf(request),
        ...(digest !== undefined && { digest }),
        ...(query.flag('force') && { force: true }),
        ...commentOf(request),
      })
    },
  })

  route(app, ROUTES.history, {
    GET: request => {
      const query = new Query(request)
      const limit = query.count('limit')
      return send(request, 'kytos.settings.history', {
        namespace: namespaceOf(request),
        ...scopeOf(query),
        ...(limit !== undefined && { limit }),
      })
    },
  })

  route(app, ROUTES.version, { GET: record(send) })
  addUndoRoutes(app, send)
}

/** Adds the routes that look back and go back. */
function addUndoRoutes(app: FastifyInstance, send: SendCommand): void {
  route(app, ROUTES.asOf, {
    GET: request => send(request, 'kytos.settings.as_of', { at: new Query(request).text('at') ?? '' }),
  })
  route(app, ROUTES.namespaceAsOf, {
    GET: request => {
      const query = new Query(request)
      const namespace = namespaceOf(request)
      return send(request, 'kytos.settings.as_of', {
        ...{ namespace, at: query.text('at') ?? '' },
        ...scopeOf(query),
      })
    },
  })
  route(app, ROUTES.audit, {
    GET: request => {
      const query = new Query(request)
      const [after, from, limit] = [query.text('after'), query.text('from'), query.count('limit')]
      return send(request, 'kytos.settings.audit', {
        ...(after !== undefined && { after }),
        ...(from !== undefined && { from }),
        ...(limit !== undefined && { limit }),
      })
    },
  })
  route(app, ROUTES.rollback, {
    POST: async (request, reply) => {
      const content = withBody<'kytos.settings.rollback'>(request, changeFields(request))
      return tag(reply, await send(request, 'kytos.settings.rollback', content))
    },
  })
  route(app, ROUTES.rollbackTransaction, {
    POST: request => {
      const content = withBody<'kytos.settings.rollback_transaction'>(request, jointFields(request))
      return send(request, 'kytos.settings.rollback_transaction', content)
    },
  })
}

/**
 * The body of a request with the members that its path, query and headers set. The service checks the members.
 * @throws SettingsError CONTENT_MALFORMED for a member that is set twice.
 */
function withBody<N extends CommandName>(request: RouteRequest, beside: object): CommandContent<N> {
  const body = readObject(request)
  for (const name of Object.keys(beside)) {
    if (name in body)
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `"${name}" is set in the body and in the path, query or headers: set it once.`,
      )
  }
  return { ...body, ...beside } as unknown as CommandContent<N>
}

function record(send: SendCommand): RouteHandler {
  return async request => {
    const namespace = namespaceOf(request)
    const version = parseCount('version', request.params.version, MAX_VERSION)
    const records = await send(request, 'kytos.settings.history', {
      namespace,
      version,
      ...scopeOf(new Query(request)),
    })
    const found = records.find(one => one.version === version)
    if (found) return found
    throw new SettingsError(
      'VERSION_NOT_FOUND',
      `Version ${version} of ${namespace} does not exist: GET ${API}/${namespace}/history lists its versions.`,
      {
        details: { namespace, version },
      },
    )
  }
}

function namespaceOf({ params }: RouteRequest): Namespace {
  return parseNamespace(`${params.username}/${params.name}`)
}

function scopeOf(query: Query): { readonly scope?: string } {
  const scope = query.text('scope')
  return scope === undefined ? {} : { scope }
}

function commentOf(request: RouteRequest): { readonly comment?: string } {
  const comment = readComment(request)
  return comment === undefined ? {} : { comment }
}

function confirmWithinOf(query: Query): { readonly confirm_within?: number } {
  const seconds = query.count('confirm_within')
  return seconds === undefined ? {} : { confirm_within: seconds }
}

/** The fields of a change besides its data. */
function changeFields(request: RouteRequest) {
  const revision = readIfMatch(request)
  return {
    namespace: namespaceOf(request),
    ...scopeOf(new Query(request)),
    ...jointFields(request),
    ...(revision !== undefined && { revision }),
  }
}

/** The fields that a change of one document shares with one of several. */
function jointFields(request: RouteRequest) {
  const query = new Query(request)
  return {
    ...(query.flag('dry_run') && { dry_run: true }),
    ...confirmWithinOf(query),
    ...commentOf(request),
  }
}

/** The fields of a command that ends a confirmed commit. */
function endFields(request: RouteRequest) {
  return { namespace: namespaceOf(request), ...scopeOf(new Query(request)), ...commentOf(request) }
}

/** The settings as the body of an answer, with their ETag. */
function tag(reply: FastifyReply, settings: Settings): string {
  // The compiler does not treat an interface with plain members as JSON.
  return tagged(reply, printJson(settings as unknown as Json), settings)
}
