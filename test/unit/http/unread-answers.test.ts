import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ANSWER_LIMITS, AnswerBudget, type AnswerShare } from '../../../src/http/connections/answer-budget.ts'
import { printBackup } from '../../../src/http/routes/box-reports.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { API, openBareRig, sendText } from './harness.ts'

const MiB = 1_048_576
const WAIT = { timeout: 30_000 }
const BOX = '/api/kytos/storehouse/v1/net/a'
const LIMITS = { caller: 16 * MiB, total: 32 * MiB, wait: 400, stall: 600_000 }
const SIZE = 12 * MiB + 2
const DATA = 'x'.repeat(12 * MiB)

/** A server whose every box has 12 MiB, and the number of boxes read. */
async function openLimited(limits: Partial<typeof LIMITS> = {}) {
  // Without heartbeats, which drop a reader that a busy machine keeps from reading.
  const rig = await openBareRig({ heartbeat: 600_000, answerLimits: { ...LIMITS, ...limits } })
  const counts = { reads: 0 }
  rig.bus.serve('kytos.storehouse.retrieve', async () => {
    counts.reads++
    return {
      namespace: 'net',
      box_id: 'a',
      data: DATA,
      created_at: '',
      owner: null,
      revision: '1',
      epoch: 1,
      write_id: 'w',
    }
  })
  rig.bus.serve('kytos.settings.list', async () => [])
  return { ...rig, counts }
}

/** A connection that sends requests and reads nothing. */
function openUnread(port: number, requests: number, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  socket.pause()
  socket.write(`GET ${BOX} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(requests))
  onTestFinished(() => void socket.destroy())
  return socket
}

describe('answers that are not read', () => {
  it('of one caller stop its requests, on however many connections, and not those of others', async () => {
    const { http, send, counts } = await openLimited()
    const unread = Array.from({ length: 20 }, () => openUnread(http.port, 10))
    // As long as nothing is read, all further requests are refused without being executed.
    await expect.poll(async () => (await send('GET', BOX)).json?.code, WAIT).toBe('ANSWERS_UNREAD')
    expect((await send('GET', BOX)).headers['retry-after']).toBe('1')
    expect(counts.reads).toBeLessThanOrEqual(4)
    expect((await send('GET', '/healthz')).status).toBe(200)

    const other = connect({ port: http.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    let got = ''
    other.on('data', data => {
      got += data
    })
    other.write(`GET ${API} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    onTestFinished(() => void other.destroy())
    await expect.poll(() => got, WAIT).toMatch(/^HTTP\/1\.1 200 /)

    for (const socket of unread) socket.destroy()
    await expect.poll(async () => (await send('GET', BOX)).status, WAIT).toBe(200)
  })

  it('end with their connection when nothing of them is read', async () => {
    const { http, send } = await openLimited({ stall: 300 })
    const socket = openUnread(http.port, 2)
    await expect
      .poll(() => {
        socket.write('\r\n')
        return socket.destroyed
      }, WAIT)
      .toBe(true)
    await expect.poll(async () => (await send('GET', API)).status, WAIT).toBe(200)
  })

  it('do not end while something of them is read', async () => {
    const { http } = await openLimited({ stall: 1_000 })
    const text = await sendText(
      http.port,
      `GET ${BOX} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 200 [^]*content-length: ${SIZE}\r\n`, 'i'))
    expect(text).toHaveLength(text.indexOf('\r\n\r\n') + 4 + DATA.length + 2)
  })

  it('of HEAD have the length of a GET', async () => {
    const { send } = await openLimited()
    const answer = await send('HEAD', BOX)
    expect([answer.status, answer.headers['content-length'], answer.text]).toEqual([200, String(SIZE), ''])
  })

  it('pause the reading of commands on every bus connection of the caller, and lose none', async () => {
    const { http, counts } = await openLimited()
    const lines = await Promise.all(Array.from({ length: 3 }, () => openBusSocket(http.port)))
    for (const line of lines) line.socket.pause()
    const get = 'kytos.storehouse.retrieve'
    const answers = lines.flatMap(line =>
      Array.from({ length: 4 }, () => line.ask(get, { namespace: 'net', box_id: 'a' })),
    )
    await expect.poll(() => counts.reads, WAIT).toBeGreaterThan(0)
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(counts.reads).toBeLessThanOrEqual(6)
    for (const line of lines) line.socket.resume()
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ data: { box_id: 'a' } })
    expect(counts.reads).toBe(12)
  })

  it('are not made for connections to the bus that ended while their commands waited', async () => {
    const { http, counts } = await openLimited()
    const get = (line: { send(frame: unknown): void }, id: number): void =>
      line.send({ id, name: 'kytos.storehouse.retrieve', content: { namespace: 'net', box_id: 'a' } })
    const reader = await openBusSocket(http.port)
    reader.socket.pause()
    for (const id of [1, 2]) get(reader, id)
    await expect.poll(() => counts.reads, WAIT).toBe(1)
    const before = openEnds()
    const waiting = await Promise.all(Array.from({ length: 5 }, () => openBusSocket(http.port)))
    // So many that some are not read while the first waits.
    for (const line of waiting) for (let id = 1; id <= 60; id++) get(line, id)
    await expect.poll(openEnds, WAIT).toBe(before + 10)
    for (const { socket } of waiting) socket.terminate()
    // The end of the service, too.
    await expect.poll(openEnds, WAIT).toBe(before)
    reader.socket.resume()
    for (const id of [1, 2]) expect(await reader.next()).toMatchObject({ reply_to: id })
    expect(counts.reads).toBe(2)
  })
})

/** The ends of connections that this process has open, of clients and servers. */
function openEnds(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
}

describe('the budget', () => {
  it('never exceeds its limits, grants in order, and every waiter in the end', () => {
    const step = fc.record({
      caller: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.integer({ min: 0, max: 100 }),
      release: fc.nat({ max: 20 }),
      resize: fc.option(fc.integer({ min: 0, max: 100 })),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const budget = new AnswerBudget({ ...ANSWER_LIMITS, caller: 100, total: 200 })
        const held: { readonly caller: string; readonly share: AnswerShare }[] = []
        const granted: Record<string, number[]> = { a: [], b: [], c: [] }
        steps.forEach(({ caller, bytes, release, resize }, i) => {
          const grant = (share: AnswerShare): void => {
            granted[caller]?.push(i)
            held.push({ caller, share })
          }
          const share = budget.take(caller, bytes)
          if (share) grant(share)
          else budget.wait(caller, bytes, grant)
          // Estimates are never below the size in this test, so that the limits are exact.
          if (resize !== null && share) share.resize(Math.min(resize, bytes))
          held.splice(release, 1)[0]?.share.release()
          expect(budget.bytes).toBeLessThanOrEqual(2 * 200 + 100)
        })
        while (held.length > 0) held.shift()?.share.release()
        expect(budget.bytes).toBe(0)
        const all = Object.values(granted).flat()
        expect(all).toHaveLength(steps.length)
        for (const order of Object.values(granted)) expect(order).toEqual([...order].sort((a, b) => a - b))
      }),
    )
  })

  it('forgets a waiter that has cancelled, and releases a share once', () => {
    const budget = new AnswerBudget({ ...ANSWER_LIMITS, caller: 10, total: 20 })
    const first = budget.take('a', 10)
    const granted: string[] = []
    const cancel = budget.wait('a', 10, () => granted.push('cancelled'))
    budget.wait('a', 5, () => granted.push('kept'))
    cancel()
    first?.release()
    first?.release()
    expect(granted).toEqual(['kept'])
    expect(budget.bytes).toBe(5)
  })
})

it('a backup of large boxes holds one of them at a time, of small ones up to eight', async () => {
  const inFlight: number[] = []
  for (const data of ['x', 'x'.repeat(2 * MiB)]) {
    let reading = 0
    let most = 0
    const ids = Array.from({ length: 40 }, (_, i) => `b${i}`)
    const pieces = printBackup(ids, async box_id => {
      most = Math.max(most, ++reading)
      await new Promise(setImmediate)
      reading--
      return {
        namespace: 'net',
        box_id,
        data,
        created_at: '',
        owner: null,
        revision: '1',
        epoch: 1,
        write_id: 'w',
      }
    })
    const seen: string[] = []
    for await (const piece of pieces) seen.push(...(/"b\d+"/.exec(piece.slice(0, 9)) ?? []))
    expect(seen).toEqual(ids.map(id => `"${id}"`))
    inFlight.push(most)
  }
  expect(inFlight).toEqual([8, 1])
})
