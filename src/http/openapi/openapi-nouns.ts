import { ERRORS } from '../../../model/errors.ts'
import { PERMISSIONS } from '../../../model/permissions.ts'
import type { Schema } from './openapi-schema.ts'
import type { Operation, Success } from './operation.ts'

/*
 * The nouns of events/map.ts and of the modules that it imports, as JSON Schema. A test validates every
 * answer of a real server against them without additional members, so a missing field here or there fails.
 */

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const COUNT = { type: 'integer', minimum: 0 } as const
const TIME = { type: 'string', format: 'date-time' } as const
const OBJECT = { type: 'object' } as const
/** A revision, which clients compare as an integer of any size. */
const REVISION = { type: 'string', pattern: String.raw`^\d+$` } as const
const EPOCH = COUNT

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
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

const APPLY = { enum: ['live', 'reload', 'restart', 'never'] } as const
const STATE = { enum: ['READY', 'STALE', 'OFFLINE'] } as const
const FILE_CODE = { enum: ['FILE_MISSING', 'FILE_REJECTED', 'FILE_UNWRITABLE'] } as const
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
  layer: { enum: ['default', 'seed', 'cluster', 'controller', 'environment'] },
  value: true,
  set_by: orNull(ref('Actor')),
  set_at: orNull(TIME),
  revision: orNull(REVISION),
  'variable?': TEXT,
} as const
const SETTINGS = {
  namespace: TEXT,
  data: OBJECT,
  overrides: OBJECT,
  revision: REVISION,
  version: COUNT,
  epoch: EPOCH,
  state: STATE,
  updated_at: orNull(TIME),
  updated_by: orNull(ref('Actor')),
  schema: FLAG,
  'assumed?': { const: true },
  'observed?': FLAG,
  'shadowed?': listOf(TEXT),
  'deprecated?': listOf(TEXT),
  'explain?': mapOf(ref('Explanation')),
  'preview?': ref('Preview'),
} as const
const TOKEN = {
  id: TEXT,
  name: TEXT,
  rights: listOf({ enum: PERMISSIONS }),
  created_at: TEXT,
  created_by: ref('Actor'),
  expires_at: orNull(TIME),
} as const

/** The JSON Schema of every noun, by name. */
export const NOUNS: Readonly<Record<string, Schema>> = {
  Actor: objectOf({ type: { enum: ['napp', 'user', 'file', 'import', 'system'] }, name: TEXT }),
  Settings: objectOf(SETTINGS),
  Explanation: objectOf({ ...LAYER_VALUE, shadowed: listOf(objectOf({ ...LAYER_VALUE, 'pointer?': TEXT })) }),
  Preview: objectOf({
    changes: listOf(objectOf({ path: TEXT, 'old?': true, 'new?': true, apply: APPLY })),
    consumers: listOf(
      objectOf({
        controller: TEXT,
        napp: TEXT,
        apply: APPLY,
        verdict: { enum: ['accepted', 'refused', 'late'] },
        reason: orNull(TEXT),
      }),
    ),
    rejected: listOf(objectOf({ scope: TEXT, errors: listOf(ref('RuleBroken')) })),
  }),
  RuleBroken: objectOf({
    pointer: TEXT,
    rule: TEXT,
    'got?': true,
    'expected?': true,
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
    'files?': listOf(FILE_CODE),
  }),
  Description: objectOf({
    namespace: TEXT,
    schema: OBJECT,
    digest: TEXT,
    napp_version: orNull(TEXT),
    defaults: OBJECT,
    apply: mapOf(APPLY),
  }),
  HistoryRecord: objectOf({
    version: COUNT,
    kind: { enum: ['created', 'updated', 'deleted'] },
    data: orNull(OBJECT),
    actor: ref('Actor'),
    controller: TEXT,
    comment: orNull(TEXT),
    at: TIME,
    write_id: TEXT,
    revision: REVISION,
  }),
  TransactionResult: objectOf({ settings: listOf(objectOf({ ...SETTINGS, scope: TEXT })) }),
  DeadLetter: objectOf({
    id: TEXT,
    listener: TEXT,
    event: objectOf({
      id: TEXT,
      name: TEXT,
      content: OBJECT,
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
  }),
  Controllers: objectOf({
    controllers: listOf(objectOf({ id: TEXT, self: FLAG, namespaces: listOf(TEXT) })),
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
        code: { enum: Object.keys(ERRORS) },
      }),
    ),
    additionalProperties: true,
  },
}
