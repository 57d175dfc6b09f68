import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import { parseIni } from '../boot/ini.ts'

/** The part of a kytosd's `kytos.conf` that the bridge needs. */
export interface Kytosd {
  /** The absolute path of its kytos.conf. */
  readonly conf: string
  /** The folder whose `etc/kytos/kytos.conf` this is, which kytosd knows as VIRTUAL_ENV; else undefined. */
  readonly base: string | undefined
  readonly napps: string
  /** True if the same file also configures a service, in `[settings]`. */
  readonly isOfService: boolean
  /** The address of its REST interface, from this host. */
  readonly url: string
}

const DEFAULT_PORT = '8181'

/**
 * Reads a kytos.conf as kytosd does.
 * @throws SettingsError CONFIG_ABSENT, or CONFIG_INVALID with its lines.
 */
export async function readKytosd(conf: string): Promise<Kytosd> {
  const sections = parseIni(await readConf(conf), conf)
  const daemon = sections.get('daemon')
  const folder = dirname(conf)
  const base = conf.endsWith('/etc/kytos/kytos.conf') ? resolve(folder, '../..') : undefined
  const value = (key: string): string | undefined => daemon?.get(key)?.value.trim() || undefined
  const listen = value('listen') ?? '0.0.0.0'
  const host = listen === '0.0.0.0' || listen === '::' ? '127.0.0.1' : listen
  return {
    conf,
    base,
    isOfService: sections.has('settings'),
    napps: resolve(folder, value('napps') ?? join(base ?? '/', 'var/lib/kytos/napps')),
    url: `http://${host.includes(':') ? `[${host}]` : host}:${value('api_port') ?? DEFAULT_PORT}`,
  }
}

async function readConf(conf: string): Promise<string> {
  try {
    return await readFile(conf, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) {
      const message = `${conf} does not exist. Name the kytos.conf of kytosd: kytos-settings bridge install FILE.`
      throw new SettingsError('CONFIG_ABSENT', message, { cause, details: { file: conf } })
    }
    throw new SettingsError('CONFIG_INVALID', `${conf} cannot be read: ${reasonOf(cause)}.`, {
      cause,
      details: { file: conf },
    })
  }
}
