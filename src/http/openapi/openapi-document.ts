import { errorCodesOf } from './openapi-errors.ts'
import { NOUNS } from './openapi-nouns.ts'
import { HEADERS, PATH, type Parameter, QUERY } from './openapi-parameters.ts'
import { ref, type Schema, textOf } from './openapi-schema.ts'
import type { Method, Operation, Success } from './operation.ts'
import { operationIdOf, tagOf } from './operation-names.ts'
import { isForLimited, permissionForRoute } from './route-permissions.ts'

/** A method of a path that the server has, in the notation of fastify. */
export interface Served {
  readonly method: Method
  readonly path: string
  readonly operation: Operation
}

const ANSWER_HEADERS = {
  ETag: {
    description:
      'For If-None-Match as a whole; for If-Match the part before "-", the epoch and revision. A list has the digest only.',
    schema: { type: 'string', pattern: String.raw`^"(\d+(\.\d+)?-)?[0-9a-f]{24}"$` },
  },
  Location: { description: 'The path of the new resource.', schema: { type: 'string' } },
  Upgrade: { description: 'The protocol that the request must name.', schema: textOf('websocket') },
  'Retry-After': {
    description: 'Seconds after which the request may be retried.',
    schema: { type: 'integer', minimum: 0 },
  },
  'WWW-Authenticate': { description: 'The challenge of RFC 6750.', schema: { type: 'string' } },
} as const
/** If-None-Match of a GET. */
const CACHED_TAGS: Parameter = {
  description: 'ETags of answers that the client has, or `*`: 304 if the answer is one of them.',
  schema: { type: 'string' },
}
/** The headers of an error response, by status. */
const ERROR_HEADERS: Readonly<Record<number, readonly (keyof typeof ANSWER_HEADERS)[]>> = {
  401: ['WWW-Authenticate'],
  426: ['Upgrade'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Readonly<Record<string, unknown>>
  /**
   * The codes of a problem. An extension, because a schema with them would be another type for each error of
   * each operation in a generated client.
   */
  readonly 'x-codes'?: readonly string[]
}

/** The OpenAPI 3.1 document of the served methods. */
export function describeApi(served: readonly Served[]): Schema {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const one of served) {
    const path = one.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: describe(one) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kytos Settings',
      version: '1',
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'A "/" at the end of a path is optional. HEAD is supported wherever GET is, except /events and /bus. Integers of any size are exact.',
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: NOUNS, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  }
}

function describe({ method, path, operation }: Served): Schema {
  const permission = permissionForRoute(method, path, operation.commands)
  const { summary, query = [], headers = [], body } = operation
  const unlimited = isForLimited(path, operation) ? '' : ' of a token without limits'
  // The table of routes has no other parameters.
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as keyof typeof PATH)
  return {
    operationId: operationIdOf(method, path),
    tags: [tagOf(path)],
    summary,
    ...(permission === 'open'
      ? { security: [] }
      : {
          description: `Requires the permission "${permission}"${unlimited}.`,
          security: [{}, { token: [] }],
        }),
    parameters: [
      ...names.map(name => ({ name, in: 'path', ...PATH[name], required: true })),
      ...query.map(name => describeParameter(name, 'query', QUERY[name])),
      ...headers.map(name => describeParameter(name, 'header', HEADERS[name])),
      ...(operation.tagged ? [describeParameter('If-None-Match', 'header', CACHED_TAGS)] : []),
    ],
    ...(body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(Object.entries(body).map(([type, schema]) => [type, { schema }])),
      },
    }),
    responses: describeResponses(method, path, operation),
  }
}

function describeParameter(name: string, where: string, parameter: Parameter): Schema {
  return { name, in: where, ...parameter }
}

function describeResponses(
  method: Method,
  path: string,
  operation: Operation,
): Readonly<Record<number, Response>> {
  const responses: Record<number, Response> = {}
  for (const [status, success] of Object.entries(operation.success))
    responses[Number(status)] = describeSuccess(success)
  if (operation.tagged)
    responses[304] = { description: 'If-None-Match names the current ETag.', ...describeHeaders(['ETag']) }
  for (const [status, codes] of errorCodesOf(method, path, operation)) {
    // Only /readyz has a success response with the status of an error, 503.
    const { description, content } = responses[status] ?? {}
    responses[status] = {
      description: [description, codes.join(', ')].filter(Boolean).join(' Or: '),
      ...describeHeaders(ERROR_HEADERS[status] ?? []),
      content: { ...content, 'application/problem+json': { schema: ref('Problem') } },
      'x-codes': codes,
    }
  }
  return responses
}

function describeSuccess({
  description,
  type = 'application/json',
  schema,
  headers = [],
}: Success): Response {
  return {
    description,
    ...describeHeaders(headers),
    ...(type !== null && { content: { [type]: { ...(schema !== undefined && { schema }) } } }),
  }
}

function describeHeaders(names: readonly (keyof typeof ANSWER_HEADERS)[]): Pick<Response, 'headers'> {
  return names.length === 0
    ? {}
    : { headers: Object.fromEntries(names.map(name => [name, ANSWER_HEADERS[name]])) }
}
