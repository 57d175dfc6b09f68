import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Config } from '../../../src/boot/config.ts'
import { examineRunning } from '../../../src/doctor/running.ts'
import { limitsFor, REQUEST_MS } from '../../../src/http/connections/connection-limits.ts'
import { NAMESPACE, openBareRig, openRealRig } from './harness.ts'

const WAIT = { timeout: 30_000 }
const DESCRIPTORS = 256

/** A silent connection from an address of loopback. */
function openSilent(port: number, localAddress: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  socket.resume()
  onTestFinished(() => void socket.destroy())
  return socket
}

const openOf = (sockets: readonly Socket[]): number => sockets.filter(socket => !socket.destroyed).length

/** The status of a request from an address of loopback, or the code of the error. */
function ask(
  port: number,
  localAddress: string,
  method = 'GET',
  body = '',
  path = NAMESPACE,
): Promise<string> {
  return new Promise(resolve => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers, localAddress, agent: false },
      response => void text(response).then(got => resolve(`${response.statusCode} ${got}`)),
    )
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    sent.end(body)
  })
}

interface Limited {
  readonly port: number
  readonly lines: readonly string[]
  readonly folder: string
}

/** A service in a process with few descriptors. */
async function startLimited(): Promise<Limited> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-limited-'))
  const program = join(import.meta.dirname, 'limited-server.ts')
  const command = `ulimit -n ${DESCRIPTORS} && exec "$0" --import tsx "$1" "$2"`
  const child: ChildProcess = spawn('/bin/sh', ['-c', command, process.execPath, program, folder], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  })
  const lines: string[] = []
  if (!child.stdout) throw new Error('The process has no output.')
  createInterface(child.stdout).on('line', line => lines.push(line))
  await expect.poll(() => lines.length, { timeout: 150_000 }).toBeGreaterThan(0)
  return { port: Number(lines[0]), lines, folder }
}

describe('a process with 256 descriptors', () => {
  it('keeps room for others and for its store while silent connections fill it, and reports them', async () => {
    const { port, lines, folder } = await startLimited()
    const { total, perAddress } = limitsFor(DESCRIPTORS)
    expect([total, perAddress]).toEqual([192, 96])
    const one = Array.from({ length: 150 }, () => openSilent(port, '127.0.0.2'))
    await expect.poll(() => openOf(one), WAIT).toBe(perAddress)
    expect(await ask(port, '127.0.0.1', 'PATCH', '{"n":1}')).toMatch(/^200 /)
    expect(await ask(port, '127.0.0.2')).toBe('ECONNRESET')

    const two = Array.from({ length: 150 }, () => openSilent(port, '127.0.0.3'))
    await expect.poll(() => openOf([...one, ...two]), WAIT).toBe(total)
    const rejected = /^Rejected 1 connection, the last from 127\.0\.0\.2: 96 connections of this address/
    expect(lines[1]).toMatch(rejected)
    // The log is not filled by the flood.
    expect(lines).toHaveLength(2)

    for (const socket of two.slice(0, 50)) socket.destroy()
    await expect.poll(() => ask(port, '127.0.0.1', 'PATCH', '{"n":2}'), WAIT).toMatch(/^200 /)
    const metrics = await ask(port, '127.0.0.1', 'GET', '', '/metrics')
    expect(metrics).toMatch(/^kytos_settings_connections_limit 192$/m)
    const count = Number(/^kytos_settings_connections_rejected_total (\d+)$/m.exec(metrics)?.[1])
    expect(count).toBeGreaterThanOrEqual(54 + 1 + 54)
    // The doctor reads only these members.
    const config = { file: 'a.ini', settings: { state_dir: folder, controller: 'controller-1' } } as Config
    expect((await examineRunning(config)).findings).toMatchObject([
      {
        code: 'service.connections',
        severity: 'warning',
        what: expect.stringContaining(`${count} were rejected`),
      },
    ])
  }, 240_000)
})

it('silent connections end at the deadline of the headers, and others are accepted then', async () => {
  const rig = await openBareRig({
    deadlines: { headers: 300, request: 600, check: 50 },
    connectionLimits: { total: 20, perAddress: 10 },
  })
  const silent = Array.from({ length: 30 }, () => openSilent(rig.http.port, '127.0.0.1'))
  await expect.poll(() => openOf(silent), WAIT).toBe(0)
  await expect.poll(() => ask(rig.http.port, '127.0.0.1', 'GET', '', '/healthz'), WAIT).toMatch(/^200 /)
})

it('a connection whose request is read again counts once', async () => {
  const rig = await openRealRig()
  for (let i = 0; i < 3; i++) {
    const line = connect(rig.http.port, '127.0.0.1')
    line.resume()
    line.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
    await once(line, 'close')
  }
  await expect
    .poll(async () => (await rig.send('GET', '/metrics')).text, WAIT)
    .toMatch(/^kytos_settings_connections 1$/m)
})

it('deadlines are checked every few seconds', () => {
  expect(REQUEST_MS).toEqual({ headers: 10_000, request: 30_000, check: 2_000 })
})

describe('/readyz', () => {
  it('is 503 while the command line cannot find the service', async () => {
    let isAnnounced = false
    const { send } = await openBareRig({ isAnnounced: () => isAnnounced })
    expect((await send('GET', '/readyz')).status).toBe(503)
    expect((await send('GET', '/healthz')).status).toBe(200)
    isAnnounced = true
    expect((await send('GET', '/readyz')).status).toBe(200)
  })
})

describe('the limits of connections', () => {
  it.each([
    [16, 8, 4],
    [128, 64, 32],
    [1_024, 768, 384],
    [1_048_576, 4_096, 2_048],
  ])('for %i descriptors are %i, and %i per address', (descriptors, total, perAddress) => {
    expect(limitsFor(descriptors)).toEqual({ total, perAddress })
  })
})
