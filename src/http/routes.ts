import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SettingsError } from '../../model/errors.ts'
import { nearest } from '../nearest.ts'

export const API = '/api/kytos/settings/v1'

const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'POST', 'OPTIONS'] as const
type Method = (typeof METHODS)[number]

/** What the parameters in a path are called, wherever they stand. */
export interface PathParameters {
  readonly username: string
  readonly name: string
  readonly version: string
  readonly namespace: string
  readonly box_id: string
  readonly option: string
  readonly query: string
}

export type Request = FastifyRequest<{ Params: PathParameters }>
/** Answers one request: what it gives is printed as JSON, what it throws becomes a problem. */
export type Answer = (request: Request, reply: FastifyReply) => unknown

export interface RouteOptions {
  /** False where the answer never ends and HEAD would wait for it. */
  readonly head?: boolean
}

/** One path and what answers each method there; any other method gets 405 and hears which there are. */
export function route(
  app: FastifyInstance,
  url: string,
  answers: Readonly<Partial<Record<Method, Answer>>>,
  { head = true }: RouteOptions = {},
): void {
  const allowed = [...(head && answers.GET ? ['HEAD'] : []), ...Object.keys(answers)]
  for (const method of METHODS) {
    const answer = answers[method]
    if (answer)
      app.route<{ Params: PathParameters }>({ method, url, exposeHeadRoute: head, handler: async (request, reply) => answer(request, reply) })
    else app.route({ method, url, onRequest: refuse(allowed), handler: refuse(allowed) })
  }
  if (!head) app.route({ method: 'HEAD', url, onRequest: refuse(allowed), handler: refuse(allowed) })
}

/** Answers a path that there is not. @throws SettingsError ROUTE_UNKNOWN, with a hint at what was probably meant. */
export function refuseRoute(request: FastifyRequest, urls: readonly string[]): never {
  const path = request.url.split('?')[0]?.slice(0, 200) ?? ''
  const close = nearest(path, urls)
  const hint = close
    ? `the nearest is ${close}`
    : path.startsWith(`${API}/`)
      ? `the settings of a NApp are at ${API}/<username>/<name>`
      : `the API begins at ${API}/`
  throw new SettingsError('ROUTE_UNKNOWN', `There is nothing at ${request.method} ${path}: ${hint}.`, {
    details: { got: path, ...(close && { nearest: close }) },
  })
}

/** Refuses before a body is read. */
function refuse(allowed: readonly string[]) {
  return async ({ method }: { readonly method: string }, reply: FastifyReply): Promise<never> => {
    reply.header('allow', allowed.join(', '))
    throw new SettingsError('METHOD_REFUSED', `${method} is not understood here; there is ${allowed.join(', ')}.`, {
      details: { got: method, allowed },
    })
  }
}
