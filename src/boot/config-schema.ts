import { ENDPOINTS, HOSTS, NAPPS, PERMISSION_LIST } from './config-lists.ts'
import {
  BACKEND,
  BOOLEAN,
  CONTROLLER,
  choice,
  HOST,
  PATH,
  PERIOD,
  PORT,
  PREFIX_PATH,
  RECORDS,
  SECONDS,
  SHORT_SECONDS,
  TEXT,
  type ValueType,
} from './config-values.ts'

/** One key of kytos.ini. Its default is written as in the file; `otherwise` describes a missing default. */
export interface ConfigKey<Value = unknown> {
  readonly type: ValueType<Value>
  readonly default?: string
  readonly otherwise?: string
  readonly description: string
}

/**
 * All keys of kytos.ini that this package reads, by section; validation, help and docs/configuration.md are
 * derived from them.
 */
export const CONFIG_SCHEMA = {
  daemon: {
    listen: { type: HOST, default: '127.0.0.1', description: 'The address on which REST listens.' },
    api_port: {
      type: PORT,
      default: '8181',
      description: 'The port of REST, as in Kytos; 0 selects a free port.',
    },
    napps: { type: PATH, default: 'var/lib/kytos/napps', description: 'The folder of the NApps.' },
    napps_pre_installed: {
      type: NAPPS,
      default: '["kytos/settings"]',
      description:
        'NApps that are linked and enabled at start if they are not installed yet; ' +
        'a disabled NApp stays disabled.',
    },
    jwt_secret: {
      type: TEXT,
      otherwise: 'none',
      description:
        'The secret with which Kytos signs its login tokens (JWT). ' +
        'With at least 32 characters, these tokens are accepted here, with jwt_rights.',
    },
  },
  settings: {
    backend: {
      type: BACKEND,
      default: 'filesystem',
      description:
        'Where settings are stored: filesystem for one controller, etcd for several, ' +
        'or the module of another backend, whose options are in [settings.NAME]. See docs/backends.md.',
    },
    controller: {
      type: CONTROLLER,
      otherwise: 'the host name',
      description: 'The name of this controller; it must be unique among the controllers of one store.',
    },
    listen: {
      type: HOST,
      otherwise: 'listen of [daemon]',
      description:
        'The address of this service. Set it if a kytosd with this file listens on other addresses for ' +
        'its switches.',
    },
    port: {
      type: PORT,
      otherwise: 'api_port',
      description: 'The port of this service. Set it if a kytosd on this host uses api_port.',
    },
    hosts: {
      type: HOSTS,
      default: '[]',
      description:
        'Additional names of this service besides its address and localhost, ' +
        'such as the name in its certificate or that of a proxy.',
    },
    authentication: {
      type: choice('none', 'required'),
      default: 'none',
      description:
        'Whether requests require a token; none is allowed on loopback only. See docs/security.md.',
    },
    allow_anonymous: {
      type: BOOLEAN,
      default: 'false',
      description:
        'Allow listening beyond loopback without authentication: ' +
        'every client that reaches the address can read and change all settings.',
    },
    jwt_rights: {
      type: PERMISSION_LIST,
      default: '["read", "write"]',
      description:
        'The permissions of a login token of Kytos: read, write, admin; [] rejects all login tokens.',
    },
    tls_cert: {
      type: PATH,
      otherwise: 'no TLS',
      description:
        'The certificate (PEM) of this service, followed by its intermediate certificates; requires tls_key.',
    },
    tls_key: {
      type: PATH,
      otherwise: 'none',
      description: 'The key (PEM) of that certificate; both files are reloaded when they change.',
    },
    state_dir: {
      type: PATH,
      default: 'var/lib/kytos/settings-state',
      description:
        'The folder for local state of this process, such as the snapshot of the last known settings.',
    },
    keys: {
      type: PATH,
      otherwise: 'settings-keys.json beside state_dir',
      description:
        'The file with the keys of secrets (a JWK set), readable by the user of the service alone; it is made ' +
        'with the first secret. The environment variable KYTOS_SETTINGS_KEYS replaces it.',
    },
    strict: {
      type: BOOLEAN,
      default: 'false',
      description: 'Reject settings of a namespace that has no schema.',
    },
    history: {
      type: RECORDS,
      default: '50',
      description:
        'How many of the newest versions of each document are kept, 1 to 1000. ' +
        'Those of the last minute, and those that set a value in effect, are kept longer.',
    },
    start_timeout: {
      type: SECONDS,
      default: '30',
      description: 'How long a start waits for the store if there is no snapshot, before it fails.',
    },
    hook_timeout: {
      type: SHORT_SECONDS,
      default: '2',
      description:
        'How long a NApp may take to accept a change of its settings, 20 at most; ' +
        'after that, the change is rejected.',
    },
    setup_timeout: {
      type: SECONDS,
      default: '10',
      description:
        'How long a NApp may take to load, and again for its setup(); ' +
        'after that, it has failed and the other NApps start.',
    },
    reconcile: {
      type: PERIOD,
      default: '300',
      description:
        'How often the cache is compared with the whole store, in case a watch event was lost; ' +
        'differences are counted and repaired.',
    },
    log: {
      type: choice('auto', 'text', 'json'),
      default: 'auto',
      description:
        'The format of the log on standard error: text, or json with one object per line; ' +
        'auto is text on a terminal and json elsewhere.',
    },
  },
  'settings.filesystem': {
    path: { type: PATH, default: 'var/lib/kytos/settings', description: 'The folder of the store.' },
  },
  'settings.etcd': {
    endpoints: {
      type: ENDPOINTS,
      default: '["http://127.0.0.1:2379"]',
      description: 'The URLs of the etcd members, each with its port.',
    },
    prefix: { type: PREFIX_PATH, default: '/kytos', description: 'The prefix of all keys of this store.' },
    username: {
      type: TEXT,
      otherwise: 'no authentication',
      description: 'The etcd user; requires password_file.',
    },
    password_file: {
      type: PATH,
      otherwise: 'none',
      description: 'The file that contains the password; kytos.ini never contains it.',
    },
    ca: {
      type: PATH,
      otherwise: 'the authorities of the system',
      description: 'The certificate authorities (PEM) of the etcd servers; requires https.',
    },
    cert: {
      type: PATH,
      otherwise: 'none',
      description: 'The client certificate (PEM); requires key and https.',
    },
    key: { type: PATH, otherwise: 'none', description: 'The key (PEM) of the client certificate.' },
    timeout: { type: SECONDS, default: '5', description: 'The timeout of a call to etcd.' },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, ConfigKey>>>>

type Schema = typeof CONFIG_SCHEMA
type ValueOf<Key> = Key extends { readonly type: ValueType<infer Value> }
  ? Key extends { readonly default: string }
    ? Value
    : Value | undefined
  : never

/**
 * The values of a file by section and key, defaults filled in, paths absolute; undefined for an absent key
 * without a default.
 */
export type ConfigValues = {
  readonly [Section in keyof Schema]: {
    readonly [Key in keyof Schema[Section]]: ValueOf<Schema[Section][Key]>
  }
}

/** The table as plain entries, in its order. */
export function configSections(): readonly (readonly [
  section: string,
  keys: Readonly<Record<string, ConfigKey>>,
])[] {
  return Object.entries(CONFIG_SCHEMA)
}
