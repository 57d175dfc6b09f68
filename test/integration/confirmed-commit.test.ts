import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import { SettingsError } from '../../model/errors.ts'
import { armedKey, pendingKey } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { key, SOON } from '../unit/pending/stage.ts'

/*
 * Confirmed commits on real stores, with controllers that are killed. A change that was armed and not
 * confirmed in time returns to its baseline; a confirmed one stays, whatever dies in between.
 */

/** A controller in a process of its own. */
interface Member {
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  /** Sets its clock ahead of the real one, in milliseconds, before the next command. */
  setClock(ahead: number): void
  kill(): Promise<void>
}

const HOUR_MS = 3_600_000
/** More rounds, and more crashes in a row. */
const LONG = process.env.CHAOS_LONG === '1'
const RACES = LONG ? 200 : 40
const SCRIPT = join(import.meta.dirname, 'pending-member.ts')
const running = new Set<ChildProcess>()

async function startMember(id: string, store: object, clock = 0): Promise<Member> {
  const child = fork(SCRIPT, [id, JSON.stringify(store), String(clock)], { execArgv: ['--import', 'tsx'] })
  running.add(child)
  const waiting = new Map<number, (message: Readonly<Record<string, unknown>>) => void>()
  let n = 0
  await once(child, 'message')
  child.on('message', message => waiting.get(Reflect.get(Object(message), 'n'))?.(Object(message)))
  return {
    async ask(name, content) {
      const answered = new Promise<Readonly<Record<string, unknown>>>(resolve => waiting.set(++n, resolve))
      child.send({ n, name, content })
      const { answer, code, details } = await answered
      // The member sends the code and the details of a SettingsError, or the answer of the command.
      if (code !== undefined)
        throw new SettingsError(code as 'PENDING', String(code), { details: Object(details) })
      return answer as CommandAnswer<typeof name>
    },
    setClock: ahead => void child.send({ ahead }),
    async kill() {
      running.delete(child)
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** How the confirmed commit of a namespace ended, by the store. */
async function endOf(store: Backend, namespace: string): Promise<string | undefined> {
  const entry = await store.get(pendingKey(key(namespace)))
  return /"ended":"(\w+)"/.exec(entry?.text ?? '')?.[1]
}

async function ends(store: Backend, namespace: string, how: string): Promise<void> {
  await vi.waitFor(async () => expect(await endOf(store, namespace)).toBe(how), {
    timeout: 30_000,
    interval: 50,
  })
}

/** Version 2 is of an author whose clock is an hour ahead, and version 3 of another one. */
async function returnsToTheTime(
  namespace: string,
  authors: readonly (() => Promise<Member>)[],
  reader: Member,
): Promise<void> {
  for (const [i, author] of authors.entries())
    await (await author()).ask('kytos.settings.update', { namespace, data: { a: i + 1 }, method: 'PUT' })
  const asOf = async (ahead: number) => {
    const at = new Date(Date.now() + ahead).toISOString()
    return (await reader.ask('kytos.settings.as_of', { at, namespace })).documents[0]
  }
  const now = await asOf(1_000)
  expect(now).toMatchObject({ version: 1, data: { a: 1 }, newest: 3 })
  expect(await asOf(2 * HOUR_MS)).toMatchObject({ version: 3, data: { a: 3 }, clock: true })
  const { entries } = await reader.ask('kytos.settings.audit', { limit: 1_000 })
  const own = entries.filter(one => one.namespace === namespace)
  expect(own.map(({ version }) => version)).toEqual([1, 2, 3])
  expect(own.map(({ clock = false }) => clock)).toEqual([false, false, true])
  const documents = [{ namespace, version: now?.version ?? 0, if_version: now?.newest ?? 0 }]
  const { settings } = await reader.ask('kytos.settings.rollback_transaction', { documents })
  expect(settings).toMatchObject([{ version: 4, overrides: { a: 1 } }])
  await reader.ask('kytos.settings.update', { namespace, data: { a: 6 } })
  await expect(reader.ask('kytos.settings.rollback_transaction', { documents })).rejects.toMatchObject({
    code: 'REVISION_MISMATCH',
  })
}

const textOf = async (store: Backend, namespace: string) => (await store.get(key(namespace)))?.text

describe('on etcd, with three controllers whose clocks differ by an hour', () => {
  let etcd: EtcdServer
  let store: Backend
  let members: Member[]
  const place = () => ({ endpoints: etcd.endpoints, prefix: '/kytos' })
  const startAll = () =>
    Promise.all([
      startMember('one', place(), HOUR_MS),
      startMember('two', place(), -HOUR_MS),
      startMember('three', place()),
    ])
  beforeAll(async () => {
    etcd = await startEtcd()
    store = createEtcdBackend({ ...place(), timeout: 10 }, { report() {} })
    await store.open()
    members = await startAll()
  }, 60_000)
  afterAll(async () => {
    await store.close()
    await etcd.stop()
  })
  const member = (at: number): Member => members[at] ?? expect.fail('no such member')
  const begin = async (namespace: string): Promise<void> => {
    await member(2).ask('kytos.settings.update', { namespace, data: { a: 1 } })
  }

  it('confirms from another controller, however its clock is set', async () => {
    await begin('kytos/a')
    await member(0).ask('kytos.settings.update', {
      namespace: 'kytos/a',
      data: { a: 2 },
      confirm_within: 600,
    })
    const { pending } = await member(1).ask('kytos.settings.retrieve', { namespace: 'kytos/a', fresh: true })
    expect(pending?.remaining).toBeGreaterThan(500)
    expect(pending?.remaining).toBeLessThanOrEqual(600)
    await member(1).ask('kytos.settings.confirm', { namespace: 'kytos/a' })
    await expect(member(2).ask('kytos.settings.cancel', { namespace: 'kytos/a' })).rejects.toMatchObject({
      code: 'NOT_PENDING',
      details: { ended: 'confirmed' },
    })
    expect(await store.timeToLive(armedKey(key('kytos/a')))).toBeUndefined()
  })

  it('rolls back an unconfirmed change after its writer was killed, and not before its time', async () => {
    await begin('kytos/b')
    const begun = performance.now()
    await member(0).ask('kytos.settings.update', { namespace: 'kytos/b', data: { a: 2 }, confirm_within: 2 })
    await member(0).kill()
    await ends(store, 'kytos/b', 'expired')
    expect(performance.now() - begun).toBeGreaterThan(1_990)
    expect(await textOf(store, 'kytos/b')).toBe('{"a":1}')
    members[0] = await startMember('one', place(), HOUR_MS)
  }, 60_000)

  it('rolls back after all were killed and started again, before and after the time of a change', async () => {
    for (const namespace of ['kytos/c', 'kytos/d', 'kytos/e']) await begin(namespace)
    const arm = (namespace: string, confirm_within: number) =>
      member(1).ask('kytos.settings.update', { namespace, data: { a: 2 }, confirm_within })
    await Promise.all([arm('kytos/c', 2), arm('kytos/d', LONG ? 20 : 6), arm('kytos/e', 600)])
    await member(1).ask('kytos.settings.confirm', { namespace: 'kytos/e' })
    await Promise.all(members.map(one => one.kill()))
    await vi.waitFor(async () => expect(await store.get(armedKey(key('kytos/c')))).toBeUndefined(), {
      timeout: 30_000,
    })
    expect(await endOf(store, 'kytos/c')).toBeUndefined()
    members = await startAll()
    await ends(store, 'kytos/c', 'expired')
    // A controller that dies again and again has no influence on the time.
    for (let crash = 0; crash < (LONG ? 3 : 0); crash++) {
      await member(0).kill()
      members[0] = await startMember('one', place(), HOUR_MS)
    }
    await ends(store, 'kytos/d', 'expired')
    expect(await Promise.all(['kytos/c', 'kytos/d', 'kytos/e'].map(one => textOf(store, one)))).toEqual([
      '{"a":1}',
      '{"a":1}',
      '{"a":2}',
    ])
  }, 90_000)

  it('never overwrites an edit by another client in the last moment', async () => {
    await begin('kytos/f')
    for (let round = 0; round < 5; round++) {
      await member(1).ask('kytos.settings.update', {
        namespace: 'kytos/f',
        data: { a: 2 + round },
        confirm_within: 600,
      })
      const edited = `{"a":"by hand ${round}"}`
      await Promise.all([
        store.commit([{ key: key('kytos/f'), put: edited }]),
        store.commit([{ key: armedKey(key('kytos/f')), delete: true }]),
      ])
      await vi.waitFor(async () => expect(await endOf(store, 'kytos/f')).toBeDefined(), SOON)
      // A rollback between the edit and its record would have replaced the text.
      expect(await textOf(store, 'kytos/f')).toBe(edited)
    }
  }, 60_000)

  it('shows the state at a time and returns to it, however the clocks of its authors are set', async () => {
    const authors = [2, 0, 1].map(at => async () => member(at))
    await returnsToTheTime('kytos/g', authors, member(1))
  }, 60_000)

  it('16 documents expire together on every controller', async () => {
    const operations = Array.from({ length: 16 }, (_, i) => ({ namespace: `many/n${i}`, data: { n: 1 } }))
    await member(2).ask('kytos.settings.transaction', { operations, confirm_within: 2 })
    await ends(store, 'many/n15', 'expired')
    const left = await Promise.all(operations.map(({ namespace }) => textOf(store, namespace)))
    expect(left.filter(one => one !== undefined)).toEqual([])
  }, 60_000)
})

describe('confirm and the end of the time', () => {
  /** Two controllers, or one, and the backend of the store. */
  type Open = () => Promise<{
    readonly controllers: readonly Controller[]
    readonly store: Backend
    close(): Promise<void>
  }>
  const onEtcd: Open = async () => {
    const etcd = await startEtcd()
    const place = { endpoints: etcd.endpoints, prefix: '/race', timeout: 10 }
    const open = (id: string): Promise<Controller> =>
      openController({ id, backend: report => createEtcdBackend(place, { report }) })
    const store = createEtcdBackend(place, { report() {} })
    await store.open()
    const controllers = await Promise.all([open('one'), open('two')])
    const close = async () => {
      await Promise.all([...controllers, store].map(one => one.close()))
      await etcd.stop()
    }
    return { controllers, store, close }
  }
  const onFilesystem: Open = async () => {
    const path = await mkdtemp(join(tmpdir(), 'kytos-race-'))
    let store: Backend | undefined
    const one = await openController({
      backend: report => {
        store = createFilesystemBackend({ path }, { report })
        return store
      },
    })
    const close = async () => {
      await one.close()
      await rm(path, { recursive: true, force: true })
    }
    return { controllers: [one], store: store ?? expect.fail('no backend'), close }
  }

  it.each([
    ['etcd', onEtcd],
    ['the filesystem', onFilesystem],
  ] as const)(
    `race ${RACES} times on %s: exactly one outcome, and the answer tells it`,
    async (_, open) => {
      const { controllers, store, close } = await open()
      const [one = expect.fail('no controller'), two = one] = controllers
      const outcomes = new Map<string, number>()
      const namespace = 'kytos/a'
      await one.ask('kytos.settings.update', { namespace, data: { a: 0 } })
      let kept = '{"a":0}'
      const confirm = (by: Controller): Promise<string> =>
        by.ask('kytos.settings.confirm', { namespace }).then(
          ({ kind }) => kind,
          error => error.code as string,
        )
      for (let round = 1; round <= RACES; round++) {
        await one.ask('kytos.settings.update', { namespace, data: { a: round }, confirm_within: 600 })
        // Every other time two confirm at once, of which one may.
        const confirming = round % 2 === 0 ? [two, one] : [two]
        const end = () => store.commit([{ key: armedKey(key(namespace)), delete: true }])
        // The moment of the store varies around that of the confirmation.
        const ending = round % 4 === 3 ? end() : undefined
        const answers = confirming.map(confirm)
        await (ending ?? new Promise(resolve => setTimeout(resolve, round % 8)).then(end))
        await vi.waitFor(async () => expect(await endOf(store, namespace)).toBeDefined(), SOON)
        const ended = await endOf(store, namespace)
        if (ended === 'confirmed') kept = `{"a":${round}}`
        const refused = confirming.map(() => 'NOT_PENDING')
        expect([(await Promise.all(answers)).sort(), ended, await textOf(store, namespace)]).toEqual([
          ended === 'confirmed' ? [...refused.slice(1), 'confirmed'] : refused,
          ended,
          kept,
        ])
        outcomes.set(ended ?? '', (outcomes.get(ended ?? '') ?? 0) + 1)
      }
      expect([...outcomes.keys()].sort()).toEqual(['confirmed', 'expired'])
      await close()
    },
    120_000,
  )
})

describe('on the filesystem', () => {
  let path: string
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'kytos-pending-'))
  })
  afterAll(() => rm(path, { recursive: true, force: true }))

  it('rolls back after its process was killed, also if that happens again and again', async () => {
    const namespace = 'kytos/a'
    const file = join(path, 'settings/kytos/a.json')
    const content = async () => JSON.parse(await readFile(file, 'utf8'))
    let member = await startMember('one', { path })
    await member.ask('kytos.settings.update', { namespace, data: { a: 1 } })
    await member.ask('kytos.settings.update', { namespace, data: { a: 2 }, confirm_within: LONG ? 4 : 3 })
    const waits = async () =>
      (await member.ask('kytos.settings.retrieve', { namespace })).pending !== undefined
    let lives = 0
    for (; lives < 10; lives++) {
      // Later lives are longer than the least time after a start.
      const until = performance.now() + (LONG || lives > 0 ? 2_300 : 1_200)
      while (performance.now() < until && (await waits()))
        await new Promise(resolve => setTimeout(resolve, 50))
      if (!(await waits())) break
      await member.kill()
      member = await startMember('one', { path })
    }
    expect(lives).toBeLessThan(10)
    expect((await member.ask('kytos.settings.retrieve', { namespace })).data).toEqual({ a: 1 })
    await vi.waitFor(async () => expect(await content()).toEqual({ a: 1 }), SOON)
    // Once it has ended, no restart rolls anything back again.
    const { version } = await member.ask('kytos.settings.update', { namespace, data: { a: 3 } })
    await member.kill()
    member = await startMember('one', { path })
    expect(await member.ask('kytos.settings.retrieve', { namespace })).toMatchObject({
      ...{ data: { a: 3 }, version },
    })
    await member.kill()
  }, 90_000)

  it('keeps the time of a change and finds the state at a time while its clock is set forward and back', async () => {
    const member = await startMember('one', { path: join(path, 'clocks') })
    const armed = { namespace: 'kytos/armed', data: { a: 1 }, confirm_within: 600 }
    await member.ask('kytos.settings.update', armed)
    const authors = [0, HOUR_MS, -HOUR_MS].map(clock => async () => {
      member.setClock(clock)
      const { namespace } = armed
      const { pending } = await member.ask('kytos.settings.retrieve', { namespace, fresh: true })
      expect(pending?.remaining).toBeGreaterThan(500)
      return member
    })
    await returnsToTheTime('kytos/a', authors, member)
    expect(await member.ask('kytos.settings.confirm', { namespace: armed.namespace })).toMatchObject({
      ...{ kind: 'confirmed' },
    })
    await member.kill()
  }, 60_000)

  it('keeps an edit of the file in the last moment', async () => {
    const folder = join(path, 'edited')
    const one = await openController({
      backend: report => createFilesystemBackend({ path: folder }, { report }),
    })
    const file = join(folder, 'settings/kytos/b.json')
    const namespace = 'kytos/b'
    await one.ask('kytos.settings.update', { namespace, data: { a: 1 } })
    for (const before of [0, 3]) {
      await one.ask('kytos.settings.update', { namespace, method: 'PUT', data: { a: 2 }, confirm_within: 2 })
      await vi.waitFor(async () => expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ a: 2 }), SOON)
      const armed = async () => (await one.ask('kytos.settings.retrieve', { namespace, fresh: true })).pending
      while (((await armed())?.remaining ?? 0) > 1) await new Promise(resolve => setTimeout(resolve, 5))
      await new Promise(resolve => setTimeout(resolve, 990 + before))
      await writeFile(file, '{"a": 2, "by": "hand"}')
      await vi.waitFor(async () => expect(await armed()).toBeUndefined(), SOON)
      await vi.waitFor(async () => {
        const { data } = await one.ask('kytos.settings.retrieve', { namespace })
        expect(data).toMatchObject({ by: 'hand' })
      }, SOON)
      await one.ask('kytos.settings.update', { namespace, method: 'PUT', data: { a: 1 } })
    }
    await one.close()
  }, 60_000)
})
