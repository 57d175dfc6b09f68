import { type Json, type JsonObject, toJson } from '../../model/value.ts'

/*
 * What Kytos' core reads from [daemon], as kytos-ng 2025.2 documents it: the types are those that its own
 * reading makes of the texts. Two kinds of options have no default here, so that what a file leaves out is
 * left to kytosd again when one is rendered: paths, whose defaults follow the virtual environment, and
 * objects, of whose default an override could take nothing away.
 */

/** How Kytos reads the text: `text` as it is, `boolean` is true for `True` alone, `json` by json.loads. */
export type OptionKind = 'text' | 'integer' | 'boolean' | 'json'

export interface CoreOption {
  readonly kind: OptionKind
  readonly schema: JsonObject
}

const text = (preset: string, description: string, more: JsonObject = {}): CoreOption => ({
  kind: 'text',
  schema: { type: 'string', default: preset, description, ...more },
})
const path = (description: string): CoreOption => ({ kind: 'text', schema: { type: 'string', description } })
const integer = (preset: number, description: string, more: JsonObject = {}): CoreOption => ({
  kind: 'integer',
  schema: { type: 'integer', default: preset, description, ...more },
})
const boolean = (preset: boolean, description: string): CoreOption => ({
  kind: 'boolean',
  schema: { type: 'boolean', default: preset, description },
})
const json = (schema: JsonObject, preset: Json, description: string): CoreOption => ({
  kind: 'json',
  schema: { ...schema, default: preset, description },
})

const object = (schema: JsonObject, description: string): CoreOption => ({
  kind: 'json',
  schema: { type: 'object', ...schema, description },
})

const TEXTS: JsonObject = { type: 'array', items: { type: 'string' } }
const OBJECTS: JsonObject = { type: 'array', items: { type: 'object' } }
const PORT: JsonObject = { minimum: 0, maximum: 65_535 }
const monitor = (member: string, watched: readonly string[]): Json => ({
  min_hits: 5,
  delta_secs: 5,
  min_queue_full_percent: 90,
  log_at_most_n: 0,
  [member]: [...watched],
})

/** Every documented option, by its name. */
export const CORE_OPTIONS: Readonly<Record<string, CoreOption>> = {
  workdir: path('The working directory of the controller.'),
  pidfile: path('The file that contains the process id.'),
  daemon: boolean(true, 'Run in the background, otherwise with a console.'),
  debug: boolean(false, 'Run in debug mode.'),
  logging: path('The configuration file of the log.'),
  logger_decorators: json(
    TEXTS,
    ['kytos.core.logger_decorators.queue_decorator'],
    'Decorators of the Logger class.',
  ),
  listen: text('0.0.0.0', 'The address on which the controller listens.'),
  port: integer(6653, 'The TCP port of OpenFlow.', PORT),
  protocol_name: text('', 'The southbound protocol of the TCP server.'),
  connection_timeout: integer(130, 'Seconds without a message after which a switch is disconnected.', {
    minimum: 0,
  }),
  api_port: integer(8181, 'The port of REST.', PORT),
  api_traceback_on_500: boolean(true, 'Include the traceback in the response to an internal error of REST.'),
  api_concurrency_limit: json(
    { type: ['string', 'integer'] },
    'threadpool',
    'The limit of concurrent requests; "threadpool" is the number of threads of the pool "api" in thread_pool_max_workers.',
  ),
  enable_entities_by_default: boolean(false, 'Enable new switches, interfaces and links.'),
  napps: path('The folder of the NApps.'),
  installed_napps: path('The folder of installed NApps.'),
  napps_repositories: json(
    TEXTS,
    ['https://napps.kytos.io/repo/'],
    'The URLs from which NApps are downloaded.',
  ),
  napps_pre_installed: json(TEXTS, [], 'NApps that are installed and enabled at the first start.'),
  authenticate_urls: json(TEXTS, [], 'Parts of URLs that require a login.'),
  jwt_secret: {
    kind: 'text',
    schema: { type: 'string', description: 'The secret that signs JSON Web Tokens.', 'x-sensitive': true },
  },
  token_expiration_minutes: integer(180, 'The lifetime of a login token in minutes.', { minimum: 0 }),
  thread_pool_max_workers: object(
    { additionalProperties: { type: 'integer', minimum: 1 } },
    'The number of threads of each pool: sb, db, app and api; without any, no pools are used.',
  ),
  thread_pool_queue_monitors: json(
    OBJECTS,
    [monitor('queues', ['sb', 'app', 'db'])],
    'The fill level at which the queue of a thread pool is logged.',
  ),
  event_buffer_monitors: json(
    OBJECTS,
    [monitor('buffers', ['msg_in', 'msg_out', 'raw', 'app'])],
    'The fill level at which a buffer of events is logged.',
  ),
  event_buffer_conf: object({}, 'The queues of the buffers of events.'),
  database: text('', 'The database of the NApps: mongodb, or empty for none.'),
  apm: text('', 'The performance monitoring backend: es (Elasticsearch), or empty for none.'),
}

/** The schema of `kytos/core`; further options are taken, `more` describes those. */
export function coreSchema(more: JsonObject = {}): JsonObject {
  const properties = Object.fromEntries(
    Object.entries(CORE_OPTIONS).map(([name, { schema }]) => [name, schema]),
  )
  const schema = toJson({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    description: 'The options of [daemon] in kytos.conf.',
    type: 'object',
    properties: { ...properties, ...more },
    'x-inferred-from': 'kytos.conf',
  })
  // An object was given, so one comes back.
  return schema as JsonObject
}
