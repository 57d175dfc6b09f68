import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createEtcdBackend, type EtcdOptions } from '../../backends/etcd/index.ts'
import { EVERYTHING, makeKey } from '../../model/key.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'
import { startReader } from '../support/etcd-reader.ts'
import { type Certificates, makeCertificates } from '../support/etcd-tls.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const KEY = makeKey('settings', 'kytos', 'core')
const opened: Backend[] = []
const problems: Problem[] = []

function backendOn(options: Partial<EtcdOptions> & Pick<EtcdOptions, 'endpoints'>): Backend {
  const backend = createEtcdBackend(
    { prefix: '/kytos', timeout: 2, ...options },
    { report: problem => problems.push(problem) },
  )
  opened.push(backend)
  return backend
}

afterEach(() => Promise.all(opened.splice(0).map(backend => backend.close())))

/** The code and message that opening fails with, and that it fails without waiting for better times. */
async function refusal(
  options: Partial<EtcdOptions> & Pick<EtcdOptions, 'endpoints'>,
): Promise<{ code: string; message: string }> {
  const start = performance.now()
  const error = await backendOn(options)
    .open()
    .then(() => ({ code: 'opened', message: '' }))
    .catch(cause => cause)
  expect(performance.now() - start).toBeLessThan(3000)
  return { code: error.code, message: error.message }
}

describe('Opening etcd', () => {
  it('that is not there is STORE_UNREACHABLE and names every endpoint', async () => {
    const endpoints = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
    const { code, message } = await refusal({ endpoints })
    expect(code).toBe('STORE_UNREACHABLE')
    for (const endpoint of endpoints) expect(message).toContain(endpoint)
    expect(message).toContain('ECONNREFUSED')
  })

  it('that swallows everything is STORE_UNREACHABLE in time', async () => {
    const hole = await startTcpProxy(1)
    hole.stall()
    expect((await refusal({ endpoints: [`http://127.0.0.1:${hole.port}`] })).code).toBe('STORE_UNREACHABLE')
    await hole.close()
  })

  it('can be retried, and works once the server runs', async () => {
    const [client, peer] = [await freePort(), await freePort()]
    const backend = backendOn({ endpoints: [`http://127.0.0.1:${client}`] })
    await expect(backend.open()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    const etcd = await startEtcd({ ports: [client, peer] })
    await backend.open()
    expect((await backend.commit([{ key: KEY, put: '{}' }])).committed).toBe(true)
    await etcd.stop()
  })

  it('of an old version works, and is reported once', async () => {
    const etcd = await startEtcd()
    problems.length = 0
    await backendOn({ endpoints: etcd.endpoints }).open()
    const { version } = await etcd.client.maintenance.status()
    expect(problems.map(({ code }) => code)).toEqual(
      /^3\.4\.([12]?\d|3[0-7])$/.test(version) ? ['SERVER_OUTDATED'] : [],
    )
    await etcd.stop()
  })
})

describe('An etcd with users', () => {
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await startEtcd({ auth: { username: 'kytos', password: 'right' }, args: ['--auth-token-ttl=1'] })
  })
  afterAll(() => etcd.stop())

  it.each([
    ['a wrong password', { username: 'kytos', password: 'wrong' }, 'the user name or the password is wrong'],
    ['an unknown user', { username: 'nobody', password: 'right' }, 'the user name or the password is wrong'],
    ['no user', {}, 'it requires a user name and a password'],
    [
      'a prefix that is not theirs',
      { username: 'kytos', password: 'right', prefix: '/elsewhere' },
      'lacks permission to read and write below the prefix',
    ],
  ])('refuses %s at once and says so', async (_, options, text) => {
    const { code, message } = await refusal({ endpoints: etcd.endpoints, ...options })
    expect(code).toBe('STORE_REFUSED')
    expect(message).toContain(text)
  })

  it('is refused with a wrong password even when its first endpoint is down', async () => {
    const endpoints = [`http://127.0.0.1:${await freePort()}`, etcd.endpoint]
    expect((await refusal({ endpoints, username: 'kytos', password: 'wrong' })).code).toBe('STORE_REFUSED')
  })

  it('is opened, read and watched with a password that was rotated, and read again, at any endpoint', async () => {
    const endpoints = [`http://127.0.0.1:${await freePort()}`, etcd.endpoint, etcd.endpoint]
    let password = 'right'
    const backend = backendOn({
      endpoints,
      timeout: 5,
      username: 'kytos',
      password: 'former',
      readSecrets: async () => ({ password }),
    })
    await backend.open()
    try {
      for (const next of ['second', 'third']) {
        await etcd.client.auth.userChangePassword({ name: 'kytos', password: next })
        password = next
        await backend.get(KEY)
        const reader = startReader(backend, await etcd.revision())
        await reader.until(({ given }) => given.length > 0)
        await reader.stop()
      }
    } finally {
      await etcd.client.auth.userChangePassword({ name: 'kytos', password: 'right' })
    }
  })

  it('accepts the right ones, continues after its token has expired, and so do new watches', async () => {
    const backend = backendOn({ endpoints: etcd.endpoints, username: 'kytos', password: 'right' })
    await backend.open()
    const { revision } = await backend.list(EVERYTHING)
    const first = backend.watch(revision, new AbortController().signal)[Symbol.asyncIterator]()
    await first.next()
    // A token lives as long as it is used; etcd looks every second.
    await new Promise(resolve => setTimeout(resolve, 2500))
    expect((await backend.commit([{ key: KEY, put: '1' }])).committed).toBe(true)
    expect((await first.next()).value?.changes).toHaveLength(1)
    const second = backend.watch(revision, new AbortController().signal)[Symbol.asyncIterator]()
    const seen = await second.next().catch(error => error)
    if (seen.code !== undefined) {
      expect(seen.code).toBe('STORE_UNREACHABLE')
      const third = backend.watch(revision, new AbortController().signal)[Symbol.asyncIterator]()
      expect((await third.next()).value?.changes).toHaveLength(1)
    } else expect(seen.value.changes).toHaveLength(1)
  })

  it('without users rejects a client that sends a user name', async () => {
    const open = await startEtcd()
    const { code, message } = await refusal({
      endpoints: open.endpoints,
      username: 'kytos',
      password: 'right',
    })
    expect([code, message]).toEqual([
      'STORE_REFUSED',
      expect.stringContaining('its authentication is disabled'),
    ])
    await open.stop()
  })
})

describe('An etcd with TLS', () => {
  let etcd: EtcdServer
  let other: Certificates
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kytos-tls-'))
    ;[etcd, other] = await Promise.all([startEtcd({ tls: { clients: true } }), makeCertificates(folder)])
  })
  afterAll(async () => {
    await etcd.stop()
    await rm(folder, { recursive: true })
  })

  it('is opened, written, read and watched with the right certificates', async () => {
    const { ca, cert, key } = etcd.certificates ?? other
    const backend = backendOn({ endpoints: etcd.endpoints, ca, cert, key })
    await backend.open()
    const watch = backend.watch(await etcd.revision(), new AbortController().signal)[Symbol.asyncIterator]()
    await watch.next()
    await backend.commit([{ key: KEY, put: '{}' }])
    expect((await watch.next()).value?.changes).toHaveLength(1)
  })

  it('is refused when its certificate is not from our authority', async () => {
    const { cert, key } = etcd.certificates ?? other
    const { code, message } = await refusal({ endpoints: etcd.endpoints, ca: other.ca, cert, key })
    expect([code, message]).toEqual([
      'STORE_REFUSED',
      expect.stringContaining('not signed by a trusted authority; check ca'),
    ])
    expect((await refusal({ endpoints: etcd.endpoints })).code).toBe('STORE_REFUSED')
  })

  it('reports so when it requires a client certificate, or another one', async () => {
    const { ca } = etcd.certificates ?? other
    const own = etcd.certificates?.ca
    for (const options of [{ ca }, { ca: own, cert: other.cert, key: other.key }]) {
      const { code, message } = await refusal({ endpoints: etcd.endpoints, ...options })
      expect([code, message]).toEqual([
        'STORE_REFUSED',
        expect.stringContaining('rejected the client certificate; check cert and key'),
      ])
    }
  })

  it('is refused when its certificate is for another name', async () => {
    const named = await startEtcd({ tls: { name: 'etcd.example' } })
    const { code, message } = await refusal({ endpoints: named.endpoints, ca: named.certificates?.ca })
    expect([code, message]).toEqual([
      'STORE_REFUSED',
      expect.stringContaining('is not among the names (SAN) of its certificate'),
    ])
    await named.stop()
  })

  it('asked without TLS, or the other way round, is an error that names the endpoint', async () => {
    const plain = await startEtcd()
    const { ca } = etcd.certificates ?? other
    const asked = [
      { endpoints: [etcd.endpoint.replace('https', 'http')] },
      { endpoints: [plain.endpoint.replace('http', 'https')], ca },
    ]
    for (const options of asked) expect((await refusal(options)).message).toContain(options.endpoints[0])
    await plain.stop()
  })
})

describe('A process that used etcd', () => {
  it('ends by itself once the backend is closed, with an open watch and commits in progress', async () => {
    const etcd = await startEtcd({ auth: { username: 'kytos', password: 'right' } })
    const options = {
      endpoints: etcd.endpoints,
      prefix: '/kytos',
      username: 'kytos',
      password: 'right',
      timeout: 2,
    }
    const program = `
      import { createEtcdBackend } from ${JSON.stringify(new URL('../../backends/etcd/index.ts', import.meta.url).href)}
      const backend = createEtcdBackend(${JSON.stringify(options)}, { report: () => {} })
      await backend.open()
      const watch = backend.watch(0n, new AbortController().signal)[Symbol.asyncIterator]()
      await watch.next()
      const waiting = watch.next().catch(() => {})
      const commits = [1, 2, 3].map(n => backend.commit([{ key: 'settings/a/b' + n, put: '1', ...(n === 3 && { ttl: 60 }) }]))
      await backend.close()
      console.log((await Promise.all(commits)).every(outcome => outcome.committed), (await waiting) !== null)
    `
    const child = promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      { timeout: 8000 },
    )
    expect((await child).stdout.trim()).toBe('true true')
    await etcd.stop()
  })
})
