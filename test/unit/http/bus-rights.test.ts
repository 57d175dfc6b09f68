import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryStore } from '../../../backends/memory/index.ts'
import { COMMANDS } from '../../../events/map.ts'
import { openRemoteBus } from '../../../src/client/remote/remote-bus.ts'
import { loadCertificate } from '../../../src/http/auth/certificate.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { makeCertificates } from '../../support/etcd-tls.ts'
import { bearer, openGuardedRig } from './guarded.ts'
import { API, NAMESPACE } from './harness.ts'

const UPDATE = { namespace: 'kytos/of_lldp', data: { a: 1 } }
const REVOKED = [1008, 'TOKEN_INVALID: the token was revoked or has expired'] as const

describe('a connection to the bus', () => {
  it('asks and says what its token allows, looked at for each frame', async () => {
    const rig = await openGuardedRig()
    const line = await openBusSocket(rig.http.port, (await rig.token(['read'])).headers)
    for (const [name, { effect }] of Object.entries(COMMANDS)) {
      const { error } = await line.ask(name, {})
      if (effect === 'read') expect([name, error?.code]).not.toEqual([name, 'PERMISSION_DENIED'])
      else
        expect([name, error]).toEqual([
          name,
          expect.objectContaining({ code: 'PERMISSION_DENIED', status: 403 }),
        ])
    }
    line.send({ publish: { name: 'me/napp.said', content: {} } })
    expect(await line.next()).toMatchObject({
      reply_to: null,
      error: { code: 'PERMISSION_DENIED', details: { needs: 'write', frame: 'publish' } },
    })
    expect((await line.ask('kytos.settings.list')).data).toEqual([])

    const writer = await openBusSocket(rig.http.port, (await rig.token(['write'], 'ci')).headers)
    expect(await writer.ask('kytos.settings.update', UPDATE)).toMatchObject({
      data: { updated_by: { type: 'user', name: 'ci' } },
    })
  })

  it('takes no box of somebody who may not write: nothing that large is held or parsed for them', async () => {
    const rig = await openGuardedRig()
    const frame = (size: number) =>
      JSON.stringify({
        id: 1,
        name: 'kytos.storehouse.create',
        content: { namespace: 'net', data: 'x'.repeat(size) },
      })
    const reader = await openBusSocket(rig.http.port, (await rig.token(['read'])).headers)
    reader.send(frame(1_000_000))
    expect(await reader.next()).toMatchObject({ reply_to: 1, error: { code: 'PERMISSION_DENIED' } })
    reader.send(frame(1_100_000))
    expect((await reader.closed)[0]).toBe(1009)
    const writer = await openBusSocket(rig.http.port, (await rig.token(['write'], 'ci')).headers)
    writer.send(frame(2_000_000))
    expect(await writer.next()).toMatchObject({ reply_to: 1, data: { namespace: 'net' } })
  })

  it('is closed as soon as its token is revoked, here or on another controller, and hears nothing after', async () => {
    const store = createMemoryStore()
    const [one, two] = [
      await openGuardedRig({}, {}, store, 'controller-1'),
      await openGuardedRig({}, {}, store, 'controller-2'),
    ]
    const [reader, writer] = [await one.token(['read']), await one.token(['write'])]
    const lines = [
      await openBusSocket(one.http.port, reader.headers),
      await openBusSocket(two.http.port, reader.headers),
    ]
    for (const line of lines) {
      line.send({ subscribe: ['settings.changed'] })
      expect(await line.next()).toMatchObject({ subscribed: ['settings.changed'] })
    }
    const other = await openBusSocket(one.http.port, writer.headers)
    await other.ask('kytos.settings.update', UPDATE)
    for (const line of lines) expect((await line.nextEvent()).event?.name).toBe('settings.changed')
    await one.service.tokens.revoke(reader.id)
    for (const line of lines) expect(await line.closed).toEqual(REVOKED)
    expect(await other.ask('kytos.settings.update', { ...UPDATE, data: { a: 2 } })).toMatchObject({
      data: { data: { a: 2 } },
    })
    for (const line of lines) await expect(line.next()).rejects.toThrow('1008')
  })

  it('is closed when its token expires', async () => {
    const rig = await openGuardedRig()
    const line = await openBusSocket(rig.http.port, (await rig.token(['write'], 'short', 1)).headers)
    const begin = Date.now()
    expect(await line.closed).toEqual(REVOKED)
    expect(Date.now() - begin).toBeLessThan(2_000)
  })

  it('is answered what it had asked when its token is revoked, and refused what it asks then', async () => {
    const rig = await openGuardedRig()
    const { id, headers } = await rig.token(['write'])
    const line = await openBusSocket(rig.http.port, headers)
    let agree = (): void => {}
    const asked = new Promise<void>(resolve => {
      rig.bus.consume('me/slow', {
        changing: () => {
          resolve()
          return new Promise(done => {
            agree = () => done(undefined)
          })
        },
      })
    })
    const slow = line.ask('kytos.settings.update', { namespace: 'me/slow', data: { done: true } })
    line.send({ subscribe: ['settings.changed'] })
    expect(await line.next()).toMatchObject({ subscribed: ['settings.changed'] })
    await asked
    await rig.service.tokens.revoke(id)
    expect((await line.ask('kytos.settings.update', UPDATE)).error).toMatchObject({
      code: 'TOKEN_INVALID',
      status: 401,
    })
    line.send({ subscribe: ['settings.changed'], since: '0' })
    expect(await line.next()).toMatchObject({
      error: { code: 'TOKEN_INVALID', details: { frame: 'subscribe' } },
    })
    const { headers: others } = await rig.token(['write'], 'other')
    expect((await rig.send('PATCH', NAMESPACE, { headers: others, body: { json: { a: 3 } } })).status).toBe(
      200,
    )
    agree()
    expect(await slow).toMatchObject({ data: { data: { done: true } } })
    expect(await line.closed).toEqual(REVOKED)
    await expect(line.next()).rejects.toThrow('1008')
    expect((await rig.send('GET', `${NAMESPACE}/history`, { headers: others })).json).toHaveLength(1)
  })
})

describe('the client', () => {
  it('speaks over TLS with an authority of its own and a token, comes back, and says why when it may no longer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kytos-wss-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const { ca } = await makeCertificates(folder)
    const certificate = await loadCertificate({
      cert: join(folder, 'server.pem'),
      key: join(folder, 'server-key.pem'),
    })
    const rig = await openGuardedRig({}, { certificate })
    const { id, token } = await rig.token(['write'], 'ci')
    await expect(openRemoteBus(rig.http.url, { token, timeout: 300 })).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
    })
    await expect(openRemoteBus(rig.http.url, { ca })).rejects.toMatchObject({ code: 'TOKEN_REQUIRED' })
    await expect(openRemoteBus(rig.http.url, { ca, token: `${token}x` })).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    })
    const bus = await openRemoteBus(rig.http.url, { ca, token })
    onTestFinished(() => bus.close())
    const heard: string[] = []
    await bus.subscribe({ names: ['settings.changed'] }, event => void heard.push(event.name))
    expect(await bus.ask('kytos.settings.update', { ...UPDATE, data: { id: 2n ** 64n - 1n } })).toMatchObject(
      {
        data: { id: 2n ** 64n - 1n },
        updated_by: { type: 'user', name: 'ci' },
      },
    )
    await expect.poll(() => heard).toEqual(['settings.changed'])
    await rig.service.tokens.revoke(id)
    await expect.poll(() => bus.connected).toBe(false)
    await expect(bus.ask('kytos.settings.list', {}, { timeout: 500 })).rejects.toMatchObject({
      code: 'SERVICE_ABSENT',
      message: expect.stringMatching(/rejected the connection: .*token/i),
    })
  })
})

it('a handshake that shows no token, or one that may not read, is refused', async () => {
  const rig = await openGuardedRig()
  for (const headers of [{}, bearer('x'), (await rig.token(['secrets'])).headers])
    await expect(openBusSocket(rig.http.port, headers)).rejects.toThrow(/40[13]/)
  expect((await rig.send('GET', `${API}/bus`, { headers: (await rig.token(['read'])).headers })).status).toBe(
    426,
  )
})
