import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MESSAGE_BYTES, messageBytes } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import type { PathParameters } from '../openapi/openapi-parameters.ts'
import type { Method, Operation, Route } from '../openapi/operation.ts'
import { API } from '../openapi/paths.ts'
import type { ServedPaths } from './served-paths.ts'

const METHODS: readonly Method[] = ['GET', 'PUT', 'PATCH', 'DELETE', 'POST']
/** Other methods of fastify, without a handler here. */
const OTHER_METHODS = ['OPTIONS', 'TRACE', 'QUERY'] as const

export type RouteRequest = FastifyRequest<{ Params: PathParameters }>
/** Handles one request: its result is printed as JSON, its error becomes a problem. */
export type RouteHandler = (request: RouteRequest, reply: FastifyReply) => unknown
/** The handler of each method that the table of routes has for a path. */
export type RouteHandlers<Defined extends Route> = {
  readonly [M in Extract<keyof Defined, Method>]: RouteHandler
}

/** Adds the routes of a path of the table; another method gets 405 with the allowed methods. */
export function route<Defined extends Route>(
  app: FastifyInstance,
  definition: Defined,
  handlers: RouteHandlers<Defined>,
): void {
  const operations: Route = definition
  const handlerOf: Readonly<Partial<Record<Method, RouteHandler>>> = handlers
  const url = definition.path
  const hasHead = !operations.GET?.endless
  const allowed = [
    ...(hasHead && handlerOf.GET ? ['HEAD'] : []),
    ...METHODS.filter(method => handlerOf[method]),
  ]
  const rejectAll = (method: string): void =>
    void app.route({ method, url, onRequest: rejectMethod(allowed), handler: rejectMethod(allowed) })
  for (const method of METHODS) {
    const [handler, operation] = [handlerOf[method], operations[method]]
    if (handler && operation) {
      app.route<{ Params: PathParameters }>({
        method,
        url,
        exposeHeadRoute: hasHead,
        config: { operation },
        bodyLimit: Math.max(...(operation.commands ?? []).map(messageBytes), MESSAGE_BYTES),
        handler: async (request, reply) => handler(request, reply),
      })
    } else if (!definition.shared) rejectAll(method)
  }
  if (definition.shared) return
  for (const method of OTHER_METHODS) rejectAll(method)
  if (!hasHead) rejectAll('HEAD')
}

/** The operation of a request in the table of routes. */
export function operationOf({ routeOptions, method, url }: FastifyRequest): Operation {
  const { operation } = routeOptions.config
  if (operation) return operation
  throw new SettingsError('INTERNAL_ERROR', `${method} ${url} is not in the table of routes.`)
}

/**
 * Rejects an unknown path, or an unknown method of a known one, before its body is read.
 * @throws SettingsError ROUTE_NOT_FOUND, with the nearest known path; METHOD_NOT_ALLOWED.
 */
export async function rejectRoute(
  request: FastifyRequest,
  reply: FastifyReply,
  served: ServedPaths,
  urls: readonly string[],
): Promise<never> {
  const allowed = served.methodsAt(request.url)
  if (allowed.length > 0) return rejectMethod(allowed)(request, reply)
  const path = request.url.split('?')[0]?.slice(0, 200) ?? ''
  const close = nearest(path, urls)
  const hint = close
    ? `the nearest is ${close}`
    : path.startsWith(`${API}/`)
      ? `the settings of a NApp are at ${API}/<username>/<name>`
      : `the API begins at ${API}/`
  throw new SettingsError('ROUTE_NOT_FOUND', `No resource exists at ${request.method} ${path}: ${hint}.`, {
    details: { got: path, ...(close && { nearest: close }) },
  })
}

/** Rejects a method before the body is read. */
function rejectMethod(allowed: readonly string[]) {
  return async ({ method }: { readonly method: string }, reply: FastifyReply): Promise<never> => {
    reply.header('allow', allowed.join(', '))
    throw new SettingsError(
      'METHOD_NOT_ALLOWED',
      `${method} is not allowed here; allowed: ${allowed.join(', ')}.`,
      {
        details: { got: method, allowed },
      },
    )
  }
}
