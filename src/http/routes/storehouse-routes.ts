import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Box } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { storedText } from '../../../model/stored-text.ts'
import type { Json } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import type { SendCommand } from '../auth/caller.ts'
import { readBody } from '../messages/bodies.ts'
import { etagOf, tagged } from '../messages/entity-tag.ts'
import { readIfMatch } from '../messages/headers.ts'
import { type RouteHandler, type RouteRequest, route } from '../messages/routes.ts'
import { STOREHOUSE_ROUTES } from '../openapi/openapi-storehouse.ts'
import { STOREHOUSE } from '../openapi/paths.ts'
import { printBackup, type RetrieveBox, searchBoxes } from './box-reports.ts'
import { replyStorehouseProblem } from './storehouse-problem.ts'

const V1 = `${STOREHOUSE}/v1`
const BACKUP = 'backup'
const JSON_TYPE = 'application/json; charset=utf-8'

interface BoxName {
  readonly namespace: string
  readonly box_id: string
}

/**
 * Adds the REST API of storehouse 1.3.2: its paths, bodies and codes, without its bugs. In addition, an ETag
 * names the epoch and revision of a box, and If-Match guards an update or a deletion. A POST never replaces a
 * box. Query parameters are ignored, as there.
 */
export function addStorehouseRoutes(app: FastifyInstance, send: SendCommand, log: Log): void {
  const create = createBox(send)
  const backup = backUp(send, log)
  const handlers = boxHandlers(send, ({ params }) => params)
  // As in storehouse, boxes of a namespace "backup" can be changed but not read at these paths, because GET
  // returns backups here.
  const ofBackup = boxHandlers(send, ({ params }) => ({ namespace: BACKUP, box_id: params.namespace }))

  // A scope of its own, whose errors also have the texts of storehouse.
  app.register(async scope => {
    scope.setErrorHandler((error, request, reply) => replyStorehouseProblem(error, request, reply, log))
    route(scope, STOREHOUSE_ROUTES.boxes, { GET: listBoxes(send), POST: create })
    route(scope, STOREHOUSE_ROUTES.box, handlers)
    route(scope, STOREHOUSE_ROUTES.search, { GET: search(send) })
    route(scope, STOREHOUSE_ROUTES.backups, { ...ofBackup, GET: backup })
    route(scope, STOREHOUSE_ROUTES.backup, { GET: backup })
    route(scope, STOREHOUSE_ROUTES.newBox, { POST: create })
    route(scope, STOREHOUSE_ROUTES.newNamedBox, { POST: create })
  })
}

function listBoxes(send: SendCommand): RouteHandler {
  return async (request, reply) =>
    print(reply, await send(request, 'kytos.storehouse.list', { namespace: request.params.namespace }))
}

function createBox(send: SendCommand): RouteHandler {
  return async (request, reply) => {
    const { namespace, box_id } = request.params
    // The shorter path has no box_id, in spite of the type.
    const given = box_id === undefined ? {} : { box_id }
    const box = await send(request, 'kytos.storehouse.create', {
      namespace,
      data: readBody(request),
      ...given,
    })
    reply
      .code(201)
      .header('location', `${V1}/${encodeURIComponent(box.namespace)}/${encodeURIComponent(box.box_id)}`)
    // The tag is that of the created box, not of this body.
    reply.header('etag', etagOf(printJson(box.data), box))
    return print(reply, { response: 'Box created.', id: box.box_id })
  }
}

function boxHandlers(send: SendCommand, nameOf: (request: RouteRequest) => BoxName) {
  const update =
    (method: 'PUT' | 'PATCH'): RouteHandler =>
    async (request, reply) => {
      const { namespace, box_id } = nameOf(request)
      const data = readBody(request)
      const revision = readIfMatch(request)
      const guard = revision === undefined ? {} : { revision }
      const box = await send(request, 'kytos.storehouse.update', {
        namespace,
        box_id,
        method,
        data,
        ...guard,
      })
      return tag(reply, box)
    }

  return {
    GET: async (request, reply) => {
      const { namespace, box_id } = nameOf(request)
      const box = await send(request, 'kytos.storehouse.retrieve', { namespace, box_id })
      if (!box)
        throw boxNotFound(`The box ${JSON.stringify(box_id)} does not exist in ${JSON.stringify(namespace)}.`)
      return tag(reply, box, storedText(box))
    },
    PUT: update('PUT'),
    PATCH: update('PATCH'),
    DELETE: async (request, reply) => {
      const { namespace, box_id } = nameOf(request)
      const revision = readIfMatch(request)
      const guard = revision === undefined ? {} : { revision }
      const isDeleted = await send(request, 'kytos.storehouse.delete', { namespace, box_id, ...guard })
      if (!isDeleted)
        throw boxNotFound(`The box ${JSON.stringify(box_id)} does not exist in ${JSON.stringify(namespace)}.`)
      return print(reply, { response: 'Box deleted' })
    },
  } satisfies Record<string, RouteHandler>
}

function search(send: SendCommand): RouteHandler {
  return async (request, reply) => {
    const { namespace, option, query } = request.params
    const ids = await send(request, 'kytos.storehouse.list', { namespace })
    const found = await searchBoxes(ids, retrieveAs(send, request), option, query)
    // The compiler does not treat an interface with plain members as JSON.
    if (found.length > 0) return print(reply, found as unknown as Json)
    throw boxNotFound(
      `No box in ${JSON.stringify(namespace)} has ${JSON.stringify(query)} in ${option}. A search supports box_id, owner and created_at.`,
      `${option} not found`,
    )
  }
}

function backUp(send: SendCommand, log: Log): RouteHandler {
  return async (request, reply) => {
    const { namespace, box_id } = request.params
    const retrieve = retrieveAs(send, request)
    // A path without a box has no such parameter, in spite of the type.
    const ids = box_id === undefined ? await send(request, 'kytos.storehouse.list', { namespace }) : [box_id]
    if (ids.length === 0 || (box_id !== undefined && !(await retrieve(box_id))))
      throw boxNotFound(`No box exists to back up at ${request.url}.`)
    // Streamed, because a namespace may exceed the memory. A failure closes the connection, so that no part
    // passes for the whole.
    const pieces = Readable.from(printBackup(ids, retrieve))
    pieces.once('error', error =>
      log.error(`The backup of ${JSON.stringify(namespace)} was aborted: ${error.message}`),
    )
    return reply.type(JSON_TYPE).send(pieces)
  }
}

function retrieveAs(send: SendCommand, request: RouteRequest): RetrieveBox {
  return box_id => send(request, 'kytos.storehouse.retrieve', { namespace: request.params.namespace, box_id })
}

/** Prints a reply as JSON here, because fastify sends a string as it is. */
function print(reply: FastifyReply, value: Json): string {
  reply.type(JSON_TYPE)
  return printJson(value)
}

/** The data of a box as the body of an answer, with its ETag. */
function tag(reply: FastifyReply, box: Box, text = printJson(box.data)): string {
  return tagged(reply, text, box)
}

function boxNotFound(message: string, response?: string): SettingsError {
  return new SettingsError('BOX_NOT_FOUND', message, { details: response === undefined ? {} : { response } })
}
