import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { openGround } from '../support/grounds.ts'

const PATCHES = 2_000
const IN_FLIGHT = 16
const NS = 'kytos/crowd'

let server: EtcdServer
beforeAll(async () => {
  server = await startEtcd()
})
afterAll(() => server.stop())

const open = (id: string, prefix: string) =>
  openController({ id, backend: report => createEtcdBackend({ endpoints: server.endpoints, prefix, timeout: 5 }, { report }) })

/** Patches a key of its own each time, so many at once on each controller; gives commits per second. */
async function patchAll(controllers: readonly Controller[], inFlight: number): Promise<number> {
  let next = 0
  const began = performance.now()
  const writers = controllers.flatMap(controller =>
    Array.from({ length: inFlight }, async () => {
      for (let i = next++; i < PATCHES; i = next++) await controller.ask('kytos.settings.update', { namespace: NS, data: { [`k${i}`]: i } })
    }),
  )
  await Promise.all(writers)
  return PATCHES / ((performance.now() - began) / 1_000)
}

describe('2,000 patches of different keys of one namespace', () => {
  it('all land, 16 in flight at each of three controllers, at no less than a third of the rate of one that has etcd for itself', async () => {
    const alone = await open('alone', '/alone')
    const three = await Promise.all(['one', 'two', 'three'].map(id => open(id, '/three')))
    try {
      const single = await patchAll([alone], 1)
      const together = await patchAll(three, IN_FLIGHT)
      for (const controller of three) {
        const { overrides, version } = await controller.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
        expect(version).toBe(PATCHES)
        expect(overrides).toEqual(Object.fromEntries(Array.from({ length: PATCHES }, (_, i) => [`k${i}`, i])))
        expect(controller.changes.map(({ content }) => 'version' in content && content.version)).toEqual(
          Array.from({ length: PATCHES }, (_, i) => i + 1),
        )
      }
      console.log(
        `one controller, one in flight: ${single.toFixed(0)}/s; three, ${IN_FLIGHT} each: ${together.toFixed(0)}/s; ratio ${(together / single).toFixed(2)}`,
      )
      expect(together / single).toBeGreaterThan(1 / 3)
    } finally {
      await Promise.all([alone, ...three].map(one => one.close()))
    }
  }, 120_000)
})

describe.each(['memory', 'etcd'] as const)('two versions of a NApp on two controllers of one cluster (%s)', backend => {
  it('each keep their own defaults through 1,000 changes, without a flap, a schema commit or a word too many', async () => {
    const ground = await openGround(backend)
    try {
      await ground.with(async ([old, recent]) => {
        if (!old || !recent) throw new Error('Two controllers are needed.')
        const schema = (interval: number) => ({
          properties: {
            interval: { type: 'integer', default: interval },
            n: { type: 'integer' },
            nested: { properties: { depth: { default: interval } } },
          },
        })
        await old.ask('kytos.settings.register', { namespace: NS, schema: schema(3), napp_version: '1.0' })
        await recent.ask('kytos.settings.register', { namespace: NS, schema: schema(7), napp_version: '2.0' })
        await old.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
        const [before, after] = [old.changes.length, recent.changes.length]
        const writers = [old, recent].flatMap((controller, w) =>
          Array.from({ length: 4 }, async (_, k) => {
            for (let i = 0; i < 125; i++) {
              const { data } = await controller.ask('kytos.settings.update', { namespace: NS, data: { n: i * 8 + w * 4 + k } })
              expect(data).toMatchObject({ interval: w === 0 ? 3 : 7, nested: { depth: w === 0 ? 3 : 7 } })
              // As a NApp does that is restarted.
              if (i % 25 === 0)
                await controller.ask('kytos.settings.register', { namespace: NS, schema: schema(w === 0 ? 3 : 7), napp_version: `${w + 1}.0` })
            }
          }),
        )
        await Promise.all(writers)
        for (const controller of [old, recent]) await controller.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })
        for (const [controller, seen, interval] of [
          [old, before, 3],
          [recent, after, 7],
        ] as const) {
          const facts = controller.changes.slice(seen).map(({ content }) => content)
          expect(facts).toHaveLength(1_000)
          for (const fact of facts) {
            expect(fact).toMatchObject({ scope: 'cluster', data: { interval, nested: { depth: interval } } })
            expect('changes' in fact && fact.changes.map(({ path }) => path)).toEqual(['/n'])
          }
          expect(await controller.ask('kytos.settings.describe', { namespace: NS })).toMatchObject({ napp_version: interval === 3 ? '1.0' : '2.0' })
          expect(controller.facts.filter(({ name }) => name === 'settings.rejected')).toEqual([])
        }
      })
    } finally {
      await ground.stop()
    }
  }, 60_000)
})
