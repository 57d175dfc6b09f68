import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { createBus } from '../../../events/bus.ts'
import { makeKey } from '../../../model/key.ts'
import { createService } from '../../../src/app/service.ts'
import { createTokenText } from '../../../src/tokens/token.ts'
import { TokenStore } from '../../../src/tokens/token-store.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { type Controller, type ControllerOptions, keepLog, openController } from '../../support/controller.ts'
import { refusalOf } from './refusal-of.ts'

const ALICE = { type: 'user', name: 'alice' } as const

afterEach(() => {
  vi.useRealTimers()
})

async function open(
  options: ControllerOptions = {},
): Promise<Controller & Pick<Controller['service'], 'tokens'>> {
  const controller = await openController(options)
  onTestFinished(() => controller.close())
  return { ...controller, tokens: controller.service.tokens }
}

describe('a token', () => {
  it('is good where it was made, for what it was made, at once', async () => {
    const { tokens } = await open()
    const { token, ...summary } = await tokens.create({ name: 'ci', rights: ['write', 'read'] }, ALICE)
    expect(summary).toEqual({
      id: summary.id,
      name: 'ci',
      rights: ['read', 'write'],
      created_at: summary.created_at,
      created_by: ALICE,
      expires_at: null,
    })
    const grant = tokens.check(token)
    expect(grant).toMatchObject({ name: 'ci', expires: Number.POSITIVE_INFINITY })
    expect([...grant.rights].sort()).toEqual(['read', 'write'])
    expect(grant.isValid()).toBe(true)
    expect(await tokens.list()).toEqual([summary])
  })

  it('with another secret, or of no store, is good for nothing', async () => {
    const { tokens } = await open()
    const { id } = await tokens.create({ name: 'ci', rights: ['read'] }, ALICE)
    for (const text of [createTokenText(id), createTokenText('feed'), 'x', ''])
      expect((await refusalOf(() => tokens.check(text))).code).toBe('TOKEN_INVALID')
  })

  it('ends when it was revoked, and only once', async () => {
    const { tokens } = await open()
    const { id, token } = await tokens.create({ name: 'ci', rights: ['read'] }, ALICE)
    const grant = tokens.check(token)
    await tokens.revoke(id)
    expect(grant.isValid()).toBe(false)
    expect((await refusalOf(() => tokens.check(token))).code).toBe('TOKEN_INVALID')
    expect(await tokens.list()).toEqual([])
    for (const unknown of [id, '', '..', 'a/b', 'x'.repeat(500), '\u0000'])
      expect((await refusalOf(() => tokens.revoke(unknown))).code).toBe('TOKEN_NOT_FOUND')
  })

  it('ends when its time is over', async () => {
    const { tokens } = await open()
    const { token } = await tokens.create({ name: 'ci', rights: ['read'], expires_in: 60 }, ALICE)
    const grant = tokens.check(token)
    vi.useFakeTimers({ toFake: ['Date'], now: grant.expires - 1 })
    expect(grant.isValid()).toBe(true)
    tokens.check(token)
    vi.setSystemTime(grant.expires)
    expect(grant.isValid()).toBe(false)
    expect(await refusalOf(() => tokens.check(token))).toMatchObject({
      code: 'TOKEN_INVALID',
      message: expect.stringContaining('expired at'),
    })
  })

  it.each([
    [{ name: 'a b', rights: ['read'] }, '"name"'],
    [{ name: undefined, rights: ['read'] }, '"name"'],
    [{ name: 'a', rights: [] }, '"rights"'],
    [{ name: 'a', rights: ['read', 'root'] }, '"rights"'],
    [{ name: 'a', rights: 'read' }, '"rights"'],
    [{ name: 'a', rights: ['read'], expires_in: 0 }, '"expires_in"'],
    [{ name: 'a', rights: ['read'], expires_in: 1e10 }, '"expires_in"'],
    [{ name: 'a', rights: ['read'], expires_in: Number.NaN }, '"expires_in"'],
    [{ name: 'a', rights: ['read'], expires_in: '60' }, '"expires_in"'],
  ])('that is asked for as %j is refused', async (wish, field) => {
    const { tokens } = await open()
    expect(await refusalOf(() => tokens.create(wish, ALICE))).toMatchObject({
      code: 'CONTENT_MALFORMED',
      message: expect.stringContaining(field),
    })
    expect(await tokens.list()).toEqual([])
  })

  it('is nothing that anybody on the bus or at the feed hears of', async () => {
    const { tokens, facts, service } = await open()
    const heard: unknown[] = []
    service.feed.follow(undefined, event => heard.push(event))
    const { id } = await tokens.create({ name: 'ci', rights: ['read'] }, ALICE)
    await tokens.revoke(id)
    expect(facts.filter(({ name }) => name !== 'settings.state')).toEqual([])
    expect(heard).toEqual([])
  })
})

describe('on several controllers of one store', () => {
  it('a token is good on each, ends on each, and each hears of it', async () => {
    const store = createMemoryStore()
    const on = (id: string) => open({ id, backend: report => createMemoryBackend({ report }, store) })
    const [one, two] = [await on('controller-1'), await on('controller-2')]
    let heard = 0
    onTestFinished(two.tokens.onChange(() => heard++))
    const { id, token } = await one.tokens.create({ name: 'ci', rights: ['read'] }, ALICE)
    await expect.poll(() => heard).toBe(1)
    const grant = two.tokens.check(token)
    expect(await two.tokens.list()).toEqual(await one.tokens.list())
    await one.tokens.revoke(id)
    await expect.poll(() => grant.isValid()).toBe(false)
    expect((await refusalOf(() => two.tokens.check(token))).code).toBe('TOKEN_INVALID')
    expect(heard).toBe(2)
  })
})

describe('while the store is away', () => {
  it('what was known last counts, and of others nobody can say', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kytos-tokens-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'snapshot.json')
    const snapshot = () => new SnapshotFile(file, 'memory', keepLog())
    const first = await openController({ snapshot: snapshot() })
    const written = () => readFile(file, 'utf8').catch(() => '')
    // Every later write is one of tokens.
    await expect.poll(written, { timeout: 3_000 }).toContain('epoch')
    const kept = await first.service.tokens.create({ name: 'kept', rights: ['read'] }, ALICE)
    const gone = await first.service.tokens.create({ name: 'gone', rights: ['read'] }, ALICE)
    await first.service.tokens.revoke(gone.id)
    // Also without an end in order.
    await expect.poll(written, { timeout: 3_000 }).toContain(kept.id)
    const text = await readFile(file, 'utf8')
    expect(text).not.toContain(kept.token.slice(-43))
    expect(text).not.toContain(gone.id)
    await first.close()

    const away = createMemoryBackend()
    away.open = () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' }))
    const { tokens } = await open({ snapshot: snapshot(), backend: () => away })
    expect(tokens.check(kept.token).name).toBe('kept')
    // It is not in the snapshot; but neither would be one that was made elsewhere since.
    expect((await refusalOf(() => tokens.check(gone.token))).code).toBe('STORE_STALE')
    expect((await refusalOf(() => tokens.check('x'))).code).toBe('TOKEN_INVALID')
  })
})

it('a revocation that the watch never told of is found by the comparison with the store', async () => {
  const store = createMemoryStore()
  const deaf = createMemoryBackend(undefined, store)
  const watch = deaf.watch.bind(deaf)
  deaf.watch = async function* (since, signal) {
    for await (const batch of watch(since, signal)) {
      yield { ...batch, changes: batch.changes.filter(change => change.type === 'put') }
    }
  }
  const [bus, log] = [createBus(), keepLog()]
  const pace = { reconcile: 20, confirmation: 20 }
  const service = createService(() => deaf, {
    bus,
    log,
    pace,
    controller: 'controller-1',
    strict: false,
    startTimeout: 10_000,
  })
  await service.start()
  onTestFinished(() => service.close())
  const { id, token } = await service.tokens.create({ name: 'ci', rights: ['read'] }, ALICE)
  const grant = service.tokens.check(token)
  const compared = service.health().reconciles
  await expect.poll(() => service.health().reconciles, { timeout: 3_000 }).toBeGreaterThan(compared + 1)
  expect(service.health().repairs).toBe(0)
  const other = createMemoryBackend(undefined, store)
  await other.open()
  await new TokenStore(other).revoke(id)
  await expect.poll(() => grant.isValid(), { timeout: 3_000 }).toBe(false)
  expect(service.health().repairs).toBe(1)
})

it('what another hand wrote at a key of a token gives nothing, and stops nobody', async () => {
  const store = createMemoryStore()
  const other = createMemoryBackend(undefined, store)
  await other.open()
  await other.commit([{ key: makeKey('tokens', 'abc'), put: '{"rights":["admin"]}' }])
  const { tokens } = await open({ backend: report => createMemoryBackend({ report }, store) })
  expect(await tokens.list()).toEqual([])
  expect((await refusalOf(() => tokens.check(createTokenText('abc')))).code).toBe('TOKEN_INVALID')
  await tokens.revoke('abc')
})
