import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { createMemoryBackend } from '../../../backends/memory/index.ts'
import { createFeed } from '../../../events/buffered-feed.ts'
import { type CountedBus, createBus } from '../../../events/bus.ts'
import type { WritableFeed } from '../../../events/feed.ts'
import { parseJson } from '../../../model/json.ts'
import { createService } from '../../../src/app/service.ts'
import { type Http, type HttpOptions, openHttp } from '../../../src/http/server.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import { type KeptLog, keepLog } from '../../support/controller.ts'

export const API = '/api/kytos/settings/v1'
export const NAMESPACE = `${API}/kytos/of_lldp`

/** A server on a free port; it is closed when the test has finished. */
export interface Rig {
  readonly bus: CountedBus
  readonly http: Http
  readonly log: KeptLog
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Text or bytes as they are; anything else is printed as JSON, with its Content-Type. */
  readonly body?: string | Uint8Array | { readonly json: unknown }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body, parsed with exact integers. */
  readonly json: Readonly<Record<string, unknown>>
}

/** How a service is that does well. */
export const READY: ReturnType<HttpOptions['health']> = {
  state: 'READY',
  revision: 7n,
  epoch: 1,
  since: '2024-02-29T00:00:00.000Z',
  reason: null,
  age: 0.5,
  resyncs: 2,
  repairs: 0,
  reconciles: 9,
}

/** A server in front of the real service, on a store in memory unless another one is given. */
export async function openRealRig(backend = createMemoryBackend()): Promise<Rig> {
  const log = keepLog()
  const bus = createBus({ log })
  const service = createService(() => backend, {
    bus,
    controller: 'controller-1',
    strict: false,
    log,
    startTimeout: 10_000,
  })
  await service.start()
  onTestFinished(() => service.close())
  const { feed, health, fileProblems } = service
  return openRig({ bus, feed, health, metrics: createMetrics({ feed, health, fileProblems }), log })
}

/** A server in front of a bus without a service, and of a feed that the test fills. */
export async function openBareRig(
  options: Partial<
    Pick<
      HttpOptions,
      'feed' | 'health' | 'heartbeat' | 'grace' | 'deadlines' | 'connectionLimits' | 'isAnnounced'
    >
  > = {},
): Promise<Rig & { readonly feed: WritableFeed }> {
  const log = keepLog()
  const bus = createBus({ log })
  const feed = createFeed({
    epoch: 1,
    revision: 0n,
    namespaces: () => ({
      'kytos/a': { data: { n: 1 }, revision: '9' },
      'kytos/b': { data: {}, revision: '2' },
    }),
  })
  feed.begin()
  return { ...(await openRig({ bus, feed, health: () => READY, log, ...options })), feed }
}

type RigOptions = Omit<HttpOptions, 'listen' | 'port' | 'bus' | 'log'> & {
  readonly bus: CountedBus
  readonly log: KeptLog
}

async function openRig(options: RigOptions): Promise<Rig> {
  const http = await openHttp({ listen: '127.0.0.1', port: 0, ...options })
  onTestFinished(() => http.close())
  return {
    bus: options.bus,
    http,
    log: options.log,
    send: (method, path, more) => send(http.port, method, path, more),
  }
}

/** One request, its path and headers exactly as given. */
export async function send(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: SendOptions = {},
): Promise<Answer> {
  const asJson = typeof body === 'object' && 'json' in body
  const type = asJson && !('content-type' in headers) ? { 'content-type': 'application/json' } : {}
  // A string would have node encode the headers with it, as UTF-8.
  const bytes = body === undefined ? undefined : Buffer.from(asJson ? JSON.stringify(body.json) : body)
  // Node adds none to a DELETE.
  const length = bytes && !('transfer-encoding' in headers) ? { 'content-length': String(bytes.length) } : {}
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...type, ...length, ...headers } as Record<string, string>,
        agent: false,
      },
      resolve,
    )
    request.on('error', reject)
    request.end(bytes)
  })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  const parsed =
    /json/.test(response.headers['content-type'] ?? '') && text !== '' ? parseJson(text) : undefined
  // Tests look into what they expect to be there.
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parsed as Answer['json'] }
}

/** What comes back for exactly this text on a bare line, up to its end. */
export function sendText(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(text))
    socket.on('data', data => {
      got += data
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(got))
  })
}
