import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Etcd3 } from 'etcd3'
import { createClient, type EtcdOptions } from './connection/client.ts'
import { type Failure, readFailure } from './connection/errors.ts'
import { outdated } from './version.ts'

/** The state of one endpoint as it reports it; undefined where it does not. */
export interface EndpointInspection {
  readonly endpoint: string
  /** The failure of a read. */
  readonly failure: Failure | undefined
  /** The reason why it would reject a write. */
  readonly refusal: string | undefined
  readonly revision: string | undefined
  readonly version: string | undefined
  /** The known bugs of that version, as a text. */
  readonly outdated: string | undefined
  readonly hasLeader: boolean | undefined
  readonly noSpace: boolean | undefined
  readonly bytes: number | undefined
  readonly quota: number | undefined
  /** Its command line, without settings from its environment or a file. */
  readonly commandLine: readonly string[] | undefined
  /** Milliseconds by which its clock is ahead of ours; it reports whole seconds. */
  readonly ahead: number | undefined
}

/** The largest response over HTTP that is read. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024
const TIMEOUT_MS = 3_000

/** Inspects each endpoint by itself, over gRPC and over HTTP on the same port; reads only. */
export async function inspectEndpoints(options: EtcdOptions): Promise<readonly EndpointInspection[]> {
  return Promise.all(options.endpoints.map(endpoint => inspect(options, endpoint)))
}

async function inspect(options: EtcdOptions, endpoint: string): Promise<EndpointInspection> {
  const client = createClient(options, endpoint)
  const deadline = () => ({ deadline: Date.now() + TIMEOUT_MS })
  try {
    const address = Buffer.from(`${options.prefix}/`)
    // In parallel, because each may run into its timeout.
    const reading = client.kv
      .range({ key: address, limit: 1, keys_only: true }, deadline())
      .catch(readFailure)
    const [read, status, refusal, alarm, health, metrics, vars, http] = await Promise.all([
      reading,
      client.maintenance.status(deadline()).catch(() => undefined),
      reading.then(answer => ('kind' in answer ? undefined : findRefusal(client, address, deadline()))),
      hasNoSpace(client, deadline()),
      ask(options, endpoint, '/health'),
      ask(options, endpoint, '/metrics'),
      ask(options, endpoint, '/debug/vars'),
      ask(options, endpoint, '/version'),
    ])
    const metric = (name: string): number | undefined => metrics && metricIn(metrics.body, name)
    const leads = metric('etcd_server_has_leader')
    // 3.5.28 and some later versions report their status over gRPC to root only, and to every user over HTTP.
    const version = status?.version ?? (http && memberIn(http.body, 'etcdserver'))
    return {
      endpoint,
      failure: 'kind' in read ? read : undefined,
      refusal,
      revision: 'kind' in read ? undefined : read.header.revision,
      version,
      outdated: version === undefined ? undefined : outdated(version),
      hasLeader: status ? status.leader !== '0' : leads === undefined ? undefined : leads === 1,
      // A user without permission to read alarms can still read the health.
      noSpace: alarm ?? (health && /NOSPACE/.test(health.body) ? true : undefined),
      bytes: status ? Number(status.dbSize) : metric('etcd_mvcc_db_total_size_in_bytes'),
      quota: metric('etcd_server_quota_backend_bytes'),
      commandLine: vars && commandLineIn(vars.body),
      ahead: http?.ahead,
    }
  } finally {
    client.close()
  }
}

/**
 * The reason why a write is rejected. etcd checks permissions before the condition, which never holds, so
 * nothing is deleted; and a deletion needs no storage.
 */
async function findRefusal(
  client: Etcd3,
  prefix: Buffer,
  options: { readonly deadline: number },
): Promise<string | undefined> {
  const key = Buffer.concat([prefix, Buffer.from('meta/doctor')])
  const never = { key, target: 'Version', result: 'Equal', version: '9223372036854775807' } as const
  try {
    await client.kv.txn({ compare: [never], success: [{ request_delete_range: { key } }] }, options)
    return undefined
  } catch (error) {
    const { code, reason } = readFailure(error)
    return code === 'STORE_REFUSED' ? reason : undefined
  }
}

async function hasNoSpace(
  client: Etcd3,
  options: { readonly deadline: number },
): Promise<boolean | undefined> {
  try {
    const { alarms } = await client.maintenance.alarm({ action: 'Get' }, options)
    return alarms.some(({ alarm }) => String(alarm).toUpperCase() === 'NOSPACE')
  } catch {
    return undefined // with authentication, only root may read alarms
  }
}

function metricIn(metrics: string, name: string): number | undefined {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics) ?? []
  return value === undefined ? undefined : Number(value)
}

function memberIn(text: string, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)[name]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined // not a response of etcd
  }
}

function commandLineIn(vars: string): readonly string[] | undefined {
  try {
    const { cmdline } = JSON.parse(vars)
    return Array.isArray(cmdline) ? cmdline.map(String) : undefined
  } catch {
    return undefined // not a response of etcd
  }
}

/** The response of an endpoint over HTTP; undefined when there is none. */
function ask(
  { ca, cert, key }: EtcdOptions,
  endpoint: string,
  path: string,
): Promise<{ body: string; ahead: number | undefined } | undefined> {
  const asked = Date.now()
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  return new Promise(resolve => {
    const answer = (response: IncomingMessage): void => {
      const date = Date.parse(response.headers.date ?? '')
      // The response was made between the request and now, and its date has whole seconds.
      const here = (asked + Date.now()) / 2
      const ahead = Number.isNaN(date) ? undefined : date + 500 - here
      let size = 0
      response.on('data', chunk => {
        size += chunk.length
        if (size > MAX_RESPONSE_BYTES) response.destroy()
      })
      text(response).then(
        body => resolve({ body, ahead }),
        () => resolve(undefined),
      )
    }
    try {
      const url = new URL(path, endpoint)
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest
      const request = send(url, { agent: false, timeout: TIMEOUT_MS, ...tls }, answer)
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(undefined))
      request.end()
    } catch {
      resolve(undefined) // an endpoint that is no URL, which the first call has reported
    }
  })
}
