import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Backend } from '../../../backends/backend.ts'
import { makePrefix } from '../../../model/key.ts'
import { parseNamespace, schemaKey } from '../../../model/namespace.ts'
import {
  createSchemaDocument,
  printSchemaDocument,
  type SchemaDocument,
} from '../../../src/schema/schema-document.ts'
import { Registrar } from '../../../src/settings/registrar.ts'
import { MAX_REMOVALS_PER_PASS, SchemaPruner, UNUSED_MS } from '../../../src/settings/schema-pruner.ts'
import { Watcher } from '../../../src/watcher/watcher.ts'
import { keepLog } from '../../support/controller.ts'
import { createStore, on, type Store } from './stores.ts'

const NS = parseNamespace('kytos/of_lldp')
const SCHEMAS = makePrefix('schemas', 'kytos', 'of_lldp')
const NAPP = { type: 'napp', name: NS } as const
const HOUR = UNUSED_MS / 24
const documents = new Map<number, SchemaDocument>()

/** The schema of the NApp in version `1.<n>`; each is another one. */
function version(n: number): SchemaDocument {
  const known = documents.get(n) ?? createSchemaDocument({ properties: { a: { default: n } } }, {}, `1.${n}`)
  documents.set(n, known)
  return known
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map(close => close()))
})

/** The parts of a controller that store schemas and remove them, with a clock that stands still. */
async function openProcess(store: Store, prepare: (backend: Backend) => void = () => {}) {
  const backend = on(store)
  prepare(backend)
  await backend.open()
  const log = keepLog()
  const watcher: Watcher = new Watcher(
    { backend, controller: 'c', log },
    {
      onFact({ name, content }) {
        const event = { id: '', name, content, timestamp: '', priority: 0, reinjections: 0 }
        registrar.observe(event)
        return event
      },
      onAdvanced() {},
      onUnrecorded() {},
      onTokensChanged() {},
      onReconciled() {},
      onFatal() {},
    },
  )
  let hours = 0
  const registrar: Registrar = new Registrar({ backend, watcher, log })
  const pruner = new SchemaPruner({ backend, watcher, registrar, log, now: () => hours * HOUR })
  await watcher.start(10_000)
  const close = async (): Promise<void> => {
    registrar.stop()
    await Promise.all([pruner.stop(), watcher.stop()])
    await backend.close()
  }
  closing.push(close)
  return {
    log,
    watcher,
    prune: () => pruner.prune(),
    /** Lets hours pass, then runs a pass. */
    after: (passed: number) => {
      hours += passed
      return pruner.prune()
    },
    register: (n: number) => registrar.register(NS, version(n), NAPP),
    close,
  }
}

/** The versions whose schemas are stored, ascending. */
const storedIn = (store: Store): readonly number[] => {
  const keys = new Set(store.list(SCHEMAS).map(({ key }) => key))
  return [...documents]
    .flatMap(([n, { digest }]) => (keys.has(schemaKey(NS, digest)) ? [n] : []))
    .sort((a, b) => a - b)
}

/** Stores the schemas of these versions, as the NApps of an earlier process did, in this order. */
async function fill(store: Store, versions: readonly number[]): Promise<void> {
  const earlier = await openProcess(store)
  for (const n of versions) await earlier.register(n)
  await earlier.close()
}

describe('a stored schema', () => {
  it('that is unused for 24 h is removed; the highest version, the last stored and the one in use stay', async () => {
    const store = createStore()
    await fill(store, [5, 1, 2, 3, 4])
    const one = await openProcess(store)
    await one.register(2)
    expect(await one.prune()).toEqual([])
    expect(await one.after(23)).toEqual([])
    expect(await one.after(1)).toEqual([1, 3].map(n => schemaKey(NS, version(n).digest)))
    expect(storedIn(store)).toEqual([2, 4, 5])
    expect(one.log.lines).toContain(
      'info Removed 2 stored schemas of "kytos/of_lldp": no NApp here used them for 24 h.',
    )
  })

  it('is unused from the pass that sees it unused, and begins again when it was in use', async () => {
    const store = createStore()
    await fill(store, [1, 2, 3])
    const one = await openProcess(store)
    await one.after(100)
    await one.register(1)
    await one.after(23)
    await one.register(3)
    await one.after(2)
    expect(storedIn(store)).toEqual([1, 3])
    expect(await one.after(23)).toEqual([])
    await one.after(1)
    expect(storedIn(store)).toEqual([3])
  })

  it('of a namespace without a usable schema stays, because the namespace would become free-form', async () => {
    const store = createStore()
    const broken = [1, 2].map(n => schemaKey(NS, version(n).digest))
    for (const key of broken) store.commit([{ key, put: '{"schema":{"type":"objekt"}}' }])
    const one = await openProcess(store)
    await one.prune()
    expect(await one.after(48)).toEqual([])
    expect(store.list(SCHEMAS)).toHaveLength(2)
  })

  it('that another controller uses is stored again by it, and then stays', async () => {
    const store = createStore()
    await fill(store, [1, 2, 3])
    const user = await openProcess(store)
    await user.register(1)
    const one = await openProcess(store)
    await one.prune()
    expect(await one.after(24)).toHaveLength(2)
    await expect.poll(() => storedIn(store), { timeout: 15_000 }).toEqual([1, 3])
    await one.watcher.until(() => one.watcher.cache.hasStoredSchema(NS, version(1).digest), 15_000)
    await one.prune()
    expect(await one.after(48)).toEqual([])
    // Also when it is not the last that was stored any more.
    await user.register(4)
    await one.watcher.until(() => one.watcher.cache.hasStoredSchema(NS, version(4).digest), 15_000)
    await one.prune()
    expect(await one.after(48)).toEqual([schemaKey(NS, version(3).digest)])
    expect(storedIn(store)).toEqual([1, 4])
  })

  it.each([
    ['the one that would be in use then is removed', [3], []],
    ['one of them is registered again', [1], [1]],
  ])('stays when, at the same moment, %s', async (_, gone, back) => {
    const store = createStore()
    await fill(store, [1, 2, 3, 0])
    const one = await openProcess(store, backend => {
      const commit = backend.commit.bind(backend)
      backend.commit = operations => {
        for (const n of gone) store.commit([{ key: schemaKey(NS, version(n).digest), delete: true }])
        for (const n of back)
          store.commit([{ key: schemaKey(NS, version(n).digest), put: printSchemaDocument(version(n)) }])
        return commit(operations)
      }
    })
    await one.prune()
    expect(await one.after(24)).toEqual([])
    expect(storedIn(store)).toEqual([0, 1, 2, 3].filter(n => !gone.includes(n) || back.includes(n)))
  })

  it('that is removed before its registration ends is stored again', async () => {
    const store = createStore()
    let isFirst = true
    const one = await openProcess(store, backend => {
      const commit = backend.commit.bind(backend)
      backend.commit = async operations => {
        const outcome = await commit(operations)
        if (!isFirst || !operations[0]?.key.startsWith(SCHEMAS)) return outcome
        isFirst = false
        store.commit([{ key: schemaKey(NS, version(1).digest), delete: true }])
        for (let i = 0; i < 50; i++) await turn()
        return outcome
      }
    })
    await one.register(1)
    await expect.poll(() => storedIn(store), { timeout: 15_000 }).toEqual([1])
  })

  it('is removed with at most 50 in one pass', async () => {
    const store = createStore()
    await fill(
      store,
      Array.from({ length: 120 }, (_, n) => n),
    )
    const one = await openProcess(store)
    await one.prune()
    const removed = [await one.after(24), await one.prune(), await one.prune(), await one.prune()]
    expect(removed.map(keys => keys.length)).toEqual([MAX_REMOVALS_PER_PASS, 50, 19, 0])
    expect(storedIn(store)).toEqual([119])
  })
})

it('no schedule of passes, registrations and removals loses a schema that is in use, or would be', async () => {
  const controllers = fc.integer({ min: 0, max: 2 })
  const versions = fc.integer({ min: 0, max: 4 })
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ act: fc.constant('register' as const), who: controllers, n: versions }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('prune' as const),
        who: controllers,
        hours: fc.constantFrom(0, 12, 24),
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('remove' as const), n: versions }) },
    {
      weight: 4,
      arbitrary: fc.record({ act: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 12 }) }),
    },
  )
  const delays = fc.infiniteStream(fc.integer({ min: 0, max: 4 }))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), delays, async (steps, delay) => {
      const store = createStore()
      await fill(store, [0, 1, 2])
      const pause = async (): Promise<void> => {
        for (let i = delay.next().value ?? 0; i > 0; i--) await turn()
      }
      const slow = (backend: Backend): void => {
        const commit = backend.commit.bind(backend)
        backend.commit = async operations => {
          await pause()
          const outcome = await commit(operations)
          await pause()
          return outcome
        }
      }
      const processes = await Promise.all([0, 1, 2].map(() => openProcess(store, slow)))
      const inUse = new Map<number, number>()
      const ever = new Set([0, 1, 2])
      const removed = new Set<number>()
      const works: Promise<unknown>[] = []
      /** One registration of a controller at a time, as its NApp does. */
      const queues: Promise<unknown>[] = [0, 1, 2].map(() => Promise.resolve())
      for (const one of steps) {
        if (one.act === 'register') {
          inUse.set(one.who, one.n)
          ever.add(one.n)
          queues[one.who] =
            queues[one.who]?.then(() => processes[one.who]?.register(one.n)) ?? Promise.resolve()
        } else if (one.act === 'prune') works.push(processes[one.who]?.after(one.hours) ?? Promise.resolve())
        else if (one.act === 'remove') {
          // By an operator, on purpose: only a controller that uses it stores it again.
          store.commit([{ key: schemaKey(NS, version(one.n).digest), delete: true }])
          removed.add(one.n)
        } else for (let i = 0; i < one.count; i++) await turn()
      }
      await Promise.all([...works, ...queues])
      await expect
        .poll(() => storedIn(store), { timeout: 15_000, interval: 5 })
        .toEqual(expect.arrayContaining([...new Set(inUse.values())]))
      // A version that an operator removed may be the highest again, or may not.
      const best = Math.max(...[...ever].filter(n => !removed.has(n)))
      expect(Math.max(...storedIn(store))).toBeGreaterThanOrEqual(best)
      await Promise.all(processes.map(({ close }) => close()))
    }),
    { numRuns: 80, endOnFailure: true },
  )
}, 60_000)
