import { SUMMARY_PARTS } from '../../../events/content.ts'
import { MAX_CONFIRM_SECONDS, MIN_CONFIRM_SECONDS } from '../../../model/document.ts'
import { EXPECTED_REVISION } from '../../../model/expected-revision.ts'
import { NAMESPACE_PART } from '../../../model/namespace.ts'
import { type Schema, textOf } from './openapi-schema.ts'

/*
 * The parameters of requests. Their schemas define the allowed values; Query and headers.ts parse by them.
 */

export interface Parameter {
  readonly description: string
  readonly schema: Schema
  readonly required?: true
}

/** Maximum length of X-Comment, in characters. */
export const MAX_COMMENT_CHARACTERS = 512
/** Maximum number of items of a list that one request may name or receive. */
export const MAX_LIST_ITEMS = 1_000
export const MAX_VERSION = 999_999_999_999

const INSTANT = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$`
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
      not: textOf('.', '..'),
    },
  }) as const

/** Query parameters. */
export const QUERY = {
  prefix: {
    description: 'Only namespaces that begin with this text.',
    schema: { type: 'string', minLength: 1 },
  },
  include: {
    description: 'Further members of each summary, separated by commas or in repeated parameters.',
    schema: { type: 'array', items: textOf(...SUMMARY_PARTS) },
  },
  explain: flag('Adds the layer that sets each value.'),
  fresh: flag('Waits until the cache has the state of the store at the time of the request.'),
  dry_run: flag('Returns the effect of the change without writing it.'),
  confirm_within: {
    description: 'Rolls the change back unless it is confirmed within this many seconds.',
    schema: { type: 'integer', minimum: MIN_CONFIRM_SECONDS, maximum: MAX_CONFIRM_SECONDS },
  },
  force: flag('Removes a schema that a controller may use.'),
  digest: {
    description: 'The digest of one schema; all schemas of the namespace when absent.',
    schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
  scope: {
    description: '`cluster` (default), `controller` (the answering controller) or `controller:<id>`.',
    schema: { type: 'string', pattern: `^(cluster|controller|controller:${NAMESPACE_PART})$` },
  },
  napp_version: {
    description: 'The version of the NApp that the schema belongs to.',
    schema: { type: 'string', minLength: 1 },
  },
  limit: {
    description: 'The maximum number of items; the newest are returned.',
    schema: { type: 'integer', minimum: 1, maximum: MAX_LIST_ITEMS },
  },
  after: {
    description: 'The cursor `next` of the page before.',
    schema: { type: 'string', pattern: String.raw`^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,39})$` },
  },
  from: {
    description: 'Starts at the first entry of this time or later; ISO 8601 with its time zone.',
    schema: { type: 'string', pattern: INSTANT },
  },
  at: {
    description: 'The time; ISO 8601 with its time zone.',
    schema: { type: 'string', pattern: INSTANT },
    required: true,
  },
  event_name: { description: 'Only events with this name.', schema: { type: 'string' } },
  since: {
    description: 'The cursor to resume after; `0` is the start. Last-Event-ID takes precedence.',
    schema: { type: 'string', pattern: CURSOR },
  },
  namespace: {
    description: 'Only facts about these namespaces, separated by commas or in repeated parameters.',
    schema: { type: 'array', items: { type: 'string', minLength: 1, pattern: '^[^,]+$' } },
  },
  id: { description: 'The id of a token.', schema: { type: 'string' }, required: true },
} as const satisfies Record<string, Parameter>

export type QueryName = keyof typeof QUERY

export const HEADERS = {
  'If-Match': {
    description:
      'The ETag of the answer that a change is based on, or `"<epoch>.<revision>"`, or the revision alone; another one is rejected.',
    schema: {
      type: 'string',
      pattern: `^("${EXPECTED_REVISION}(-[!#-~]*)?"|${EXPECTED_REVISION})$`,
    },
  },
  'If-None-Match': { description: '`*`: create only.', schema: textOf('*') },
  'X-Comment': {
    description: 'A comment for the history.',
    schema: { type: 'string', maxLength: MAX_COMMENT_CHARACTERS },
  },
  'Last-Event-ID': {
    description: 'The id of the last event that the reader received.',
    schema: { type: 'string', pattern: CURSOR },
  },
} as const satisfies Record<string, Parameter>

export type HeaderName = keyof typeof HEADERS

/** Path parameters. */
export const PATH = {
  username: part('The part of a NApp id before the "/".'),
  name: part('The part of a NApp id after the "/".'),
  version: {
    description: 'A version of the document.',
    schema: { type: 'integer', minimum: 1, maximum: MAX_VERSION },
  },
  namespace: boxName('The namespace of a box: any text of at most 180 bytes once percent-encoded.'),
  box_id: boxName('The id of a box: any text of at most 180 bytes once percent-encoded.'),
  option: {
    description: '`box_id`, `owner` or `created_at`; any other option finds nothing.',
    schema: { type: 'string', minLength: 1 },
  },
  query: {
    description: 'The text that the option must contain.',
    schema: { type: 'string', minLength: 1 },
  },
} as const satisfies Record<string, Parameter>

/** The names of the path parameters. */
export type PathParameters = Readonly<Record<keyof typeof PATH, string>>
