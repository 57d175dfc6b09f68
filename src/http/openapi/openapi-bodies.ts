import { TRANSACTION_DOCUMENTS, TRANSACTION_OPERATIONS } from '../../../model/document.ts'
import { EXPECTED_REVISION } from '../../../model/expected-revision.ts'
import { NAMESPACE_PART } from '../../../model/namespace.ts'
import { PERMISSIONS } from '../../../model/permissions.ts'
import { BOX_PATTERN, MAX_PATTERNS, NAMESPACE_PATTERN } from '../../../model/rights/name-patterns.ts'
import { MAX_LIFETIME_SECONDS, TOKEN_NAME } from '../../tokens/token.ts'
import { MAX_COMMENT_CHARACTERS, MAX_LIST_ITEMS, MAX_VERSION, PATH, QUERY } from './openapi-parameters.ts'
import { ANY, JSON_OBJECT, JSON_PATCH, type Schema, textOf } from './openapi-schema.ts'
import type { Operation } from './operation.ts'

/*
 * The bodies of requests. Settings themselves are validated by the schema of their namespace, which GET
 * .../schema returns.
 */

const POINTER = { type: 'string', pattern: '^(/([^~/]|~[01])*)*$' } as const
const IDS = { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_LIST_ITEMS } as const

const patchStep = (op: readonly string[], member: 'value' | 'from' | undefined): Schema => ({
  type: 'object',
  properties: {
    op: textOf(...op),
    path: POINTER,
    ...(member && { [member]: member === 'from' ? POINTER : ANY }),
  },
  required: ['op', 'path', ...(member ? [member] : [])],
})

/** The nouns that only bodies have. */
export const BODY_NOUNS: Readonly<Record<string, Schema>> = {
  /** An object with members of any name. */
  JsonObject: { type: 'object', additionalProperties: true },
  /** RFC 6902. */
  JsonPatch: {
    type: 'array',
    items: {
      anyOf: [
        patchStep(['add', 'replace', 'test'], 'value'),
        patchStep(['remove'], undefined),
        patchStep(['move', 'copy'], 'from'),
      ],
    },
  },
}

const step = (method: Schema, data: Schema | undefined): Schema => ({
  type: 'object',
  properties: {
    namespace: { type: 'string', pattern: `^${NAMESPACE_PART}/${NAMESPACE_PART}$` },
    scope: QUERY.scope.schema,
    method,
    ...(data && { data }),
    revision: { type: 'string', pattern: `^${EXPECTED_REVISION}$` },
  },
  // Without a method an operation is a PATCH.
  required: ['namespace', ...(data ? ['data'] : []), ...(data === JSON_OBJECT ? [] : ['method'])],
  additionalProperties: false,
})

type Body = NonNullable<Operation['body']>

/** The body with overrides or a schema: any object. */
export const OBJECT_BODY: Body = { 'application/json': JSON_OBJECT }

/**
 * The body with a change of overrides: either kind of patch. The JSON Patch is wrapped, so that
 * openapi-python-client leaves this media type out: its code for a list beside another body fails for every
 * body (`isinstance(body, list[...])`).
 */
export const PATCH_BODY: Body = {
  'application/json': JSON_OBJECT,
  'application/merge-patch+json': JSON_OBJECT,
  'application/json-patch+json': { allOf: [JSON_PATCH, ANY] },
}

/** The body with the data of a box: any value. */
export const BOX_BODY: Body = { 'application/json': ANY }

export const TRANSACTION_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: {
      operations: {
        description: `At most ${TRANSACTION_OPERATIONS} operations on ${TRANSACTION_DOCUMENTS} documents.`,
        type: 'array',
        items: {
          anyOf: [
            step({ ...textOf('PATCH', 'PUT'), default: 'PATCH' }, JSON_OBJECT),
            step(textOf('JSON_PATCH'), JSON_PATCH),
            step(textOf('DELETE'), undefined),
          ],
        },
        minItems: 1,
      },
      scope: QUERY.scope.schema,
      comment: { type: 'string', maxLength: MAX_COMMENT_CHARACTERS },
      dry_run: { type: 'boolean' },
      confirm_within: QUERY.confirm_within.schema,
    },
    required: ['operations'],
    additionalProperties: false,
  },
}

const VERSION: Schema = { type: 'integer', minimum: 0, maximum: MAX_VERSION }
const COMMENT = { type: 'string', maxLength: MAX_COMMENT_CHARACTERS } as const

/** The body with the version that overrides return to. */
export const ROLLBACK_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: {
      version: { ...VERSION, description: '0 is the state before the first version.' },
      keys: {
        description: 'Only these settings return to the version.',
        type: 'array',
        items: { type: 'string', pattern: '^(/([^~/]|~[01])*)+$' },
        minItems: 1,
        maxItems: MAX_LIST_ITEMS,
      },
      revision: { type: 'string', pattern: `^${EXPECTED_REVISION}$` },
      dry_run: { type: 'boolean' },
      comment: COMMENT,
    },
    required: ['version'],
    additionalProperties: false,
  },
}

/** The body with the transaction that is undone, or the documents that return to earlier versions. */
export const ROLLBACK_TRANSACTION_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: {
      write_id: { type: 'string', minLength: 1 },
      documents: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            namespace: { type: 'string', pattern: `^${NAMESPACE_PART}/${NAMESPACE_PART}$` },
            scope: QUERY.scope.schema,
            version: VERSION,
            if_version: VERSION,
          },
          required: ['namespace', 'version'],
          additionalProperties: false,
        },
        minItems: 1,
        maxItems: TRANSACTION_DOCUMENTS,
      },
      force: { description: 'With write_id: undoes later changes, too.', type: 'boolean' },
      scope: QUERY.scope.schema,
      comment: COMMENT,
      dry_run: { type: 'boolean' },
    },
    additionalProperties: false,
    minProperties: 1,
  },
}

/** The body that selects readable files; an empty object selects all. */
export const FILES_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: {
      namespace: {
        description: 'A NApp id, which selects its files in every scope, or a namespace of boxes.',
        anyOf: [{ type: 'string', pattern: `^${NAMESPACE_PART}/${NAMESPACE_PART}$` }, PATH.namespace.schema],
      },
      scope: QUERY.scope.schema,
      comment: { type: 'string', maxLength: MAX_COMMENT_CHARACTERS },
    },
    additionalProperties: false,
  },
}

/** The body that selects dead letters. */
export const LETTERS_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: { ids: IDS, event_name: { type: 'string' } },
    additionalProperties: false,
    minProperties: 1,
  },
}

const patternsOf = (pattern: RegExp) => ({
  type: ['array', 'null'],
  items: { type: 'string', pattern: pattern.source },
  minItems: 1,
  maxItems: MAX_PATTERNS,
})

export const TOKEN_BODY: Body = {
  'application/json': {
    type: 'object',
    properties: {
      name: { type: 'string', pattern: TOKEN_NAME.source },
      rights: { type: 'array', items: textOf(...PERMISSIONS), minItems: 1 },
      expires_in: {
        description: 'Seconds until the token expires; null for a token without expiry.',
        type: ['number', 'null'],
        minimum: 1,
        maximum: MAX_LIFETIME_SECONDS,
      },
      namespaces: {
        description: 'Patterns of the namespaces that the token sees, such as "kytos/*"; null for all.',
        ...patternsOf(NAMESPACE_PATTERN),
      },
      boxes: {
        description:
          'Patterns of the box namespaces that a token with "namespaces" sees, such as "kytos.*"; null for none.',
        ...patternsOf(BOX_PATTERN),
      },
    },
    dependentRequired: { boxes: ['namespaces'] },
    required: ['name', 'rights'],
    additionalProperties: false,
  },
}
