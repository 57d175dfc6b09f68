import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backend, Problem } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { EVERYTHING, type Key, KINDS, makeKey } from '../../model/key.ts'
import { TokenStore } from '../../src/tokens/token-store.ts'
import { readAll } from '../../src/transfer/store-snapshot.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

const MARK = '{"format":1,"epoch":1700000000000}'
const TOKEN = `{"name":"ci","rights":["read"],"created_at":"2026-01-01T00:00:00.000Z","created_by":{"type":"user","name":"alice"},"expires_at":null,"hash":"sha256:${'h'.repeat(43)}"}`
const ALICE = { type: 'user', name: 'alice' } as const

let etcd: EtcdServer
let places = 0
const opened: { close(): Promise<void> }[] = []
const problems: Problem[] = []

beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())
afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
  problems.length = 0
})

/** A place that no other case uses. */
function freshPlace(): string {
  return `/overlap/${places++}`
}

function backendAt(
  prefix: string,
  options: {
    readonly username?: string
    readonly password?: string
    readonly endpoints?: readonly string[]
  } = {},
) {
  const backend = createEtcdBackend(
    { endpoints: etcd.endpoints, timeout: 5, prefix, ...options },
    { report: problem => void problems.push(problem) },
  )
  opened.push(backend)
  return backend
}

async function controllerAt(prefix: string): Promise<Controller> {
  const backend = (report: (problem: Problem) => void) =>
    createEtcdBackend({ endpoints: etcd.endpoints, timeout: 5, prefix }, { report })
  const controller = await openController({ id: `c${places++}`, backend })
  opened.push(controller)
  return controller
}

function put(address: string, text: string) {
  return etcd.client.put(address).value(text).exec()
}

async function textAt(address: string): Promise<string | null> {
  return etcd.client.get(address).string()
}

async function keysOf(backend: Backend): Promise<Key[]> {
  return (await readAll(await backend.list(EVERYTHING))).map(({ key }) => key)
}

const namespaceOf = (content: unknown): unknown => Reflect.get(Object(content), 'namespace')
const open = (prefix: string) => backendAt(prefix).open()
const overlap = (...names: readonly string[]) =>
  expect.objectContaining({
    code: 'STORE_OVERLAP',
    exit: 1,
    retryable: false,
    message: expect.stringMatching(names.join('.*')),
  })

describe('A store whose prefix is that of another store and one of our kinds', () => {
  it.each(['settings', 'boxes', 'settings/y', 'boxes/y/z', 'tokens', 'history/settings/a/b/c'])(
    'is refused: %s',
    async rest => {
      const place = freshPlace()
      await put(`${place}/meta/store`, MARK)
      await expect(open(`${place}/${rest}`)).rejects.toEqual(overlap(`"${place}/${rest}"`, `"${place}"`))
    },
  )

  it.each([
    'settings',
    'boxes',
    'settings/y',
    'controllers/c',
    'tokens',
    'meta',
    'pending/settings',
    'boxes/a.b',
    'settings/y/z/w',
  ])('has the outer one refused where it was there first: %s', async rest => {
    const place = freshPlace()
    await put(`${place}/${rest}/meta/store`, MARK)
    await put(`${place}/${rest}/settings/kytos/a`, '{}')
    await expect(open(place)).rejects.toEqual(overlap(`"${place}"`, `"${place}/${rest}"`))
  })

  it('is rejected also for a service, at once and with exit code 1, for any state to start from', async () => {
    const place = freshPlace()
    await controllerAt(place)
    const started = performance.now()
    await expect(controllerAt(`${place}/settings`)).rejects.toEqual(overlap(place))
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await textAt(`${place}/settings/meta/store`)).toBeNull()
  })

  it('is found while it is being filled, and below a store of the empty prefix', async () => {
    const place = freshPlace()
    await put(`${place}/meta/store`, '{"format":1,"filling":{"from":"x","at":"t","epoch":1}}')
    await expect(open(`${place}/schemas`)).rejects.toEqual(overlap(place))
    await put('/meta/store', MARK)
    try {
      await expect(open('/boxes')).rejects.toEqual(overlap('"/boxes"', '""'))
    } finally {
      await etcd.client.delete().key('/meta/store').exec()
    }
  })

  it('is found among many keys, in the folders beside them and below them', async () => {
    const place = `${freshPlace()}/größe`
    for (let n = 0; n < 40; n++) {
      const kvs = Array.from({ length: 100 }, (_, i) => ({
        request_put: {
          key: Buffer.from(`${place}/boxes/n${n % 5}/b${String(n * 100 + i).padStart(6, '0')}`),
          value: Buffer.from('{"data":1}'),
        },
      }))
      await etcd.client.kv.txn({ success: kvs })
    }
    await open(place)
    for (const rest of ['boxes/n3', 'boxes/n9', 'boxes']) {
      await put(`${place}/${rest}/meta/store`, MARK)
      await expect(open(place)).rejects.toEqual(overlap(`"${place}/${rest}"`))
      await etcd.client.delete().key(`${place}/${rest}/meta/store`).exec()
    }
    // One that lies deeper than is looked at before anything is read: by the first listing at the latest.
    await put(`${place}/boxes/n3/b000303/y/meta/store`, MARK)
    const backend = backendAt(place)
    await expect(backend.open().then(() => keysOf(backend))).rejects.toEqual(overlap('n3/b000303/y'))
  })
})

describe('Stores that do not overlap', () => {
  it('are nested elsewhere, beside each other, or where no store is', async () => {
    const place = freshPlace()
    await put(`${place}/meta/store`, MARK)
    for (const rest of ['labs', 'settingsx', 'my/settings', 'x/boxes/y']) {
      if (rest === 'my/settings') expect(await textAt(`${place}/my/meta/store`)).toBeNull()
      await open(`${place}/${rest}`)
    }
    await put(`${place}/labs/meta/store`, MARK)
    await put(`${place}/labs/settings/kytos/a`, '{}')
    const outer = backendAt(place)
    await outer.open()
    expect(await keysOf(outer)).toEqual(['meta/store'])
  })

  it('are those below a key that is no mark of a store, and those whose NApp is called meta/store', async () => {
    const place = freshPlace()
    await put(`${place}/meta/store`, 'not one of ours')
    await open(`${place}/settings`)
    const other = freshPlace()
    const controller = await controllerAt(other)
    await controller.ask('kytos.settings.update', {
      namespace: 'meta/store',
      data: { format: 1, epoch: 1_700_000_000_000 },
    })
    await controller.ask('kytos.settings.update', {
      namespace: 'meta/store',
      scope: 'controller:c',
      data: { format: 1, epoch: 5 },
    })
    await controller.ask('kytos.settings.update', {
      namespace: 'tokens/abc',
      method: 'PUT',
      data: JSON.parse(TOKEN),
    })
    await controller.ask('kytos.storehouse.create', {
      namespace: 'meta',
      box_id: 'store',
      data: { format: 1, epoch: 5 },
    })
    await controller.close()
    const again = await controllerAt(other)
    const read = async (namespace: string) =>
      (await again.ask('kytos.settings.retrieve', { namespace })).overrides
    expect(await read('meta/store')).toEqual({ format: 1, epoch: 1_700_000_000_000 })
    expect(await read('tokens/abc')).toEqual(JSON.parse(TOKEN))
    expect(await again.ask('kytos.storehouse.list', { namespace: 'meta' })).toEqual(['store'])
    await again.ask('kytos.settings.update', { namespace: 'meta/store', data: { epoch: 6 } })
    expect(await read('meta/store')).toEqual({ format: 1, epoch: 6 })
  })

  it('are those of a user with permission for one prefix only: unreadable keys count as absent', async () => {
    const guarded = await startEtcd({ auth: { username: 'kytos', password: 'pw', prefix: '/lab/settings' } })
    try {
      await guarded.client.put('/lab/meta/store').value(MARK).exec()
      const backend = backendAt('/lab/settings', {
        endpoints: guarded.endpoints,
        username: 'kytos',
        password: 'pw',
      })
      await backend.open()
      expect(await keysOf(backend)).toEqual([])
    } finally {
      await Promise.all(opened.splice(0).map(one => one.close()))
      await guarded.stop()
    }
  })
})

describe('Two stores that are made at once', () => {
  const STORE = makeKey('meta', 'store')
  const DOCUMENT = makeKey('settings', 'a', 'b')

  /** Makes a store as a controller does: it looks, claims and writes, with pauses that a schedule chooses. */
  async function make(
    backend: Backend,
    [first, second, third]: readonly [number, number, number],
  ): Promise<void> {
    await delay(first)
    await backend.open()
    await delay(second)
    const { committed } = await backend.commit([{ key: STORE, put: MARK, expected: 'absent' }])
    expect(committed).toBe(true)
    await delay(third)
    expect((await backend.commit([{ key: DOCUMENT, put: '{}' }])).committed).toBe(true)
  }

  it('are one store in the end, whichever that is, and the other has left nothing behind', {
    timeout: 60_000,
  }, async () => {
    const pause = fc.integer({ min: 0, max: 8 })
    const schedule = fc.tuple(pause, pause, pause)
    await fc.assert(
      fc.asyncProperty(schedule, schedule, fc.constantFrom(...KINDS), async (one, other, kind) => {
        const place = freshPlace()
        const prefixes = [place, `${place}/${kind}`]
        const made = await Promise.allSettled(
          prefixes.map((prefix, n) => make(backendAt(prefix), n === 0 ? one : other)),
        )
        const kept = await Promise.all(
          prefixes.map(async prefix => [
            await textAt(`${prefix}/${STORE}`),
            await textAt(`${prefix}/${DOCUMENT}`),
          ]),
        )
        const won = made.map(({ status }) => status === 'fulfilled')
        expect(won.filter(Boolean)).toHaveLength(1)
        expect(kept).toEqual(won.map(has => (has ? [MARK, '{}'] : [null, null])))
        for (const result of made)
          if (result.status === 'rejected') expect(result.reason).toEqual(overlap(place))
        await Promise.all(opened.splice(0).map(backend => backend.close()))
      }),
      { numRuns: 40 },
    )
  })

  it('by services are one service in the end', async () => {
    for (let round = 0; round < 3; round++) {
      const place = freshPlace()
      const prefixes = [place, `${place}/settings`]
      const started = await Promise.allSettled(prefixes.map(controllerAt))
      const marks = await Promise.all(prefixes.map(prefix => textAt(`${prefix}/${STORE}`)))
      const runs = started.map(({ status }) => status === 'fulfilled')
      expect(runs.filter(Boolean)).toHaveLength(1)
      expect(marks.map(mark => mark !== null)).toEqual(runs)
    }
  })

  it('one opened before the other was claimed: the later claim is refused and nothing is written', async () => {
    const place = freshPlace()
    const [outer, inner] = [backendAt(place), backendAt(`${place}/settings`)]
    await Promise.all([outer.open(), inner.open()])
    const claim = { key: STORE, put: MARK, expected: 'absent' } as const
    expect((await inner.commit([claim])).committed).toBe(true)
    await expect(outer.commit([claim])).rejects.toEqual(overlap(place))
    expect(await textAt(`${place}/${STORE}`)).toBeNull()
    expect((await inner.commit([{ key: DOCUMENT, put: '{}' }])).committed).toBe(true)
  })

  it('of two claims the later one is taken back before anything else is written', async () => {
    const place = freshPlace()
    const outer = backendAt(place)
    await outer.open()
    expect((await outer.commit([{ key: STORE, put: MARK, expected: 'absent' }])).committed).toBe(true)
    // As if the other claim was committed between the check and the commit: its `meta/store` is the older
    // one.
    await etcd.client.delete().key(`${place}/${STORE}`).exec()
    await put(`${place}/boxes/${STORE}`, MARK)
    await put(`${place}/${STORE}`, MARK)
    await expect(outer.commit([{ key: DOCUMENT, put: '{}' }])).rejects.toEqual(overlap(`${place}/boxes`))
    expect(
      await Promise.all([`${place}/${STORE}`, `${place}/${DOCUMENT}`, `${place}/boxes/${STORE}`].map(textAt)),
    ).toEqual([null, null, MARK])
  })
})

describe('A controller that runs when a store appears inside its own', () => {
  it('continues, reports it once, and neither reads, announces nor overwrites foreign keys', async () => {
    const place = freshPlace()
    const outer = await controllerAt(place)
    await outer.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 1 } })
    const facts = outer.facts.length
    // As a release made it that looked for no other store.
    await put(`${place}/settings/meta/store`, MARK)
    await put(`${place}/settings/tokens/ab12`, TOKEN)
    await put(`${place}/settings/settings/kytos/b`, '{"n":2}')
    await put(`${place}/settings/boxes/net/1`, '{"data":1}')
    await put(`${place}/settings/history/settings/kytos/b/000000000001`, '{"version":1}')
    await put(`${place}/controllers/meta/store`, MARK)
    await put(`${place}/controllers/settings/kytos/a`, '{"n":3}')
    await put(`${place}/boxes/meta/store`, MARK)
    await put(`${place}/boxes/tokens/ab12`, TOKEN)
    const marker = await outer.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 4 } })
    expect(marker.data).toMatchObject({ n: 4 })
    const names = (await outer.ask('kytos.settings.list', {})).map(({ namespace }) => namespace)
    expect(names).toEqual(['kytos/a'])
    expect(await outer.ask('kytos.storehouse.list', { namespace: 'tokens' })).toEqual([])
    expect(outer.facts.slice(facts).map(({ name, content }) => [name, namespaceOf(content)])).toEqual([
      ['settings.changed', 'kytos/a'],
    ])
    expect(outer.log.lines.filter(line => line.includes('Another store exists'))).toHaveLength(3)
    expect(outer.log.lines.join('\n')).not.toContain('hhhh')
    await expect(
      outer.ask('kytos.settings.update', { namespace: 'tokens/ab12', data: { n: 1 } }),
    ).rejects.toMatchObject({ code: 'STORE_OVERLAP' })
    expect(await textAt(`${place}/settings/tokens/ab12`)).toBe(TOKEN)
    for (const scope of ['cluster', 'controller:settings'])
      await expect(
        outer.ask('kytos.settings.retrieve', { namespace: 'tokens/ab12', scope, fresh: true }),
      ).rejects.toMatchObject({
        code: 'NAMESPACE_NOT_FOUND',
      })
    // What goes away is not announced either.
    await etcd.client.delete().key(`${place}/settings/tokens/ab12`).exec()
    await etcd.client.delete().key(`${place}/settings/meta/store`).exec()
    await outer.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 5 } })
    expect(new Set(outer.facts.slice(facts).map(({ content }) => namespaceOf(content)))).toEqual(
      new Set(['kytos/a']),
    )
    expect(await textAt(`${place}/history/settings/tokens/ab12/000000000001`)).toBeNull()
  })

  it('lists again when a listing meets that store, and then without it', async () => {
    const place = freshPlace()
    const backend = backendAt(place)
    await backend.open()
    await backend.commit([{ key: makeKey('meta', 'store'), put: MARK, expected: 'absent' }])
    expect(await keysOf(backend)).toEqual(['meta/store'])
    await put(`${place}/controllers/boxes/a/b`, '{}')
    await put(`${place}/controllers/meta/store`, MARK)
    await expect(keysOf(backend)).rejects.toMatchObject({
      code: 'HISTORY_LOST',
      details: { reason: 'overlap' },
    })
    expect(await keysOf(backend)).toEqual(['meta/store'])
    expect(problems.map(({ code }) => code)).toContain('STORE_OVERLAP')
  })
})

describe('The remains of a nested store', () => {
  it('are never read: no token counts as an override or a token of the outer store, for any prefix', async () => {
    const place = freshPlace()
    for (const address of [
      'settings/tokens/ab12',
      'controllers/c/tokens/ab12',
      'boxes/tokens/ab12',
      'tokens/tokens/ab12',
      'schemas/kytos/tokens/ab12',
    ]) {
      await put(`${place}/${address}`, TOKEN)
    }
    const controller = await controllerAt(place)
    expect(await controller.ask('kytos.settings.list', {})).toEqual([])
    expect(await controller.ask('kytos.storehouse.list', { namespace: 'tokens' })).toEqual([])
    expect(
      controller.log.lines.filter(line => line.includes('is not a document of this store')),
    ).toHaveLength(5)
    expect(await textAt(`${place}/history/settings/tokens/ab12/000000000001`)).toBeNull()
    const backend = backendAt(place)
    await backend.open()
    expect(await new TokenStore(backend).list()).toEqual([])
    const { created: made } = await new TokenStore(backend).create({ name: 'ours', rights: ['read'] }, ALICE)
    expect((await new TokenStore(backend).list()).map(({ id }) => id)).toEqual([made.id])
  })
})
