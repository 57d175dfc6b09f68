import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Random } from '../chaos/random.ts'
import { API, jsonOf, list, STOREHOUSE, size } from './act.ts'
import { createFuzzClient, openBus } from './client.ts'
import type { FuzzedService, Role } from './fuzzed-service.ts'
import { hostileValue } from './generate/texts.ts'
import { cpuOf, forgetMostMemory, mostMemoryOf } from './process-gauge.ts'
import type { Finding } from './run-scenario.ts'

/*
 * A crowd: many connections at once that behave badly, for some seconds; then the memory that they cost.
 *
 * Invariant: while they last, the service answers another caller, and its memory stays within the budgets of
 * docs/security.md, and what the collector of V8 has not released yet.
 */

const CONNECTIONS = 48
const CROWD_MS = 4_000
/**
 * MiB of the process at its peak: about 150 at rest, 256 of answers and 128 of unfinished messages of two
 * callers are 534. The rest is garbage, and the other forms of the boxes that are prepared: measured 650 to
 * 950.
 */
const MEMORY_MIB = 1_280
const SETTLE_SECONDS = 60
const IDLE_MS_A_SECOND = 20
const FULL_FRAME = 16 * 1_048_576

export interface CrowdResult {
  readonly name: string
  readonly statuses: readonly string[]
  readonly findings: readonly Finding[]
  /** MiB. */
  readonly most: number
}

/** A connection that is misused until it is ended. */
interface Misuse {
  end(): void
}
type Behavior = (service: FuzzedService, random: Random) => Misuse

const head = ({ tokens }: FuzzedService, role: Role, line: string, more = ''): string =>
  `${line} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${tokens[role]}\r\n${more}\r\n`

function open({ port }: FuzzedService): Socket {
  return connect(port, '127.0.0.1').on('error', () => {})
}

function raw(start: (socket: Socket, service: FuzzedService, random: Random) => void): Behavior {
  return (service, random) => {
    const socket = open(service)
    socket.once('connect', () => start(socket, service, random))
    return { end: () => socket.destroy() }
  }
}

function onBus(start: (socket: WebSocket, random: Random) => void): Behavior {
  return (service, random) => {
    const socket = openBus(service, random.pick(['reader', 'writer']))
    socket.once('open', () => start(socket, random))
    return { end: () => socket.terminate() }
  }
}

/** Sends a text byte for byte, so that it never ends. */
function trickle(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ''), 20)
  socket.once('close', () => clearInterval(timer))
}

const BEHAVIORS: Readonly<Record<string, Behavior>> = {
  silent: raw(() => {}),
  'slow head': raw(socket => trickle(socket, 'GET /healthz HTTP/1.1\r\nx: y\r\n')),
  'slow body': raw((socket, service) => {
    const more = 'content-type: application/json\r\ncontent-length: 900000\r\n'
    socket.write(head(service, 'writer', `PUT ${API}/fuzz/slow`, more))
    trickle(socket, ' ')
  }),
  'body that does not end': raw((socket, service) => {
    const more = `content-type: application/json\r\ncontent-length: ${FULL_FRAME}\r\n`
    socket.write(head(service, 'writer', `POST ${STOREHOUSE}/v2/crowd/x`, more))
    socket.write(' '.repeat(FULL_FRAME - 1))
  }),
  'half closed': raw((socket, service) => void socket.end(head(service, 'reader', `GET ${API}`))),
  'unread answers': raw((socket, service) => {
    socket.pause()
    socket.write(head(service, 'reader', `GET ${STOREHOUSE}/v1/crowd/big`).repeat(20))
  }),
  'unread events': raw((socket, service) => {
    socket.pause()
    socket.write(head(service, 'reader', `GET ${API}/events?since=0.1`))
  }),
  pipelined: raw((socket, service) => void socket.write(head(service, 'reader', `GET ${API}`).repeat(500))),
  garbage: raw((socket, _, random) => {
    socket.write(Buffer.from(list(size(random, 20_000), () => random.between(0, 255))))
  }),
  'frame without a mask': rawFrame(() => Buffer.from([0x81, 1, 0x41])),
  'reserved bits': rawFrame(random => Buffer.from([0xf1, 0x80 | random.between(0, 125), 0, 0, 0, 0])),
  'frame of 2^62 bytes': rawFrame(() => Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  'fragments without end': rawFrame(() => {
    const piece = Buffer.concat([Buffer.from([0, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), Buffer.alloc(65_535, 32)])
    const first = Buffer.from(piece)
    first[0] = 1
    return Buffer.concat([first, ...list(250, () => piece)])
  }),
  'tiny fragments': rawFrame(() => {
    const piece = Buffer.from([0, 0x81, 0, 0, 0, 0, 32])
    return Buffer.concat([Buffer.from([1, 0x81, 0, 0, 0, 0, 32]), ...list(100_000, () => piece)])
  }),
  pings: onBus(socket => {
    for (let i = 0; i < 5_000; i++) socket.ping('x'.repeat(125))
  }),
  'commands in flight': onBus((socket, random) => {
    for (let id = 0; id < 300; id++)
      socket.send(
        jsonOf({
          id,
          name: 'kytos.settings.update',
          content: { namespace: 'fuzz/crowd', data: { a: hostileValue(random, 20) } },
        }),
      )
  }),
  'unread boxes': onBus(socket => {
    socket.pause()
    for (let id = 0; id < 64; id++)
      socket.send(
        jsonOf({ id, name: 'kytos.storehouse.retrieve', content: { namespace: 'crowd', box_id: 'big' } }),
      )
  }),
  'unread subscription': onBus(socket => {
    socket.pause()
    socket.send(jsonOf({ subscribe: ['settings.*', 'box.*'] }))
  }),
}

/** A connection to the bus that sends these bytes after its handshake. */
function rawFrame(bytes: (random: Random) => Buffer): Behavior {
  return raw((socket, service, random) => {
    const upgrade = 'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n'
    const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    socket.once('data', () => socket.write(bytes(random)))
    socket.write(head(service, random.pick(['reader', 'writer']), `GET ${API}/bus`, upgrade + key))
  })
}

/** Runs one crowd of random behaviors, or of one. */
export async function runCrowd(
  service: FuzzedService,
  random: Random,
  names = Object.keys(BEHAVIORS),
): Promise<CrowdResult> {
  const findings: Finding[] = []
  const statuses: string[] = []
  const client = createFuzzClient(service)
  const act = (method: string, path: string, body?: string) =>
    client.send({
      name: 'probe',
      role: 'writer',
      method,
      path,
      limit: 0,
      ...(body === undefined ? {} : { body }),
    })
  await act('POST', `${STOREHOUSE}/v2/crowd/big`, `"${'x'.repeat(15_000_000)}"`)
  await settle(service)
  await forgetMostMemory(service.pid)
  const chosen = random.chance(0.5) ? [random.pick(names)] : names
  const name = `crowd of ${chosen.length === 1 ? chosen[0] : 'all kinds'}`
  const misuses = list(CONNECTIONS, i =>
    BEHAVIORS[chosen[i % chosen.length] ?? '']?.(service, random.fork(String(i))),
  )
  const start = performance.now()
  while (performance.now() - start < CROWD_MS && service.isAlive()) {
    const { status } = await act('PUT', `${API}/fuzz/probe`, jsonOf({ a: random.next() }))
    statuses.push(String(status))
    if (typeof status === 'string' || (status > 499 && status !== 503))
      findings.push({ kind: 'answer', text: `another caller is answered ${status}` })
    await pause(50)
  }
  for (const misuse of misuses) misuse?.end()
  client.close()
  await settle(service)
  const most = service.isAlive() ? await mostMemoryOf(service.pid) : 0
  if (most > MEMORY_MIB)
    findings.push({ kind: 'memory', text: `${most.toFixed(0)} MiB are used; ${MEMORY_MIB} are allowed` })
  if (!service.isAlive())
    findings.push({ kind: 'end', text: `the service ended: ${service.log().slice(-2_000)}` })
  return { name, statuses, findings, most }
}

/** Waits until the service has done what the crowd left behind, so that it does not count for others. */
async function settle({ pid }: FuzzedService): Promise<void> {
  let before = await cpuOf(pid)
  for (let second = 0; second < SETTLE_SECONDS; second++) {
    await pause(1_000)
    const now = await cpuOf(pid)
    if (now - before < IDLE_MS_A_SECOND) return
    before = now
  }
}
