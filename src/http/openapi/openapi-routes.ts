import { LETTERS_BODY, TOKEN_BODY } from './openapi-bodies.ts'
import { listOf, objectOf, success, successList } from './openapi-nouns.ts'
import { JSON_OBJECT, ref } from './openapi-schema.ts'
import { SETTINGS_ROUTES } from './openapi-settings.ts'
import type { Route } from './operation.ts'
import { API } from './paths.ts'

/*
 * The table of routes, except those of storehouse (openapi-storehouse.ts): for each method the parts of a
 * request that it reads, the commands that it sends, and its responses. route() accepts exactly one handler
 * for each method of the table. Query, headers.ts and bodies.ts read only the parts that it names, and the
 * OpenAPI document is printed from it.
 */

const IDS = listOf({ type: 'string' })

export const ROUTES = {
  ...SETTINGS_ROUTES,
  events: {
    path: `${API}/events`,
    GET: {
      summary: 'Streams facts as Server-Sent Events.',
      query: ['since', 'namespace'],
      headers: ['Last-Event-ID'],
      success: {
        200: {
          description:
            'A stream. Each event has the name of a fact, its cursor as id and a KytosEvent as data.',
          type: 'text/event-stream',
        },
      },
      errors: ['CURSOR_MALFORMED'],
      endless: true,
    },
  },
  bus: {
    path: `${API}/bus`,
    GET: {
      summary: 'Opens a WebSocket to the bus for another process. docs/bus.md describes its frames.',
      query: [],
      success: { 101: { description: 'The connection is now a WebSocket.', type: null } },
      errors: ['UPGRADE_REQUIRED', 'CONTENT_MALFORMED'],
      endless: true,
    },
  },
  deadLetters: {
    path: `${API}/dead_letter`,
    GET: {
      summary: 'Lists the events whose listener failed, oldest first.',
      query: ['event_name', 'limit'],
      success: successList('DeadLetter', 'The newest dead letters, up to the limit.'),
    },
    PATCH: {
      summary: 'Redelivers dead letters to the listeners that failed.',
      query: [],
      body: LETTERS_BODY,
      success: {
        200: {
          description: 'The ids of the redelivered dead letters, and the kept ones with the reason.',
          schema: objectOf({
            reinjected: IDS,
            kept: listOf(objectOf({ id: { type: 'string' }, reason: { type: 'string' } })),
          }),
        },
      },
      errors: ['DEAD_LETTER_NOT_FOUND'],
    },
    DELETE: {
      summary: 'Drops dead letters.',
      query: [],
      body: LETTERS_BODY,
      success: {
        200: { description: 'The ids of the dropped dead letters.', schema: objectOf({ dropped: IDS }) },
      },
      errors: ['DEAD_LETTER_NOT_FOUND'],
    },
  },
  tokens: {
    path: `${API}/token`,
    GET: {
      summary: 'Lists all tokens, without their texts.',
      query: [],
      success: successList('Token', 'The tokens.'),
      errors: ['STORE_UNREACHABLE'],
    },
    POST: {
      summary: 'Creates a token.',
      query: [],
      body: TOKEN_BODY,
      success: {
        201: { description: 'The token. Its text is shown only once.', schema: ref('NewToken') },
      },
      errors: ['STORE_UNREACHABLE', 'STORE_FULL', 'STORE_UNWRITABLE', 'CONTENTION', 'OUTCOME_UNKNOWN'],
    },
    DELETE: {
      summary: 'Revokes a token.',
      query: ['id'],
      success: { 204: { description: 'The token is revoked.', type: null } },
      errors: [
        'TOKEN_NOT_FOUND',
        'STORE_UNREACHABLE',
        'STORE_FULL',
        'STORE_UNWRITABLE',
        'CONTENTION',
        'OUTCOME_UNKNOWN',
      ],
    },
  },
  alive: {
    path: '/healthz',
    GET: {
      summary: 'Reports that the process answers.',
      success: success('Health', 'The process answers.'),
    },
  },
  ready: {
    path: '/readyz',
    GET: {
      summary: 'Reports whether settings can be read.',
      success: {
        ...success('Health', 'Settings can be read.'),
        503: { description: 'Settings cannot be read yet.', schema: ref('Health') },
      },
    },
  },
  metrics: {
    path: '/metrics',
    GET: {
      summary: 'Returns the metrics in the text format of Prometheus.',
      success: { 200: { description: 'The metrics.', type: 'text/plain' } },
    },
  },
  openapi: {
    path: '/api/kytos/settings/openapi.json',
    GET: {
      summary: 'Returns this document.',
      success: { 200: { description: 'The OpenAPI 3.1 document.', schema: JSON_OBJECT } },
    },
  },
} satisfies Readonly<Record<string, Route>>
