import { ERRORS } from '../../../model/errors.ts'
import { PERMISSIONS } from '../../../model/permissions.ts'
import { BODY_NOUNS } from './openapi-bodies.ts'
import { ANY, JSON_OBJECT, ref, type Schema, textOf } from './openapi-schema.ts'
import type { Operation, Success } from './operation.ts'

/*
 * The nouns of events/map.ts and of the modules that it imports, as JSON Schema. A test validates every
 * answer of a real server against them without additional members, so a missing field here or there fails.
 */

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const AUDIT_KIND = textOf(
  ...['created', 'updated', 'deleted'],
  ...['armed', 'extended', 'confirmed', 'cancelled', 'expired', 'overtaken'],
)
const COUNT = { type: 'integer', minimum: 0 } as const
const TIME = { type: 'string', format: 'date-time' } as const
/** A revision, which clients compare as an integer of any size. */
const REVISION = { type: 'string', pattern: String.raw`^\d+$` } as const
const EPOCH = COUNT

export const listOf = (items: Schema): Schema => ({ type: 'array', items })
/** An object with these members; a name that ends in `?` marks an optional one. */
export function objectOf(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
    required: entries.map(([name]) => name).filter(name => !name.endsWith('?')),
  }
}
/** The success response of a JSON noun. */
export const success = (noun: string, description = `The ${noun}.`): Operation['success'] => ({
  200: { description, schema: ref(noun) },
})
/** The success response of a list of nouns. */
export const successList = (
  noun: string,
  description: string,
  headers: Success['headers'] = [],
): Operation['success'] => ({
  200: { description, schema: listOf(ref(noun)), headers },
})
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const mapOf = (schema: Schema): Schema => ({ type: 'object', additionalProperties: schema })

const APPLY = textOf('live', 'reload', 'restart', 'never')
const STATE = textOf('READY', 'STALE', 'OFFLINE')
const FILE_CODE = textOf('FILE_MISSING', 'FILE_REJECTED', 'FILE_UNWRITABLE')
/** The name of a document: overrides have a scope, boxes an id. */
const DOCUMENT_NAME = { namespace: TEXT, 'scope?': TEXT, 'box_id?': TEXT } as const
const SERVICE_STATE = {
  state: STATE,
  revision: REVISION,
  epoch: EPOCH,
  since: TIME,
  reason: orNull(TEXT),
  age: orNull({ type: 'number', minimum: 0 }),
} as const
const LAYER_VALUE = {
  layer: textOf('default', 'seed', 'cluster', 'controller', 'environment'),
  value: ANY,
  set_by: orNull(ref('Actor')),
  set_at: orNull(TIME),
  revision: orNull(REVISION),
  'variable?': TEXT,
} as const
const REJECTED_MEMBER = {
  scope: TEXT,
  pointer: TEXT,
  'stored?': ANY,
  'counts?': ANY,
  rule: TEXT,
  message: TEXT,
} as const
const SETTINGS = {
  namespace: TEXT,
  data: JSON_OBJECT,
  overrides: JSON_OBJECT,
  revision: REVISION,
  version: COUNT,
  epoch: EPOCH,
  state: STATE,
  updated_at: orNull(TIME),
  updated_by: orNull(ref('Actor')),
  schema: FLAG,
  'rejected?': listOf(ref('RejectedMember')),
  'more?': COUNT,
  'assumed?': FLAG,
  'observed?': FLAG,
  'shadowed?': listOf(TEXT),
  'deprecated?': listOf(TEXT),
  'warnings?': listOf(TEXT),
  'pending?': ref('Pending'),
  'explain?': mapOf(ref('Explanation')),
  'preview?': ref('Preview'),
} as const
const TOKEN = {
  id: TEXT,
  name: TEXT,
  rights: listOf(textOf(...PERMISSIONS)),
  created_at: TEXT,
  created_by: ref('Actor'),
  expires_at: orNull(TIME),
  'namespaces?': listOf(TEXT),
  'boxes?': listOf(TEXT),
} as const

/** The JSON Schema of every noun, by name. */
export const NOUNS: Readonly<Record<string, Schema>> = {
  ...BODY_NOUNS,
  Actor: objectOf({
    type: textOf('napp', 'user', 'file', 'import', 'system'),
    name: TEXT,
    'by?': { anyOf: [objectOf({ token: TEXT }), objectOf({ login: TEXT }), textOf('local')] },
  }),
  Settings: objectOf(SETTINGS),
  Explanation: objectOf({ ...LAYER_VALUE, shadowed: listOf(objectOf({ ...LAYER_VALUE, 'pointer?': TEXT })) }),
  Preview: objectOf({
    changes: listOf(objectOf({ path: TEXT, 'old?': ANY, 'new?': ANY, apply: APPLY })),
    consumers: listOf(
      objectOf({
        controller: TEXT,
        napp: TEXT,
        apply: APPLY,
        verdict: textOf('accepted', 'refused', 'late'),
        reason: orNull(TEXT),
      }),
    ),
    rejected: listOf(ref('RejectedMember')),
  }),
  Pending: objectOf({
    write_id: TEXT,
    documents: listOf(objectOf({ namespace: TEXT, scope: TEXT, version: COUNT, baseline: COUNT })),
    actor: ref('Actor'),
    comment: orNull(TEXT),
    confirm_within: COUNT,
    at: TIME,
    'remaining?': COUNT,
  }),
  EndedPending: objectOf({
    kind: textOf('confirmed', 'cancelled'),
    write_id: TEXT,
    documents: listOf(objectOf({ namespace: TEXT, scope: TEXT, version: COUNT })),
    revision: REVISION,
    epoch: EPOCH,
    'observed?': FLAG,
  }),
  ResealResult: objectOf({ namespace: TEXT, documents: COUNT, records: COUNT, left: COUNT }),
  RejectedMember: objectOf(REJECTED_MEMBER),
  RuleBroken: objectOf({
    pointer: TEXT,
    rule: TEXT,
    'got?': ANY,
    'expected?': ANY,
    message: TEXT,
    'nearest?': TEXT,
  }),
  Summary: objectOf({
    namespace: TEXT,
    revision: REVISION,
    version: COUNT,
    state: STATE,
    schema: FLAG,
    overrides: FLAG,
    pending: FLAG,
    'loaded?': FLAG,
    'rejected?': FLAG,
    'rejected_members?': listOf(ref('RejectedMember')),
    'more?': COUNT,
    'files?': listOf(FILE_CODE),
    'data?': JSON_OBJECT,
    'explain?': mapOf(ref('Explanation')),
  }),
  Description: objectOf({
    namespace: TEXT,
    schema: JSON_OBJECT,
    digest: TEXT,
    napp_version: orNull(TEXT),
    defaults: JSON_OBJECT,
    apply: mapOf(APPLY),
    stored: listOf(objectOf({ digest: TEXT, napp_version: orNull(TEXT), revision: REVISION })),
    'rejected?': listOf(ref('RejectedMember')),
    'more?': COUNT,
  }),
  RemovedSchemas: objectOf({ namespace: TEXT, removed: listOf(TEXT) }),
  HistoryRecord: objectOf({
    version: COUNT,
    kind: textOf('created', 'updated', 'deleted'),
    data: orNull(JSON_OBJECT),
    actor: ref('Actor'),
    controller: TEXT,
    comment: orNull(TEXT),
    at: TIME,
    write_id: TEXT,
    'documents?': COUNT,
    revision: REVISION,
    'resealed?': REVISION,
  }),
  AuditPage: objectOf({
    entries: listOf(
      objectOf({
        namespace: TEXT,
        scope: TEXT,
        version: COUNT,
        kind: AUDIT_KIND,
        controller: orNull(TEXT),
        actor: ref('Actor'),
        comment: orNull(TEXT),
        at: TIME,
        'clock?': FLAG,
        write_id: TEXT,
        'confirm_within?': COUNT,
        'baseline?': COUNT,
        revision: REVISION,
        changes: orNull(listOf(objectOf({ path: TEXT, 'old?': ANY, 'new?': ANY }))),
        'more?': COUNT,
      }),
    ),
    next: TEXT,
    more: FLAG,
    'restarted?': FLAG,
  }),
  AsOf: objectOf({
    at: TIME,
    documents: listOf(
      objectOf({
        namespace: TEXT,
        scope: TEXT,
        version: COUNT,
        data: orNull(JSON_OBJECT),
        at: orNull(TIME),
        actor: orNull(ref('Actor')),
        controller: orNull(TEXT),
        'clock?': FLAG,
        newest: COUNT,
        'pruned?': objectOf({ from: COUNT, to: COUNT }),
      }),
    ),
  }),
  TransactionResult: objectOf({ settings: listOf(objectOf({ ...SETTINGS, scope: TEXT })) }),
  DeadLetter: objectOf({
    id: TEXT,
    listener: TEXT,
    event: objectOf({
      id: TEXT,
      name: TEXT,
      content: JSON_OBJECT,
      timestamp: TIME,
      priority: { type: 'number' },
      reinjections: COUNT,
    }),
    error: objectOf({ message: TEXT, 'code?': TEXT }),
    at: TIME,
  }),
  Token: objectOf(TOKEN),
  NewToken: objectOf({ ...TOKEN, token: TEXT }),
  Status: objectOf({
    controller: TEXT,
    backend: TEXT,
    ...SERVICE_STATE,
    files: listOf(objectOf({ ...DOCUMENT_NAME, source: TEXT, code: FILE_CODE, message: TEXT })),
    'more_files?': COUNT,
    'rejected?': listOf(objectOf({ namespace: TEXT, ...REJECTED_MEMBER })),
    'more_rejected?': COUNT,
    'pending?': listOf(ref('Pending')),
    'consumers?': listOf(
      objectOf({
        controller: TEXT,
        napp: TEXT,
        namespace: TEXT,
        status: textOf('applied', 'pending', 'refused', 'stale'),
        revision: TEXT,
        reason: orNull(TEXT),
        since: TIME,
      }),
    ),
    'more_consumers?': COUNT,
    napps: listOf(
      objectOf({
        napp: TEXT,
        state: textOf('starting', 'running', 'failed'),
        version: orNull(TEXT),
        since: TIME,
        reason: orNull(TEXT),
        stamp: TEXT,
      }),
    ),
  }),
  Controllers: objectOf({
    controllers: listOf(objectOf({ id: TEXT, self: FLAG, running: orNull(FLAG), namespaces: listOf(TEXT) })),
  }),
  RestoredFiles: objectOf({ restored: listOf(objectOf(DOCUMENT_NAME)), 'more?': COUNT }),
  Health: objectOf({
    ...SERVICE_STATE,
    resyncs: COUNT,
    repairs: COUNT,
    reconciles: COUNT,
  }),
  /** RFC 9457; additional members differ from code to code. */
  Problem: {
    ...Object(
      objectOf({
        type: TEXT,
        title: TEXT,
        status: { type: 'integer' },
        detail: TEXT,
        code: textOf(...Object.keys(ERRORS)),
      }),
    ),
    additionalProperties: true,
  },
}
