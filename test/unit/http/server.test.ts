import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Summary } from '../../../events/nouns.ts'
import { openHttp } from '../../../src/http/server.ts'
import { API, openBareRig, READY, send } from './harness.ts'

describe('a port', () => {
  it('in use is named, with the key that changes it', async () => {
    const { http, bus, feed, log } = await openBareRig()
    const opened = openHttp({
      bus,
      feed,
      log,
      health: () => ({}) as never,
      listen: '127.0.0.1',
      port: http.port,
    })
    await expect(opened).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${http.port} .*"port".*\\[settings\\]`)),
    })
  })

  it('on an address of another host is refused', async () => {
    const { bus, feed, log } = await openBareRig()
    const opened = openHttp({ bus, feed, log, health: () => ({}) as never, listen: '192.0.2.1', port: 0 })
    await expect(opened).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('[daemon]'),
    })
  })
})

describe('health', () => {
  it.each([
    ['READY', 200],
    ['STALE', 200],
    ['OFFLINE', 503],
  ] as const)('in %s: alive, and ready with %i', async (state, status) => {
    const health = { ...READY, state, reason: 'why', age: state === 'OFFLINE' ? null : 12.5 }
    const said = { ...health, revision: '7' }
    const { send } = await openBareRig({ health: () => health })
    expect(await send('GET', '/healthz/')).toEqual(expect.objectContaining({ status: 200, json: said }))
    expect(await send('GET', '/readyz')).toMatchObject({ status, json: said })
    expect((await send('HEAD', '/readyz')).status).toBe(status)
  })
})

describe('closing', () => {
  it('finishes the requests that were accepted and refuses others', async () => {
    const { bus, http } = await openBareRig()
    let asked = (): void => {}
    const accepted = new Promise<void>(resolve => {
      asked = resolve
    })
    let answer = (): void => {}
    bus.serve('kytos.settings.list', () => {
      asked()
      return new Promise(resolve => {
        answer = () => resolve([])
      })
    })
    const request = send(http.port, 'GET', API)
    await accepted
    const closed = http.close()
    expect(await send(http.port, 'GET', API)).toMatchObject({
      status: 503,
      headers: { connection: 'close' },
      json: { code: 'SERVICE_STOPPING' },
    })
    answer()
    expect(await request).toMatchObject({ status: 200, json: [] })
    await closed
  })

  it('lets a slow client have the whole of its answer', async () => {
    const { bus, http } = await openBareRig()
    bus.serve('kytos.settings.list', () => [{ namespace: 'x'.repeat(20_000_000) } as Summary])
    const socket = connect(
      http.port,
      '127.0.0.1',
      () => void socket.write(`GET ${API} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    )
    await new Promise(resolve => socket.once('readable', resolve))
    const closed = http.close()
    let length = 0
    for await (const data of socket) length += (data as Buffer).length
    expect(length).toBeGreaterThan(20_000_000)
    await closed
  })

  it('cuts off who does not take its answer in time', async () => {
    const { bus, http } = await openBareRig({ grace: 10 })
    bus.serve('kytos.settings.list', () => [{ namespace: 'x'.repeat(20_000_000) } as Summary])
    const socket = connect(
      http.port,
      '127.0.0.1',
      () => void socket.write(`GET ${API} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    )
    socket.on('error', () => {}) // being cut off
    await new Promise(resolve => socket.once('readable', resolve))
    await http.close()
    socket.destroy()
  })
})
