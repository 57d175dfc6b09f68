import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Etcd3 } from 'etcd3'
import { createClient, type EtcdOptions } from './client.ts'
import { readFailure } from './errors.ts'
import { outdated } from './version.ts'

/** What one endpoint says of itself; undefined for what it does not tell. */
export interface EndpointInspection {
  readonly endpoint: string
  /** Why it does not answer, or refuses. */
  readonly failure: string | undefined
  readonly version: string | undefined
  /** What is wrong with that version. */
  readonly outdated: string | undefined
  readonly hasLeader: boolean | undefined
  readonly noSpace: boolean | undefined
  readonly bytes: number | undefined
  readonly quota: number | undefined
  /** Its command line; settings from its environment or a file are not in it. */
  readonly commandLine: readonly string[] | undefined
  /** Milliseconds by which its clock is ahead of ours; it tells whole seconds. */
  readonly ahead: number | undefined
}

/** How much of an answer over HTTP is read, in bytes. */
const MOST = 4 * 1024 * 1024
const PATIENCE = 3_000

/** Asks each endpoint by itself, over gRPC and over HTTP on the same port; reads only. */
export async function inspectEndpoints(options: EtcdOptions): Promise<readonly EndpointInspection[]> {
  return Promise.all(options.endpoints.map(endpoint => inspect(options, endpoint)))
}

async function inspect(options: EtcdOptions, endpoint: string): Promise<EndpointInspection> {
  const client = createClient(options, endpoint)
  const deadline = () => ({ deadline: Date.now() + PATIENCE })
  try {
    const address = Buffer.from(`${options.prefix}/`)
    const failure = await client.kv.range({ key: address, limit: 1, keys_only: true }, deadline()).then(
      () => undefined,
      error => readFailure(error).reason,
    )
    const status = await client.maintenance.status(deadline()).catch(() => undefined)
    const [alarm, health, metrics, vars, version] = await Promise.all([
      hasNoSpace(client, deadline()),
      ask(options, endpoint, '/health'),
      ask(options, endpoint, '/metrics'),
      ask(options, endpoint, '/debug/vars'),
      ask(options, endpoint, '/version'),
    ])
    return {
      endpoint,
      failure,
      version: status?.version,
      outdated: status && outdated(status.version),
      hasLeader: status && status.leader !== '0',
      // Who may not ask for alarms still hears of ill health.
      noSpace: alarm ?? (health && /NOSPACE/.test(health.body) ? true : undefined),
      bytes: status && Number(status.dbSize),
      quota: metrics && quotaIn(metrics.body),
      commandLine: vars && commandLineIn(vars.body),
      ahead: version?.ahead,
    }
  } finally {
    client.close()
  }
}

async function hasNoSpace(client: Etcd3, options: { readonly deadline: number }): Promise<boolean | undefined> {
  try {
    const { alarms } = await client.maintenance.alarm({ action: 'Get' }, options)
    return alarms.some(({ alarm }) => String(alarm).toUpperCase() === 'NOSPACE')
  } catch {
    return undefined // with authentication only root may ask
  }
}

function quotaIn(metrics: string): number | undefined {
  const [, value] = /^etcd_server_quota_backend_bytes (\S+)$/m.exec(metrics) ?? []
  return value === undefined ? undefined : Number(value)
}

function commandLineIn(vars: string): readonly string[] | undefined {
  try {
    const { cmdline } = JSON.parse(vars)
    return Array.isArray(cmdline) ? cmdline.map(String) : undefined
  } catch {
    return undefined // not what etcd answers
  }
}

/** What an endpoint answers over HTTP; undefined when it does not. */
function ask({ ca, cert, key }: EtcdOptions, endpoint: string, path: string): Promise<{ body: string; ahead: number | undefined } | undefined> {
  const asked = Date.now()
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  return new Promise(resolve => {
    const answer = (response: IncomingMessage): void => {
      const date = Date.parse(response.headers.date ?? '')
      // The answer was made between asking and now, and says the second only.
      const here = (asked + Date.now()) / 2
      const ahead = Number.isNaN(date) ? undefined : date + 500 - here
      let size = 0
      response.on('data', chunk => {
        size += chunk.length
        if (size > MOST) response.destroy()
      })
      text(response).then(
        body => resolve({ body, ahead }),
        () => resolve(undefined),
      )
    }
    try {
      const url = new URL(path, endpoint)
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest
      const request = send(url, { agent: false, timeout: PATIENCE, ...tls }, answer)
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(undefined))
      request.end()
    } catch {
      resolve(undefined) // an endpoint that is no URL, which the first call has said already
    }
  })
}
