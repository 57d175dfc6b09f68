import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { isLoopback } from '../../boot/loopback.ts'
import { API } from '../../http/openapi/paths.ts'
import { readLocalService } from '../../tokens/local-door.ts'
import type { World } from '../terminal/world.ts'
import type { Address } from './request.ts'

/** How a command names the service that it speaks to. */
export interface AddressOptions {
  readonly config?: string
  readonly url?: string
  readonly tokenFile?: string
}

/** A service, and the configuration of this host where that is what named it. */
export interface Found {
  readonly address: Address
  readonly config?: Config
}

/**
 * Where the service is: what the command line says, else the environment (KYTOS_SETTINGS_URL, KYTOS_SETTINGS_TOKEN), else the file by which a running service
 * lets its owner in, else what kytos.ini has it listen on. The owner's token goes to that service and to no other.
 * @throws SettingsError CONTENT_MALFORMED for no address, CONFIG_ABSENT or CONFIG_INVALID for what cannot be read.
 */
export async function findAddress(options: AddressOptions, world: World): Promise<Found> {
  const token = await readToken(options.tokenFile, world)
  const named = options.url ?? (world.env.KYTOS_SETTINGS_URL || undefined)
  if (named !== undefined) return { address: { url: parseUrl(named), ...(token !== undefined && { token }) } }
  const config = await loadConfig(locateConfig(options.config, world), { isNamed: options.config !== undefined })
  const door = await readLocalService(join(config.settings.state_dir, config.settings.controller)).catch(error => {
    // Somebody else's: they may still come in as everybody does.
    if (isSettingsError(error, 'CONFIG_INVALID')) return undefined
    throw error
  })
  const url = door?.url ?? serviceUrl(config)
  const shown = token ?? door?.token
  // A kytos.ini may have been copied from another host.
  const isOwn = door !== undefined || isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))
  return { address: { url, isOwn, ...(shown !== undefined && { token: shown }) }, config }
}

/** The address at which the service of a configuration can be reached on its own host. */
export function serviceUrl({ settings: { listen, port, tls_cert } }: Config): string {
  const anywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const address = anywhere[listen] ?? listen
  return `${tls_cert === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

async function readToken(file: string | undefined, { cwd, env }: World): Promise<string | undefined> {
  if (file === undefined) return env.KYTOS_SETTINGS_TOKEN?.trim() || undefined
  const path = resolve(cwd, file)
  const text = await readFile(path, 'utf8').catch(cause => {
    throw new SettingsError('CONFIG_INVALID', `${path}, named by --token-file, cannot be read: ${cause.message}.`, { cause })
  })
  const token = text.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new SettingsError('CONFIG_INVALID', `${path}, named by --token-file, holds no token: it is one line, as "token create" prints it.`)
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '') {
    return url.href.replace(/\/+$/, '').replace(new RegExp(`${API}$`), '')
  }
  throw new SettingsError('CONTENT_MALFORMED', `${JSON.stringify(text)} is no address of a service: it looks like http://127.0.0.1:8181.`)
}

function locateConfig(explicit: string | undefined, world: World): string {
  try {
    return findConfig(explicit, world)
  } catch (error) {
    if (!isSettingsError(error, 'CONFIG_ABSENT') || explicit !== undefined) throw error
    throw new SettingsError('CONFIG_ABSENT', `${error.message} To speak to a service elsewhere, name it with --url.`, { cause: error })
  }
}
