import type { CommandName } from '../../../events/map.ts'
import {
  FILES_BODY,
  OBJECT_BODY,
  PATCH_BODY,
  ROLLBACK_BODY,
  ROLLBACK_TRANSACTION_BODY,
  TRANSACTION_BODY,
} from './openapi-bodies.ts'
import { success, successList } from './openapi-nouns.ts'
import { ref } from './openapi-schema.ts'
import type { Operation, Route, Success } from './operation.ts'
import { API } from './paths.ts'

/* The routes of settings, schemas, history, status and readable files. */

const NAMESPACE = `${API}/:username/:name`

const SETTINGS: Success = {
  description: 'The current settings.',
  schema: ref('Settings'),
  headers: ['ETag'],
}

const change = (name: CommandName, operation: Pick<Operation, 'summary' | 'body'>): Operation => ({
  commands: [name],
  query: ['scope', 'dry_run', 'confirm_within'],
  headers: ['If-Match', 'X-Comment'],
  // The handler selects the method of the command, so an unknown one is impossible.
  excludes: name === 'kytos.settings.update' ? ['METHOD_NOT_FOUND'] : [],
  success: { 200: SETTINGS },
  ...operation,
})

const end = (name: CommandName, verb: string): Operation => ({
  summary: `${verb} the change that waits for its confirmation, for all its documents.`,
  commands: [name],
  query: ['scope'],
  headers: ['X-Comment'],
  success: success('EndedPending', 'The end of the confirmed commit.'),
})

export const SETTINGS_ROUTES = {
  namespaces: {
    path: API,
    GET: {
      summary: 'Lists the namespaces that have settings or a schema.',
      commands: ['kytos.settings.list'],
      query: ['prefix', 'include'],
      excludes: ['SCOPE_MALFORMED'],
      tagged: true,
      success: successList('Summary', 'The summaries of the namespaces.', ['ETag']),
    },
  },
  settings: {
    path: NAMESPACE,
    GET: {
      summary: 'Returns the settings of a NApp.',
      commands: ['kytos.settings.retrieve'],
      query: ['explain', 'fresh', 'scope'],
      tagged: true,
      success: { 200: SETTINGS },
    },
    PUT: {
      ...change('kytos.settings.update', {
        summary: 'Replaces the overrides; creates them with If-None-Match.',
        body: OBJECT_BODY,
      }),
      commands: ['kytos.settings.update', 'kytos.settings.create'],
      headers: ['If-Match', 'If-None-Match', 'X-Comment'],
      success: {
        200: SETTINGS,
        201: { ...SETTINGS, description: 'The created settings.', headers: ['ETag', 'Location'] },
      },
    },
    PATCH: change('kytos.settings.update', {
      summary: 'Changes the overrides: JSON Merge Patch (RFC 7396) or JSON Patch (RFC 6902).',
      body: PATCH_BODY,
    }),
    DELETE: {
      ...change('kytos.settings.delete', {
        summary: 'Deletes the overrides, so that the values of the layers below apply.',
      }),
      query: ['scope', 'confirm_within'],
    },
  },
  transaction: {
    path: `${API}/transaction`,
    POST: {
      summary: 'Applies several changes: all of them or none.',
      commands: ['kytos.settings.transaction'],
      query: ['dry_run', 'confirm_within'],
      headers: ['X-Comment'],
      body: TRANSACTION_BODY,
      success: success('TransactionResult', 'The settings after the transaction.'),
    },
  },
  confirm: { path: `${NAMESPACE}/confirm`, POST: end('kytos.settings.confirm', 'Confirms') },
  cancel: { path: `${NAMESPACE}/cancel`, POST: end('kytos.settings.cancel', 'Cancels') },
  reseal: {
    path: `${NAMESPACE}/reseal`,
    POST: {
      summary: 'Seals the secrets of a NApp and of their history with the newest key.',
      commands: ['kytos.settings.reseal'],
      query: ['scope'],
      success: success('ResealResult', 'The numbers of what was sealed.'),
    },
  },
  schema: {
    path: `${NAMESPACE}/schema`,
    GET: {
      summary: 'Returns the JSON Schema in use.',
      commands: ['kytos.settings.describe'],
      query: [],
      excludes: ['SCOPE_MALFORMED'],
      tagged: true,
      success: { 200: { description: 'The Description.', schema: ref('Description'), headers: ['ETag'] } },
    },
    PUT: {
      summary: 'Registers a JSON Schema.',
      commands: ['kytos.settings.register'],
      query: ['napp_version'],
      excludes: ['SCOPE_MALFORMED'],
      body: OBJECT_BODY,
      success: { 200: SETTINGS },
    },
    DELETE: {
      summary: 'Removes stored schemas.',
      commands: ['kytos.settings.remove_schema'],
      query: ['digest', 'force'],
      excludes: ['SCOPE_MALFORMED'],
      headers: ['X-Comment'],
      success: success('RemovedSchemas', 'The digests of the removed schemas.'),
    },
  },
  history: {
    path: `${NAMESPACE}/history`,
    GET: {
      summary: 'Lists the changes of the overrides with their authors, newest first.',
      commands: ['kytos.settings.history'],
      query: ['limit', 'scope'],
      excludes: ['VERSION_NOT_FOUND'],
      success: successList('HistoryRecord', 'The kept records.'),
    },
  },
  version: {
    path: `${NAMESPACE}/history/:version`,
    GET: {
      summary: 'Returns one version of the overrides.',
      commands: ['kytos.settings.history'],
      query: ['scope'],
      success: success('HistoryRecord'),
    },
  },
  asOf: {
    path: `${API}/as_of`,
    GET: {
      summary: 'Returns all overrides as they were at a time.',
      commands: ['kytos.settings.as_of'],
      query: ['at'],
      excludes: ['SCOPE_MALFORMED', 'NAMESPACE_MALFORMED', 'NAMESPACE_NOT_FOUND'],
      success: success('AsOf', 'The overrides of every document.'),
    },
  },
  namespaceAsOf: {
    path: `${NAMESPACE}/as_of`,
    GET: {
      summary: 'Returns the overrides of a NApp as they were at a time.',
      commands: ['kytos.settings.as_of'],
      query: ['at', 'scope'],
      success: success('AsOf', 'The overrides of the NApp in the scope.'),
    },
  },
  audit: {
    path: `${API}/audit`,
    GET: {
      summary: 'Lists all kept changes of all namespaces, oldest first, in pages.',
      commands: ['kytos.settings.audit'],
      query: ['after', 'from', 'limit'],
      excludes: ['SCOPE_MALFORMED'],
      success: success('AuditPage', 'A page of the audit.'),
    },
  },
  rollback: {
    path: `${NAMESPACE}/rollback`,
    POST: {
      summary: 'Returns the overrides, or some of their keys, to an earlier version.',
      commands: ['kytos.settings.rollback'],
      query: ['scope', 'dry_run', 'confirm_within'],
      headers: ['If-Match', 'X-Comment'],
      body: ROLLBACK_BODY,
      success: { 200: SETTINGS },
    },
  },
  rollbackTransaction: {
    path: `${API}/rollback`,
    POST: {
      summary: 'Undoes a transaction, or returns several documents to earlier versions: all or none.',
      commands: ['kytos.settings.rollback_transaction'],
      query: ['dry_run', 'confirm_within'],
      headers: ['X-Comment'],
      body: ROLLBACK_TRANSACTION_BODY,
      success: success('TransactionResult', 'The settings after the rollback.'),
    },
  },
  status: {
    path: `${API}/status`,
    GET: {
      summary: 'Returns the state of the service and the readable files that differ from their documents.',
      commands: ['kytos.settings.status'],
      query: [],
      excludes: ['SCOPE_MALFORMED', 'NAMESPACE_MALFORMED', 'BOX_MALFORMED', 'NAMESPACE_NOT_FOUND'],
      success: success('Status'),
    },
  },
  namespaceStatus: {
    path: `${NAMESPACE}/status`,
    GET: {
      summary: 'Returns the state of the service with the readable files of one NApp.',
      commands: ['kytos.settings.status'],
      query: [],
      excludes: ['SCOPE_MALFORMED', 'BOX_MALFORMED'],
      success: success('Status'),
    },
  },
  controllers: {
    path: `${API}/controllers`,
    GET: {
      summary: 'Lists the answering controller and all controllers with their own overrides.',
      commands: ['kytos.settings.controllers'],
      query: [],
      excludes: ['SCOPE_MALFORMED'],
      success: success('Controllers', 'The controllers, with the namespaces of their overrides.'),
    },
  },
  restoreFiles: {
    path: `${API}/files/restore`,
    // The path could also be the id of a NApp, whose route has no POST.
    shared: true,
    POST: {
      summary: 'Restores missing readable files: all of them or those of one namespace.',
      commands: ['kytos.settings.restore_files'],
      query: [],
      body: FILES_BODY,
      success: success('RestoredFiles', 'The documents whose missing files were restored.'),
    },
  },
} satisfies Readonly<Record<string, Route>>
