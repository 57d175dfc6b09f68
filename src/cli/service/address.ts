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
  readonly config?: Config
  /** True if no token was given, so that the token of the owner is sent where this user may read it. */
  readonly isOwner?: boolean
}

/**
 * The address of the service: from the command line, else from the environment (KYTOS_SETTINGS_URL,
 * KYTOS_SETTINGS_TOKEN), else from the file that a running service writes for its owner, else from kytos.ini.
 * The token of the owner is sent to that service only. A given token is sent to a named address or to this
 * host, so that no kytos.ini sends it elsewhere.
 * @throws SettingsError CONTENT_MALFORMED for a malformed address, CONFIG_ABSENT or CONFIG_INVALID for an
 * unreadable file. CONFIG_UNTRUSTED for a file of another user, or a token that would leave this host.
 */
export async function findAddress(options: AddressOptions, context: CliContext): Promise<Found> {
  const token = await readToken(options.tokenFile, context)
  const named = options.url ?? (context.env.KYTOS_SETTINGS_URL || undefined)
  if (named !== undefined) return { address: { url: parseUrl(named), ...(token !== undefined && { token }) } }
  const config = await loadConfig(locateConfig(options.config, context), {
    isNamed: options.config !== undefined,
  })
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
  if (token !== undefined && !isOwn) throw tokenNotSent(url, config)
  return {
    address: { url, isOwn, ...(sent !== undefined && { token: sent }) },
    config,
    isOwner: token === undefined,
  }
}

/**
 * Calls `request` with the address of the service, and once more if its token was replaced meanwhile: a
 * restarted service has a new token for its owner, which may be written after the old one was read.
 * @throws SettingsError what `find` and `request` throw.
 */
export async function withAddress<Result>(
  find: () => Promise<Found>,
  request: (found: Found) => Promise<Result>,
): Promise<Result> {
  const found = await find()
  try {
    return await request(found)
  } catch (error) {
    if (!isSettingsError(error, 'TOKEN_INVALID') && !isSettingsError(error, 'TOKEN_REQUIRED')) throw error
    const again = await find()
    if (again.address.token === found.address.token) throw error
    return request(again)
  }
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

function tokenNotSent(url: string, { file }: Config): SettingsError {
  return new SettingsError(
    'CONFIG_UNTRUSTED',
    `The token was not sent to ${url}: only ${file} names this address, and it is not of this host. Name it: --url ${url}.`,
    { details: { url, config: file } },
  )
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

function locateConfig(explicit: string | undefined, context: CliContext): string {
  try {
    return findConfig(explicit, context)
  } catch (error) {
    if (!isSettingsError(error, 'CONFIG_ABSENT') || explicit !== undefined) throw error
    throw new SettingsError('CONFIG_ABSENT', `${error.message} Use --url for the service of another host.`, {
      cause: error,
    })
  }
}
