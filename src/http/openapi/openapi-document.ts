import { permissionForRoute } from './needs.ts'
import { refusalsOf } from './openapi-errors.ts'
import { NOUNS, ref } from './openapi-nouns.ts'
import { HEADERS, PATH, type Parameter, QUERY } from './openapi-parameters.ts'
import type { Schema } from './openapi-schema.ts'
import type { Method, Operation, Success } from './operation.ts'

/** A method of a path that is served, as fastify writes it. */
export interface Served {
  readonly method: Method
  readonly path: string
  readonly operation: Operation
}

const ANSWER_HEADERS = {
  ETag: { description: 'The revision, in quotes.', schema: { type: 'string', pattern: String.raw`^"\d+"$` } },
  Location: { description: 'Where it is from now on.', schema: { type: 'string' } },
  Upgrade: { description: 'What to ask for.', schema: { const: 'websocket' } },
  'Retry-After': {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', minimum: 0 },
  },
  'WWW-Authenticate': { description: 'RFC 6750.', schema: { type: 'string' } },
} as const
/** What goes with a refusal, by status. */
const REFUSAL_HEADERS: Readonly<Record<number, readonly (keyof typeof ANSWER_HEADERS)[]>> = {
  401: ['WWW-Authenticate'],
  426: ['Upgrade'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Readonly<Record<string, unknown>>
}

/** The OpenAPI 3.1 document of what is served. */
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
      description:
        'Paths may end in "/" or not. HEAD is understood wherever GET is, but for /events and /bus. Integers are exact, whatever their size.',
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: NOUNS, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  }
}

function describe({ method, path, operation }: Served): Schema {
  const right = permissionForRoute(method, path, operation.says)
  const { summary, query = [], headers = [], body } = operation
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as keyof typeof PATH) // The table of routes has no others.
  return {
    operationId: `${method.toLowerCase()} ${path}`.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, ''),
    summary,
    ...(right === 'open'
      ? { security: [] }
      : { description: `Takes the right "${right}".`, security: [{}, { token: [] }] }),
    parameters: [
      ...names.map(name => ({ name, in: 'path', ...PATH[name], required: true })),
      ...query.map(name => describeParameter(name, 'query', QUERY[name])),
      ...headers.map(name => describeParameter(name, 'header', HEADERS[name])),
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
  for (const [status, codes] of refusalsOf(method, path, operation)) {
    // Only /readyz has something to say with a 503 that is no refusal.
    const { description, content } = responses[status] ?? {}
    responses[status] = {
      description: [description, codes.join(', ')].filter(Boolean).join(' Or: '),
      ...describeHeaders(REFUSAL_HEADERS[status] ?? []),
      content: {
        ...content,
        'application/problem+json': {
          schema: { allOf: [ref('Problem')], properties: { code: { enum: codes } } },
        },
      },
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
