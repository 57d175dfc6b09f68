import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { TransactionOperation } from '../../../events/nouns.ts'
import { makeKey } from '../../../model/key.ts'
import { createStore, fingerprint, holdable, open, readDocument } from './stores.ts'

const NS = 'kytos/of_lldp'
const KEY = makeKey('settings', 'kytos', 'of_lldp')
const SCHEMA = {
  properties: {
    a: { type: 'object', properties: { x: { type: 'integer', maximum: 10 } } },
    n: { type: 'integer' },
  },
}

/** A place at which a hook waits until the test continues. */
function createPause() {
  let reach = (): void => {}
  let end = (): void => {}
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  const ended = new Promise<undefined>(resolve => {
    end = () => resolve(undefined)
  })
  const wait = (): Promise<undefined> => {
    reach()
    return ended
  }
  return { reached, reach: wait, end }
}

describe('a change that a hook refuses', () => {
  it('is 423 with who and why, leaves nothing, is told to nobody and blocks nobody', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    const end = one.bus.consume(NS, { changing: ({ data }) => (data.n === 13 ? 'unlucky' : undefined) })
    const before = fingerprint(store)
    const facts = one.facts.length
    await expect(one.ask('kytos.settings.update', { namespace: NS, data: { n: 13 } })).rejects.toMatchObject({
      code: 'CHANGE_VETOED',
      status: 423,
      message: 'kytos/test rejected the change of "kytos/of_lldp": unlucky. Nothing was changed.',
      details: { refusals: [{ namespace: NS, napp: 'kytos/test', verdict: 'refused', reason: 'unlucky' }] },
    })
    expect([fingerprint(store), one.facts.length]).toEqual([before, facts])
    expect(await one.ask('kytos.settings.update', { namespace: NS, data: { n: 12 } })).toMatchObject({
      version: 1,
    })
    end()
    expect(await one.ask('kytos.settings.update', { namespace: NS, data: { n: 13 } })).toMatchObject({
      version: 2,
    })
  })

  it('takes the rest of its transaction with it', async () => {
    const store = createStore()
    const one = await open(store)
    one.bus.consume(NS, { changing: () => 'no' })
    const before = fingerprint(store)
    const operations: TransactionOperation[] = [
      { namespace: 'kytos/other', data: { b: 1 } },
      { namespace: NS, data: { n: 1 } },
    ]
    await expect(one.ask('kytos.settings.transaction', { operations })).rejects.toMatchObject({
      code: 'CHANGE_VETOED',
    })
    expect(fingerprint(store)).toBe(before)
  })

  it('waits no longer than the deadline for a hook that hangs, the others behind it not at all, and those of other namespaces never', async () => {
    const one = await open(createStore(), 'controller-1', { hookDeadline: 400 })
    one.bus.consume(NS, { changing: () => new Promise(() => {}) })
    const began = performance.now()
    const updates = Array.from({ length: 50 }, (_, n) =>
      one.ask('kytos.settings.update', { namespace: NS, data: { n } }).catch(error => error.code),
    )
    const other = one
      .ask('kytos.settings.update', { namespace: 'kytos/other', data: { n: 1 } })
      .then(() => 'the other')
    expect(await Promise.race([...updates, other])).toBe('the other')
    expect(new Set(await Promise.all(updates))).toEqual(new Set(['CHANGE_VETOED']))
    // One deadline, not fifty.
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})

describe('a hook', () => {
  it('is asked what would differ here and nothing else: not what is invalid, hidden, for another controller, too large or the same', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    await one.ask('kytos.settings.update', { namespace: NS, data: { n: 1 }, scope: 'controller' })
    const asked: unknown[] = []
    one.bus.consume(NS, {
      changing: ({ changes }) => void asked.push(changes.map(({ path }) => path)) as undefined,
    })
    const update = (data: object, scope = 'cluster') =>
      one
        .ask('kytos.settings.update', { namespace: NS, data: data as never, scope })
        .catch(error => error.code)
    expect(await update({ n: 'x' })).toBe('SETTINGS_INVALID')
    // Too large only once it is printed.
    expect(await update({ big: '\n'.repeat(200 * 1024) })).toBe('DOCUMENT_TOO_LARGE')
    await update({ n: 2 })
    await update({ n: 2 })
    await update({ n: 3 }, 'controller:another')
    expect(asked).toEqual([])
    await update({ n: 4, a: { x: 1 } })
    expect(asked).toEqual([['/a/x']])
  })

  it('cannot alter what it is asked about', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    one.bus.consume(NS, {
      changing: proposal => {
        try {
          // A NApp in JavaScript may do this despite the types.
          ;(proposal.data.a as { x: number }).x = 9_999
          ;(proposal.changes as unknown[]).length = 0
        } catch {
          return undefined
        }
        return 'it could'
      },
    })
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: { x: 5 } } })
    expect(readDocument(store, KEY).text).toBe('{"a":{"x":5}}')
  })

  it('that leaves while it is asked has refused all the same', async () => {
    const one = await open(createStore())
    const end = one.bus.consume(NS, {
      changing: () => {
        end()
        return 'no'
      },
    })
    await expect(one.ask('kytos.settings.update', { namespace: NS, data: { n: 1 } })).rejects.toMatchObject({
      code: 'CHANGE_VETOED',
    })
  })

  it('keeps nobody from commands who hears of what it says', async () => {
    const one = await open(createStore())
    const heard: unknown[] = []
    one.bus.on(
      'my.event',
      async () => void heard.push(await one.ask('kytos.settings.list', {}).catch(error => error)),
    )
    one.bus.consume(NS, { changing: () => void one.bus.emit('my.event') as undefined })
    await one.ask('kytos.settings.update', { namespace: NS, data: { n: 1 } })
    await expect.poll(() => heard).toEqual([[]])
  })

  it('is asked again, about what it has become, when another controller was faster', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'one'), await open(store, 'two')]
    const seen: unknown[] = []
    const pause = createPause()
    one.bus.consume(NS, {
      changing: async ({ previous, data }) => {
        seen.push([previous, data])
        if (seen.length === 1) await pause.reach()
        return undefined
      },
    })
    const update = one.ask('kytos.settings.update', { namespace: NS, data: { one: 1 } })
    await pause.reached
    await two.ask('kytos.settings.update', { namespace: NS, data: { two: 1 } })
    pause.end()
    await update
    expect(seen).toEqual([
      [{}, { one: 1 }],
      [{ two: 1 }, { two: 1, one: 1 }],
    ])
  })

  it('sees and decides on what will be in force: overrides that the change makes unacceptable do not count', async () => {
    const one = await open(createStore())
    await one.ask('kytos.settings.register', { namespace: NS, schema: { maxProperties: 2 } })
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1 } })
    await one.ask('kytos.settings.update', { namespace: NS, data: { b: 1 }, scope: 'controller' })
    const seen: unknown[] = []
    one.bus.consume(NS, { changing: ({ data }) => void seen.push(data) as undefined })
    const { data, preview } = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { c: 1 },
      dry_run: true,
    })
    expect([data, preview]).toMatchObject([
      { a: 1, c: 1 },
      { changes: [{ path: '/b' }, { path: '/c' }], rejected: [{ scope: 'controller:controller-1' }] },
    ])
    expect(await one.ask('kytos.settings.update', { namespace: NS, data: { c: 1 } })).toMatchObject({
      data: { a: 1, c: 1 },
    })
    expect(seen).toEqual([
      { a: 1, c: 1 },
      { a: 1, c: 1 },
    ])
    const { data: mended } = await one.ask('kytos.settings.update', {
      namespace: NS,
      data: { c: null },
      dry_run: true,
    })
    expect(mended).toEqual({ a: 1, b: 1 })
    expect(await one.ask('kytos.settings.update', { namespace: NS, data: { c: null } })).toMatchObject({
      data: { a: 1, b: 1 },
    })
  })
})

describe('a revision that is expected', () => {
  it('is not fulfilled any more when what it looked at changes while a hook is asked', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'one'), await open(store, 'two')]
    const { revision } = await one.ask('kytos.settings.update', { namespace: NS, data: { n: 1 } })
    const pause = createPause()
    one.bus.consume(NS, { changing: () => pause.reach() })
    const guarded = one.ask('kytos.settings.update', {
      namespace: NS,
      data: { m: 1 },
      scope: 'controller',
      revision,
    })
    await pause.reached
    await two.ask('kytos.settings.update', { namespace: NS, data: { n: 2 } })
    while (one.changes.length < 2) await delay(1)
    pause.end()
    await expect(guarded).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
    expect(await one.ask('kytos.settings.retrieve', { namespace: NS, scope: 'controller' })).toMatchObject({
      overrides: {},
    })
  })

  it('of one document is not held against a race that another document lost', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'one'), await open(store, 'two')]
    const { revision } = await one.ask('kytos.settings.update', { namespace: 'kytos/quiet', data: { n: 1 } })
    let expected = revision
    for (let n = 0; n < 40; n++) {
      const operations: TransactionOperation[] = [
        { namespace: 'kytos/quiet', data: { n }, revision: expected },
        { namespace: NS, data: { [`one${n}`]: n } },
      ]
      const [{ settings }] = await Promise.all([
        one.ask('kytos.settings.transaction', { operations }),
        two.ask('kytos.settings.update', { namespace: NS, data: { [`two${n}`]: n } }),
      ])
      expected = settings[0]?.revision ?? '0'
    }
    expect(
      Object.keys((await one.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).overrides),
    ).toHaveLength(80)
  })
})

describe('overrides of one controller', () => {
  it('are never valid only on top of what the cluster had before', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'one')
    const behind = await open(store, 'behind', { backend: () => line.backend })
    await one.ask('kytos.settings.register', { namespace: NS, schema: { maxProperties: 2 } })
    await expect.poll(() => behind.changes.length).toBe(1)
    line.hold()
    await one.ask('kytos.settings.update', { namespace: NS, data: { a: 1, b: 1 } })
    const own = behind.ask('kytos.settings.update', { namespace: NS, data: { c: 1 }, scope: 'controller' })
    setTimeout(line.release, 20)
    await expect(own).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })
})
