import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freshFolder, kytosSettings, type Process } from './host-process.ts'

/*
 * The real process is stopped while it is busy: accepted requests are answered, acknowledged changes are
 * stored, and rejected ones are not.
 */

const BOXES = '/api/kytos/storehouse'

/** A folder whose `kytos.ini` names this backend. */
async function folderOn(backend: 'filesystem' | 'etcd'): Promise<string> {
  return backend === 'filesystem' ? freshFolder() : folderOnEtcd(await openEtcd())
}

async function folderOnEtcd({ endpoint }: EtcdServer): Promise<string> {
  const cwd = await freshFolder()
  const file = join(cwd, 'kytos.ini')
  const text = (await readFile(file, 'utf8')).replace('[settings]', '[settings]\nbackend = etcd')
  await writeFile(file, `${text}[settings.etcd]\nendpoints = ["${endpoint}"]\ntimeout = 2\n`)
  return cwd
}

async function openEtcd(): Promise<EtcdServer> {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  return etcd
}

/** A request whose head was taken by the server, which now waits for its body. */
interface Begun {
  /** Sends the body; returns the whole response once the connection is closed. */
  finish(): Promise<string>
}

async function begin(url: string, method: string, path: string, body: string): Promise<Begun> {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  let got = ''
  socket.setEncoding('latin1').on('data', data => (got += data))
  const closed = once(socket, 'close')
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  socket.write(`${head}Expect: 100-continue\r\nConnection: close\r\n\r\n`)
  // The server sends this once it has accepted the request.
  await once(socket, 'data')
  expect(got).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  return {
    async finish() {
      socket.write(body)
      await closed
      return got.slice('HTTP/1.1 100 Continue\r\n\r\n'.length)
    },
  }
}

/** Resolves once the service refuses what is new. */
async function stopping(url: string): Promise<void> {
  await expect.poll(async () => (await fetch(`${url}/healthz`)).status, { interval: 10 }).toBe(503)
}

const stop = async (service: Process): Promise<void> => {
  service.child.kill('SIGTERM')
  expect(await service.ended).toBe(0)
}

/**
 * One write over a persistent connection: its status, or undefined if the connection was rejected or closed
 * before the response.
 */
function write(agent: Agent, url: string, path: string): Promise<number | undefined> {
  return new Promise(resolve => {
    const request = httpRequest(
      `${url}${path}`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode)).on('error', () => resolve(undefined))
      },
    )
    request.on('error', () => resolve(undefined))
    request.end('{"n":1}')
  })
}

describe.each(['filesystem', 'etcd'] as const)('asked to stop, the service on %s', backend => {
  it('answers every request that it accepted, and keeps every acknowledged change', {
    timeout: 60_000,
  }, async () => {
    const cwd = await folderOn(backend)
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    const numbers = Array.from({ length: 20 }, (_, n) => n)
    const boxes = await Promise.all(
      numbers.map(n => begin(url, 'POST', `${BOXES}/v2/net/${n}`, `{"n":${n}}`)),
    )
    const settings = await Promise.all(
      numbers.map(n => begin(url, 'PATCH', '/api/kytos/settings/v1/me/free', `{"k${n}":${n}}`)),
    )
    service.child.kill('SIGTERM')
    await stopping(url)
    const answers = await Promise.all([...boxes, ...settings].map(one => one.finish()))
    for (const [i, answer] of answers.entries())
      expect(answer).toMatch(i < numbers.length ? /^HTTP\/1\.1 201 / : /^HTTP\/1\.1 200 /)
    expect(await service.ended).toBe(0)
    expect(service.output()).not.toMatch(/ERROR|cut off|did not finish/)

    const again = kytosSettings(cwd, 'start')
    const anew = await again.ready
    const ids: string[] = JSON.parse(await (await fetch(`${anew}${BOXES}/v1/net`)).text())
    expect(ids.map(Number).sort((a, b) => a - b)).toEqual(numbers)
    const { overrides } = JSON.parse(await (await fetch(`${anew}/api/kytos/settings/v1/me/free`)).text())
    expect(overrides).toEqual(Object.fromEntries(numbers.map(n => [`k${n}`, n])))
    await stop(again)
  })

  it('under load has stored exactly the acknowledged changes', { timeout: 60_000 }, async () => {
    const cwd = await folderOn(backend)
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    const acked: string[] = []
    const refused: (number | undefined)[] = []
    let isOver = false
    const client = async (name: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let n = 0; !isOver; n++) {
        const status = await write(agent, url, `${BOXES}/v2/load/${name}-${n}`)
        if (status === 201) acked.push(`${name}-${n}`)
        else refused.push(status)
      }
      agent.destroy()
    }
    const clients = Array.from({ length: 12 }, (_, name) => client(name))
    await expect.poll(() => acked.length, { interval: 5 }).toBeGreaterThan(50)
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
    isOver = true
    await Promise.all(clients)
    expect(new Set(refused)).toEqual(
      new Set(refused.filter(status => status === undefined || status === 503)),
    )

    const again = kytosSettings(cwd, 'start')
    const stored: string[] = JSON.parse(await (await fetch(`${await again.ready}${BOXES}/v1/load`)).text())
    expect(stored.sort()).toEqual(acked.sort())
    await stop(again)
  })
})

it('when it is stopped while etcd is frozen, the service still answers accepted requests with their outcome', {
  timeout: 60_000,
}, async () => {
  const etcd = await openEtcd()
  const service = kytosSettings(await folderOnEtcd(etcd), 'start')
  const url = await service.ready
  const requests = await Promise.all([1, 2, 3].map(n => begin(url, 'POST', `${BOXES}/v2/net/${n}`, '{}')))
  etcd.pause()
  onTestFinished(() => etcd.resume())
  const answers = requests.map(one => one.finish())
  service.child.kill('SIGTERM')
  for (const answer of await Promise.all(answers))
    expect(answer).toMatch(
      /^HTTP\/1\.1 50[34] [\s\S]*"code":"(?:OUTCOME_UNKNOWN|STORE_UNREACHABLE|STORE_STALE)"/,
    )
  expect(await service.ended).toBe(0)
})
