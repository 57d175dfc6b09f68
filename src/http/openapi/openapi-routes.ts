import type { CommandName } from '../../../events/map.ts'
import {
  FILES_BODY,
  LETTERS_BODY,
  OBJECT_BODY,
  PATCH_BODY,
  TOKEN_BODY,
  TRANSACTION_BODY,
} from './openapi-bodies.ts'
import { listOf, objectOf, ref } from './openapi-nouns.ts'
import type { Operation, Route, Success } from './operation.ts'
import { API } from './paths.ts'

/*
 * Every route but storehouse's (openapi-storehouse.ts): what its code may read of a request, which commands
 * it says, and what it answers. route() takes a handler for each method here and for no other; Query,
 * headers.ts and bodies.ts read what is named here; the OpenAPI document is printed from it.
 */

const NAMESPACE = `${API}/:username/:name`
const IDS = listOf({ type: 'string' })

const ok = (noun: string, description = `The ${noun}.`): Operation['success'] => ({
  200: { description, schema: ref(noun) },
})
const list = (noun: string, description: string): Operation['success'] => ({
  200: { description, schema: listOf(ref(noun)) },
})
const SETTINGS: Success = {
  description: 'The settings as they are now.',
  schema: ref('Settings'),
  headers: ['ETag'],
}

const change = (name: CommandName, operation: Pick<Operation, 'summary' | 'body'>): Operation => ({
  says: [name],
  query: ['scope', 'dry_run'],
  headers: ['If-Match', 'X-Comment'],
  // The method of the request is the one of the command.
  excludes: name === 'kytos.settings.update' ? ['METHOD_NOT_FOUND'] : [],
  success: { 200: SETTINGS },
  ...operation,
})

export const ROUTES = {
  namespaces: {
    path: `${API}/`,
    GET: {
      summary: 'All namespaces that have settings or a schema.',
      says: ['kytos.settings.list'],
      query: ['prefix'],
      excludes: ['SCOPE_MALFORMED'],
      success: list('Summary', 'Their summaries.'),
    },
  },
  settings: {
    path: NAMESPACE,
    GET: {
      summary: 'The settings of a NApp.',
      says: ['kytos.settings.retrieve'],
      query: ['explain', 'fresh', 'scope'],
      success: { 200: SETTINGS },
    },
    PUT: {
      ...change('kytos.settings.update', {
        summary: 'Replaces the overrides; with If-None-Match creates them.',
        body: OBJECT_BODY,
      }),
      says: ['kytos.settings.update', 'kytos.settings.create'],
      headers: ['If-Match', 'If-None-Match', 'X-Comment'],
      success: {
        200: SETTINGS,
        201: { ...SETTINGS, description: 'The settings, created.', headers: ['ETag', 'Location'] },
      },
    },
    PATCH: change('kytos.settings.update', {
      summary: 'Changes the overrides: JSON Merge Patch (RFC 7396) or JSON Patch (RFC 6902).',
      body: PATCH_BODY,
    }),
    DELETE: {
      ...change('kytos.settings.delete', { summary: 'Drops the overrides; what lies under them shows.' }),
      query: ['scope'],
    },
  },
  transaction: {
    path: `${API}/transaction`,
    POST: {
      summary: 'Several changes, all of them or none.',
      says: ['kytos.settings.transaction'],
      query: ['dry_run'],
      headers: ['X-Comment'],
      body: TRANSACTION_BODY,
      success: ok('TransactionResult', 'What it left.'),
    },
  },
  schema: {
    path: `${NAMESPACE}/schema`,
    GET: {
      summary: 'The JSON Schema in use.',
      says: ['kytos.settings.describe'],
      query: [],
      excludes: ['SCOPE_MALFORMED'],
      success: ok('Description'),
    },
    PUT: {
      summary: 'Registers a JSON Schema.',
      says: ['kytos.settings.register'],
      query: ['napp_version'],
      excludes: ['SCOPE_MALFORMED'],
      body: OBJECT_BODY,
      success: { 200: SETTINGS },
    },
  },
  history: {
    path: `${NAMESPACE}/history`,
    GET: {
      summary: 'Who changed what, newest first.',
      says: ['kytos.settings.history'],
      query: ['limit', 'scope'],
      excludes: ['VERSION_NOT_FOUND'],
      success: list('HistoryRecord', 'The records that are kept.'),
    },
  },
  version: {
    path: `${NAMESPACE}/history/:version`,
    GET: {
      summary: 'One version of the overrides.',
      says: ['kytos.settings.history'],
      query: ['scope'],
      success: ok('HistoryRecord'),
    },
  },
  status: {
    path: `${API}/status`,
    GET: {
      summary: 'How the service and its store are, and which readable files do not show their documents.',
      says: ['kytos.settings.status'],
      query: [],
      excludes: ['SCOPE_MALFORMED', 'NAMESPACE_MALFORMED', 'BOX_MALFORMED', 'NAMESPACE_NOT_FOUND'],
      success: ok('Status'),
    },
  },
  namespaceStatus: {
    path: `${NAMESPACE}/status`,
    GET: {
      summary: 'The same, with the files of one NApp.',
      says: ['kytos.settings.status'],
      query: [],
      excludes: ['SCOPE_MALFORMED', 'BOX_MALFORMED'],
      success: ok('Status'),
    },
  },
  controllers: {
    path: `${API}/controllers`,
    GET: {
      summary: 'The controller that answers, and every controller that has overrides of its own.',
      says: ['kytos.settings.controllers'],
      query: [],
      excludes: ['SCOPE_MALFORMED'],
      success: ok('Controllers', 'The controllers, with the namespaces of their overrides.'),
    },
  },
  restoreFiles: {
    path: `${API}/files/restore`,
    // It could also be the id of a NApp, which takes no POST.
    shared: true,
    POST: {
      summary: 'Writes missing readable files again: all of them, or those of one namespace.',
      says: ['kytos.settings.restore_files'],
      query: [],
      body: FILES_BODY,
      success: ok('RestoredFiles', 'The documents whose files were missing and are there again.'),
    },
  },
  events: {
    path: `${API}/events`,
    GET: {
      summary: 'Facts as they happen: Server-Sent Events.',
      query: ['since', 'namespace'],
      headers: ['Last-Event-ID'],
      success: {
        200: {
          description: 'A stream; each event has the name of a fact, its cursor as id, a KytosEvent as data.',
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
      summary: 'The bus for other processes: a WebSocket. docs/bus.md describes its frames.',
      query: [],
      success: { 101: { description: 'The line is a WebSocket from here on.', type: null } },
      errors: ['UPGRADE_REQUIRED', 'CONTENT_MALFORMED'],
      endless: true,
    },
  },
  deadLetters: {
    path: `${API}/dead_letter`,
    GET: {
      summary: 'Events that listeners failed on, oldest first.',
      query: ['event_name', 'limit'],
      success: list('DeadLetter', 'The newest so many.'),
    },
    PATCH: {
      summary: 'Hands them to the listeners that failed, again.',
      query: [],
      body: LETTERS_BODY,
      success: {
        200: {
          description: 'What was handed out, and what was not.',
          schema: objectOf({
            reinjected: IDS,
            kept: listOf(objectOf({ id: { type: 'string' }, reason: { type: 'string' } })),
          }),
        },
      },
      errors: ['DEAD_LETTER_NOT_FOUND'],
    },
    DELETE: {
      summary: 'Drops them.',
      query: [],
      body: LETTERS_BODY,
      success: { 200: { description: 'What was dropped.', schema: objectOf({ dropped: IDS }) } },
      errors: ['DEAD_LETTER_NOT_FOUND'],
    },
  },
  tokens: {
    path: `${API}/token`,
    GET: {
      summary: 'All tokens, without their texts.',
      query: [],
      success: list('Token', 'The tokens.'),
      errors: ['STORE_UNREACHABLE'],
    },
    POST: {
      summary: 'A new token.',
      query: [],
      body: TOKEN_BODY,
      success: { 201: { description: 'The token, whose text is not shown again.', schema: ref('NewToken') } },
      errors: ['STORE_UNREACHABLE', 'STORE_FULL', 'STORE_UNWRITABLE', 'CONTENTION', 'OUTCOME_UNKNOWN'],
    },
    DELETE: {
      summary: 'Revokes a token.',
      query: ['id'],
      success: { 204: { description: 'It is good for nothing any more.', type: null } },
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
    GET: { summary: 'Whether the process answers.', success: ok('Health', 'It does.') },
  },
  ready: {
    path: '/readyz',
    GET: {
      summary: 'Whether there are settings to read.',
      success: {
        ...ok('Health', 'There are.'),
        503: { description: 'There are none yet.', schema: ref('Health') },
      },
    },
  },
  metrics: {
    path: '/metrics',
    GET: {
      summary: 'What is measured, as Prometheus scrapes it.',
      success: { 200: { description: 'The metrics.', type: 'text/plain' } },
    },
  },
  openapi: {
    path: '/api/kytos/settings/openapi.json',
    GET: {
      summary: 'This document.',
      success: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    },
  },
} satisfies Readonly<Record<string, Route>>
