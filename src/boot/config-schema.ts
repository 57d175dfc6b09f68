import {
  BACKEND,
  BOOLEAN,
  BRIEF,
  CONTROLLER,
  choice,
  ENDPOINTS,
  HOST,
  HOSTS,
  NAPPS,
  PATH,
  PERIOD,
  PORT,
  PREFIX_PATH,
  RIGHTS_LIST,
  SECONDS,
  TEXT,
  type ValueType,
} from './config-values.ts'

/** One key of kytos.ini. Its default is written as it would be in the file; without one, `otherwise` says what holds. */
export interface ConfigKey<Value = unknown> {
  readonly type: ValueType<Value>
  readonly default?: string
  readonly otherwise?: string
  readonly description: string
}

/** Every key of kytos.ini that is ours to read, by section: validation, help and docs/configuration.md come from here. */
export const CONFIG_SCHEMA = {
  daemon: {
    listen: { type: HOST, default: '127.0.0.1', description: 'The address that REST listens on.' },
    api_port: { type: PORT, default: '8181', description: 'The port of REST, as Kytos has it; 0 takes any free one.' },
    napps: { type: PATH, default: 'var/lib/kytos/napps', description: 'The folder of the NApps.' },
    napps_pre_installed: {
      type: NAPPS,
      default: '["kytos/settings"]',
      description: 'NApps that are linked in and enabled at start when they are not yet installed; a disabled one stays disabled.',
    },
    jwt_secret: {
      type: TEXT,
      otherwise: 'none',
      description: 'What Kytos signs its login tokens (JWT) with; one of at least 32 characters has them accepted here, with jwt_rights.',
    },
  },
  settings: {
    backend: {
      type: BACKEND,
      default: 'filesystem',
      description:
        'Where settings are stored: filesystem for one controller, etcd for several, or the module of another backend, whose options are in [settings.NAME]. See docs/backends.md.',
    },
    controller: {
      type: CONTROLLER,
      otherwise: 'the host name',
      description: 'The name of this controller; every controller on one store has its own.',
    },
    listen: {
      type: HOST,
      otherwise: 'listen of [daemon]',
      description: 'The address of this service: set it when a kytosd with this file listens on others, for its switches.',
    },
    port: { type: PORT, otherwise: 'api_port', description: 'The port of this service: set it when a kytosd on this host has api_port.' },
    hosts: {
      type: HOSTS,
      default: '[]',
      description: 'The names, besides its address and localhost, by which this service is addressed, such as that of its certificate or of a proxy.',
    },
    authentication: {
      type: choice('none', 'required'),
      default: 'none',
      description: 'Whether requests need a token; none is for loopback only. See docs/security.md.',
    },
    allow_anonymous: {
      type: BOOLEAN,
      default: 'false',
      description: 'Listen beyond loopback without authentication all the same: everybody who reaches it may read and change everything.',
    },
    jwt_rights: {
      type: RIGHTS_LIST,
      default: '["read", "write"]',
      description: 'What a login token of Kytos may do: read, write, admin; [] accepts none of them.',
    },
    tls_cert: {
      type: PATH,
      otherwise: 'no TLS',
      description: 'The certificate (PEM) of this service, with those between it and its authority; needs tls_key.',
    },
    tls_key: { type: PATH, otherwise: 'none', description: 'The key (PEM) of that certificate; both are read again when they change.' },
    state_dir: {
      type: PATH,
      default: 'var/lib/kytos/settings-state',
      description: 'The folder of what this process keeps for itself, such as the last settings known to be good.',
    },
    strict: { type: BOOLEAN, default: 'false', description: 'Refuse settings of a namespace that has no schema.' },
    start_timeout: {
      type: SECONDS,
      default: '30',
      description: 'How long to try for a store before giving up, when there is nothing to start from.',
    },
    hook_timeout: {
      type: BRIEF,
      default: '2',
      description: 'How long a NApp may take to accept a change of its settings, 20 at most; one that takes longer has refused it.',
    },
    reconcile: {
      type: PERIOD,
      default: '300',
      description: 'How often what is known is compared with the whole store, in case a change was never told; differences are counted and mended.',
    },
    log: {
      type: choice('auto', 'text', 'json'),
      default: 'auto',
      description:
        'How the log is written to standard error: text for people, json for machines, one object a line; auto is text on a terminal and json elsewhere.',
    },
  },
  'settings.filesystem': {
    path: { type: PATH, default: 'var/lib/kytos/settings', description: 'The folder of the store.' },
  },
  'settings.etcd': {
    endpoints: { type: ENDPOINTS, default: '["http://127.0.0.1:2379"]', description: 'The members of the etcd cluster, each with its port.' },
    prefix: { type: PREFIX_PATH, default: '/kytos', description: 'What all keys of this store begin with.' },
    username: { type: TEXT, otherwise: 'no authentication', description: 'The etcd user; needs password_file.' },
    password_file: { type: PATH, otherwise: 'none', description: 'The file that holds the password; it never stands in kytos.ini.' },
    ca: { type: PATH, otherwise: 'the authorities of the system', description: 'The authorities (PEM) that sign the servers; needs https.' },
    cert: { type: PATH, otherwise: 'none', description: 'The client certificate (PEM); needs key and https.' },
    key: { type: PATH, otherwise: 'none', description: 'The key (PEM) of the client certificate.' },
    timeout: { type: SECONDS, default: '5', description: 'How long a call to etcd may go unanswered before it has failed.' },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, ConfigKey>>>>

type Schema = typeof CONFIG_SCHEMA
type ValueOf<Key> = Key extends { readonly type: ValueType<infer Value> }
  ? Key extends { readonly default: string }
    ? Value
    : Value | undefined
  : never

/** The values of a file by section and key, defaults filled in, paths absolute; undefined where nothing stands and there is no default. */
export type ConfigValues = { readonly [Section in keyof Schema]: { readonly [Key in keyof Schema[Section]]: ValueOf<Schema[Section][Key]> } }

/** The table as plain entries, in its order. */
export function configSections(): readonly (readonly [section: string, keys: Readonly<Record<string, ConfigKey>>])[] {
  return Object.entries(CONFIG_SCHEMA)
}
