import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { isControllerId } from '../../model/namespace.ts'
import type { Permission } from '../../model/permissions.ts'
import { type BackendSections, checkConfig } from './config-check.ts'
import type { ConfigValues } from './config-schema.ts'
import { isModulePath, isOwnBackend } from './config-values.ts'
import { readIni } from './ini.ts'
import { type ConfigProblem, configInvalid, quote } from './problems.ts'
import { requireTrusted } from './trust.ts'

/** The validated `kytos.ini`: absolute paths, defaults filled in. */
export interface Config {
  /** The absolute path of the file. */
  readonly file: string
  readonly daemon: {
    readonly listen: string
    readonly api_port: number
    readonly napps: string
    readonly napps_pre_installed: readonly string[]
    /** A secret of Kytos, never logged. */
    readonly jwt_secret?: string | undefined
  }
  readonly settings: {
    /** `filesystem`, `etcd`, or the backend that `other` describes. */
    readonly backend: string
    readonly controller: string
    readonly listen: string
    readonly port: number
    /** The names allowed in a Host header besides the address and those of loopback. */
    readonly hosts: readonly string[]
    readonly authentication: 'none' | 'required'
    readonly allow_anonymous: boolean
    /** The permissions of a login token of Kytos. */
    readonly jwt_rights: readonly Permission[]
    readonly tls_cert?: string | undefined
    readonly tls_key?: string | undefined
    readonly state_dir: string
    /** The file with the keys of secrets. */
    readonly keys: string
    readonly strict: boolean
    /** The newest history records of each document that are kept. */
    readonly history: number
    /** Seconds in OFFLINE before the process exits. */
    readonly start_timeout: number
    /** The limit, in seconds, for a NApp's decision on a change. */
    readonly hook_timeout: number
    /** The limit, in seconds, for the import of a NApp's main file, and for its setup(). */
    readonly setup_timeout: number
    /** Seconds between two comparisons of the cache with the store; 0 for none. */
    readonly reconcile: number
    readonly log: 'auto' | 'text' | 'json'
  }
  readonly filesystem: { readonly path: string }
  readonly etcd: EtcdConfig
  /** The backend of another package, if `settings.backend` names one; its code is not loaded yet. */
  readonly other?: OtherBackend
}

export interface OtherBackend {
  /** The name of a package, or an absolute path. */
  readonly module: string
  /** The sections that may contain its options. */
  readonly sections: BackendSections
  /**
   * True when the operator named the file, or started the service with it: its code then runs without a check
   * of the file's permissions.
   */
  readonly isNamed: boolean
}

export interface EtcdConfig {
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly username?: string
  readonly password_file?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Seconds after which a call without a response fails. */
  readonly timeout: number
}

const FILE_NAMES = ['kytos.ini', 'kytos.conf']
const CREATE_HINT = 'Copy kytos.example.ini to kytos.ini, or use -c FILE.'

/** The environment of the search for a file. */
export interface ConfigContext {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The absolute path of the file to read: the explicit one, else kytos.ini, else kytos.conf, in `cwd`, then in
 * `/etc/kytos`, which is below `VIRTUAL_ENV` in a virtual environment of Python, as in Kytos.
 * @throws SettingsError CONFIG_ABSENT with the searched paths.
 */
export function findConfig(explicit: string | undefined, { cwd, env }: ConfigContext): string {
  const system = join(env.VIRTUAL_ENV || '/', 'etc/kytos')
  const candidates =
    explicit === undefined
      ? [cwd, system].flatMap(folder => FILE_NAMES.map(name => resolve(folder, name)))
      : [resolve(cwd, explicit)]
  const found = candidates.find(file => existsSync(file))
  if (found !== undefined) return found
  const message =
    explicit === undefined
      ? `No configuration file found; searched ${candidates.join(', ')}. ${CREATE_HINT}`
      : `The configuration file ${candidates.join()} does not exist. ${CREATE_HINT}`
  throw new SettingsError('CONFIG_ABSENT', message, { details: { looked_for: candidates } })
}

/**
 * Reads and validates a file in the syntax of Kytos: defaults filled in, relative paths from the file's
 * folder, unknown keys rejected in `[settings*]` only. Runs no code of a backend. `isNamed` is true when the
 * operator named the file (`-c FILE`), or starts the service with it. A file that was only found is rejected if
 * another user could have written it, because it decides which host receives settings and passwords.
 * @throws SettingsError CONFIG_ABSENT, CONFIG_UNTRUSTED, or CONFIG_INVALID with all problems and their lines.
 */
export async function loadConfig(
  path: string,
  { isNamed = false }: { readonly isNamed?: boolean } = {},
): Promise<Config> {
  const file = resolve(path)
  if (!isNamed && existsSync(file)) {
    const purpose = `${file}, which was found and not named, is not used: it could send settings and tokens to others`
    await requireTrusted(file, purpose, `, or name the file: -c ${file}`)
  }
  const { values, open, problems } = checkConfig(readIni(decode(file, await read(file))), dirname(file))
  const {
    controller = hostname(),
    listen = values.daemon.listen,
    port = values.daemon.api_port,
    keys = join(dirname(values.settings.state_dir), 'settings-keys.json'),
  } = values.settings
  const all = [...problems, ...checkHostName(values.settings.controller)]
  if (all.length > 0) throw configInvalid(file, all)
  return {
    file,
    daemon: values.daemon,
    settings: { ...values.settings, controller, listen, port, keys },
    filesystem: values['settings.filesystem'],
    etcd: etcdConfig(values['settings.etcd']),
    ...otherBackend(values.settings.backend, dirname(file), open, isNamed),
  }
}

function otherBackend(
  backend: string,
  folder: string,
  sections: BackendSections,
  isNamed: boolean,
): Pick<Config, 'other'> {
  if (isOwnBackend(backend)) return {}
  return { other: { module: isModulePath(backend) ? resolve(folder, backend) : backend, sections, isNamed } }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    if (code === 'ENOENT')
      throw new SettingsError(
        'CONFIG_ABSENT',
        `The configuration file ${file} does not exist. ${CREATE_HINT}`,
        { cause },
      )
    const why =
      code === 'EISDIR'
        ? 'it is a folder'
        : code === 'EACCES'
          ? `permission denied: check the permissions of the file and of its folders`
          : code
    throw configInvalid(file, [{ message: `the file cannot be read: ${why}.` }], cause)
  }
}

function decode(file: string, bytes: Buffer): string {
  try {
    // The byte order mark is kept, because Python sees it too; the ini reader reports it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    const line =
      bytes
        .toString('latin1')
        .split(/\r\n|\r|\n/)
        .findIndex(text => Buffer.from(text, 'latin1').toString('utf8').includes('\ufffd')) + 1
    throw configInvalid(
      file,
      [{ ...(line > 0 ? { line } : {}), message: 'the file is not UTF-8. Save it as UTF-8.' }],
      cause,
    )
  }
}

/** Checks that the host name is a valid controller id if it is the default of `controller`. */
function checkHostName(controller: string | undefined): readonly ConfigProblem[] {
  const name = hostname()
  if (controller !== undefined || isControllerId(name)) return []
  return [
    {
      message:
        `the host name ${quote(name)} is not a valid controller name. ` +
        'Set controller in [settings], such as controller-1.',
    },
  ]
}

function etcdConfig({
  username,
  password_file,
  ca,
  cert,
  key,
  ...rest
}: ConfigValues['settings.etcd']): EtcdConfig {
  return {
    ...rest,
    ...(username === undefined ? {} : { username }),
    ...(password_file === undefined ? {} : { password_file }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}
