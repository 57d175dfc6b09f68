import { NAMESPACE_PART } from '../../../model/namespace.ts'
import type { Schema } from './openapi-schema.ts'

/*
 * Parameters of requests, each with its one meaning. The schemas tell what is understood; Query and
 * headers.ts read by them.
 */

export interface Parameter {
  readonly description: string
  readonly schema: Schema
  readonly required?: true
}

/** The longest X-Comment, in characters. */
export const MAX_COMMENT = 512
/** The most of a list that one request may ask for. */
export const MAX_LIMIT = 1_000
export const MAX_VERSION = 999_999_999_999

const CURSOR = String.raw`^(0|(0|[1-9]\d{0,15})\.\d{1,40}\.(0|[1-9]\d{0,8}))$`
const flag = (description: string) => ({ description, schema: { type: 'boolean' } }) as const
const part = (description: string) =>
  ({ description, schema: { type: 'string', pattern: `^${NAMESPACE_PART}$` } }) as const
const boxName = (description: string) =>
  ({
    description,
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: 180,
      pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f/\\]+$`,
      not: { enum: ['.', '..'] },
    },
  }) as const

/** Those after the `?`. */
export const QUERY = {
  prefix: { description: 'Only namespaces that begin with this.', schema: { type: 'string', minLength: 1 } },
  explain: flag('Tells where each value comes from.'),
  fresh: flag('Reads through to the store.'),
  dry_run: flag('Answers what the change would do, and writes nothing.'),
  scope: {
    description: '`cluster` (default), `controller` (the one that answers) or `controller:<id>`.',
    schema: { type: 'string', pattern: `^(cluster|controller|controller:${NAMESPACE_PART})$` },
  },
  napp_version: {
    description: 'The version of the NApp whose schema this is.',
    schema: { type: 'string', minLength: 1 },
  },
  limit: { description: 'The newest so many.', schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT } },
  event_name: { description: 'Only events of this name.', schema: { type: 'string' } },
  since: {
    description: 'The cursor to go on after; `0` is the start. Last-Event-ID counts more.',
    schema: { type: 'string', pattern: CURSOR },
  },
  namespace: {
    description: 'Only facts about these; may stand more than once.',
    schema: { type: 'array', items: { type: 'string', minLength: 1, pattern: '^[^,]+$' } },
  },
  id: { description: 'The id of a token.', schema: { type: 'string' }, required: true },
} as const satisfies Record<string, Parameter>

export type QueryName = keyof typeof QUERY

export const HEADERS = {
  'If-Match': {
    description:
      'The revision that a change is of, in quotes, as the ETag of GET gives it; any other is 412.',
    schema: { type: 'string', pattern: String.raw`^("(0|[1-9]\d{0,39})"|0|[1-9]\d{0,39})$` },
  },
  'If-None-Match': { description: '`*`: create only.', schema: { const: '*' } },
  'X-Comment': { description: 'Stands in the history.', schema: { type: 'string', maxLength: MAX_COMMENT } },
  'Last-Event-ID': {
    description: 'The id of the last event that a reader had.',
    schema: { type: 'string', pattern: CURSOR },
  },
} as const satisfies Record<string, Parameter>

export type HeaderName = keyof typeof HEADERS

/** Those in a path, wherever they stand. */
export const PATH = {
  username: part('Before the "/" of a NApp id.'),
  name: part('After the "/" of a NApp id.'),
  version: {
    description: 'A version of the document.',
    schema: { type: 'integer', minimum: 1, maximum: MAX_VERSION },
  },
  namespace: boxName('The namespace of a box: any text of at most 180 bytes once percent-encoded.'),
  box_id: boxName('The id of a box: any text of at most 180 bytes once percent-encoded.'),
  option: {
    description: '`box_id`, `owner` or `created_at`; any other finds nothing.',
    schema: { type: 'string', minLength: 1 },
  },
  query: { description: 'What the option must contain.', schema: { type: 'string', minLength: 1 } },
} as const satisfies Record<string, Parameter>

/** What the parameters in a path are called. */
export type PathParameters = Readonly<Record<keyof typeof PATH, string>>
