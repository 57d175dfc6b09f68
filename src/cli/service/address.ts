import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { isThisHost } from '../../boot/loopback.ts'
import { API } from '../../http/openapi/paths.ts'
import { readLocalService } from '../../tokens/local-auth.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import type { Address } from './request.ts'

/** Options that select the service of a command. */
export interface AddressOptions {
  readonly config?: string
  readonly url?: string
  readonly tokenFile?: string
}

/** The address of a service, and the configuration of this host if that determined it. */
export interface Found {
  readonly address: Address
  /** Further addresses, of which the first that answers is used; `address` is tried before them. */
  readonly others?: readonly Address[]
  /** Why no configuration determined the address, which is then the default one of this host. */
  readonly absent?: SettingsError
  readonly config?: Config
  /** True if no token was given, so that the token of the owner is sent where this user may read it. */
  readonly isOwner?: boolean
}

/** The address of a service that no configuration changes. */
const DEFAULT_URL = 'http://127.0.0.1:8181'

/**
 * The address of the service: from the command line, else from the environment (KYTOS_SETTINGS_URL,
 * KYTOS_SETTINGS_TOKEN), else from the file that a running service writes for its owner. Else it is from
 * kytos.ini, and without one port 8181 of this host.
 * The token of the owner is sent to that service only. A given token is sent to a named address, or to this
 * host if a kytos.ini exists. So no kytos.ini sends it elsewhere, and no server of another user receives it.
 * @throws SettingsError CONTENT_MALFORMED for a malformed address, CONFIG_ABSENT for a named file that does
 * not exist, CONFIG_INVALID for an unreadable file. CONFIG_UNTRUSTED for a file of another user, or a token
 * that would be sent to an address that the caller did not name.
 */
export async function findAddress(options: AddressOptions, context: CliContext): Promise<Found> {
  const token = await readToken(options.tokenFile, context)
  const named = options.url ?? (context.env.KYTOS_SETTINGS_URL || undefined)
  if (named !== undefined) {
    const [address, ...others] = parseUrls(named).map(url => ({ url, ...(token !== undefined && { token }) }))
    if (address) return { address, others }
  }
  const file = locateConfig(options.config, context)
  if (typeof file !== 'string') {
    if (token !== undefined)
      throw tokenNotSent(DEFAULT_URL, 'it is only the default address, and no kytos.ini exists')
    return { address: { url: DEFAULT_URL }, absent: file }
  }
  const config = await loadConfig(file, { isNamed: options.config !== undefined })
  const service = await readLocalService(join(config.settings.state_dir, config.settings.controller)).catch(
    error => {
      // The file of another user: the service may still accept the request without its token.
      if (isSettingsError(error, 'CONFIG_INVALID')) return undefined
      throw error
    },
  )
  const url = service?.url ?? serviceUrl(config)
  const sent = token ?? service?.token
  // A kytos.ini may be a copy from another host.
  const isOwn = isThisHost(url)
  if (token !== undefined && !isOwn)
    throw tokenNotSent(url, `only ${config.file} names this address, and it is not of this host`)
  return {
    address: { url, isOwn, ...(sent !== undefined && { token: sent }) },
    config,
    isOwner: token === undefined,
  }
}

/**
 * Calls `request` with the address of the service, and with the next one if that cannot be reached. It is called
 * once more if the token was replaced meanwhile: a restarted service has a new token for its owner, which may
 * be written after the old one was read.
 * @throws SettingsError what `find` and `request` throw.
 */
export async function withAddress<Result>(
  find: () => Promise<Found>,
  request: (found: Found) => Promise<Result>,
): Promise<Result> {
  const found = await find()
  try {
    return await requestFirst(found, request)
  } catch (error) {
    if (!isSettingsError(error, 'TOKEN_INVALID') && !isSettingsError(error, 'TOKEN_REQUIRED')) throw error
    const again = await find()
    if (again.address.token === found.address.token) throw error
    return requestFirst(again, request)
  }
}

/** Calls `request` with each address until a service answers; nothing was sent to those before. */
async function requestFirst<Result>(
  found: Found,
  request: (found: Found) => Promise<Result>,
): Promise<Result> {
  const { others = [], absent } = found
  let failure: unknown
  for (const address of [found.address, ...others]) {
    try {
      return await request({ ...found, address })
    } catch (error) {
      if (!isSettingsError(error, 'SERVICE_ABSENT')) throw error
      failure = error
    }
  }
  if (!absent || !isSettingsError(failure)) throw failure
  const { message, details } = failure
  throw new SettingsError('SERVICE_ABSENT', `${message} ${absent.message}`, { cause: failure, details })
}

/** The URL of the service of a configuration, from its own host. */
export function serviceUrl({ settings: { listen, port, tls_cert } }: Config): string {
  const anywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const address = anywhere[listen] ?? listen
  return `${tls_cert === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

async function readToken(file: string | undefined, { cwd, env }: CliContext): Promise<string | undefined> {
  if (file === undefined) return env.KYTOS_SETTINGS_TOKEN?.trim() || undefined
  const path = resolve(cwd, file)
  const text = await readFile(path, 'utf8').catch(cause => {
    throw new SettingsError('CONFIG_INVALID', `${path} (--token-file) cannot be read: ${cause.message}.`, {
      cause,
    })
  })
  const token = text.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new SettingsError(
    'CONFIG_INVALID',
    `${path} (--token-file) holds no token: it must be one line, as "kytos-settings token create" prints it.`,
  )
}

function tokenNotSent(url: string, why: string): SettingsError {
  const message = `The token was not sent to ${url}: ${why}. Name it: --url ${url}.`
  return new SettingsError('CONFIG_UNTRUSTED', message, { details: { url } })
}

/** @throws SettingsError CONTENT_MALFORMED. */
function parseUrls(text: string): readonly string[] {
  return text.split(',').map(one => parseUrl(one.trim()))
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '') {
    return url.href.replace(/\/+$/, '').replace(new RegExp(`${API}$`), '')
  }
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${JSON.stringify(text)} is not the address of a service: use a form such as http://127.0.0.1:8181.`,
  )
}

/** The file to read; the reason when no file is named and none exists. @throws SettingsError CONFIG_ABSENT. */
function locateConfig(explicit: string | undefined, context: CliContext): string | SettingsError {
  try {
    return findConfig(explicit, context)
  } catch (error) {
    if (!isSettingsError(error, 'CONFIG_ABSENT') || explicit !== undefined) throw error
    return new SettingsError('CONFIG_ABSENT', `${error.message} Use --url for the service of another host.`, {
      cause: error,
    })
  }
}
