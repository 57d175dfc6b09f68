import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConsumerState } from '../../../events/commands/consumer-nouns.ts'
import type { LiveSettings } from '../../../src/client/live-settings.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import { consumerState } from '../../../src/status/consumer-states.ts'
import { openController } from '../../support/controller.ts'

const NAPP = 'kytos/of_lldp'
const SCHEMA = {
  type: 'object',
  properties: {
    interval: { type: 'integer', default: 0, 'x-apply': 'live' },
    cookie: { type: 'integer', default: 0, 'x-apply': 'restart' },
    table: { type: 'integer', default: 0, 'x-apply': 'reload' },
  },
} as const

interface Values {
  readonly interval: number
  readonly cookie: number
  readonly table: number
}

/** How the NApp's listener reacts to its next calls. */
type Behavior = 'apply' | 'refuse' | 'wait'

/** A NApp on a controller, with the values that it really uses. */
async function openNApp() {
  const controller = await openController({ id: 'c1' })
  onTestFinished(() => controller.close())
  const bus = controller.root.view({ type: 'napp', name: NAPP })
  let settings: LiveSettings<Values> | undefined
  let used: Values | undefined
  const held: (() => void)[] = []
  const stage = {
    ...controller,
    behavior: 'apply' as Behavior,
    get used() {
      return used
    },
    async start() {
      settings?.close()
      const opened: LiveSettings<Values> = await openSettings({ id: NAPP, bus, log: controller.log }, SCHEMA)
      settings = opened
      used = opened.values
      const use = (interval: number): void => {
        if (settings === opened && used) used = { ...used, interval }
      }
      opened.on('interval', interval => {
        if (stage.behavior === 'refuse') throw new Error(`${interval} is too slow`)
        if (stage.behavior === 'apply') return use(interval)
        return new Promise(resolve => {
          held.push(() => {
            use(interval)
            resolve()
          })
        })
      })
    },
    stop() {
      settings?.close()
      settings = undefined
    },
    release() {
      for (const one of held.splice(0)) one()
    },
    set: (data: Partial<Values>) => controller.ask('kytos.settings.update', { namespace: NAPP, data }),
    effective: async () => (await controller.ask('kytos.settings.retrieve', { namespace: NAPP })).data,
    consumers: async () => (await controller.ask('kytos.settings.status', {})).consumers ?? [],
    async state(): Promise<ConsumerState | undefined> {
      return (await stage.consumers())[0]
    },
  }
  await stage.start()
  return stage
}

describe('the consumers in the status', () => {
  it('are applied at the revision whose values they use', async () => {
    const napp = await openNApp()
    expect(await napp.consumers()).toEqual([
      {
        controller: 'c1',
        napp: NAPP,
        namespace: NAPP,
        status: 'applied',
        revision: expect.stringMatching(/^\d+$/),
        reason: null,
        since: expect.any(String),
      },
    ])
    const { revision } = await napp.set({ interval: 5 })
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'applied', revision })
    expect(napp.used?.interval).toBe(5)
  })

  it('refuse with the reason of their listener, until a later call succeeds', async () => {
    const napp = await openNApp()
    napp.behavior = 'refuse'
    await napp.set({ interval: 7 })
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({
      status: 'refused',
      reason: expect.stringMatching(/^The listener of \/interval failed: .*7 is too slow/),
    })
    // A change that does not concern the listener leaves it refused.
    await napp.set({ cookie: 1 })
    await napp.set({ cookie: 0 })
    expect(await napp.state()).toMatchObject({ status: 'refused' })
    napp.behavior = 'apply'
    await napp.set({ interval: 8 })
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'applied', reason: null })
  })

  it('wait for a listener that has not returned, and for a reload or a restart', async () => {
    const napp = await openNApp()
    napp.behavior = 'wait'
    await napp.set({ interval: 7 })
    await expect
      .poll(napp.state, { timeout: 20_000 })
      .toMatchObject({ status: 'pending', reason: 'The listener of /interval has not returned yet.' })
    napp.release()
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'applied' })
    await napp.set({ table: 1 })
    await expect
      .poll(napp.state, { timeout: 20_000 })
      .toMatchObject({ status: 'pending', reason: 'Takes effect at the next reload of the NApp: /table' })
    await napp.set({ cookie: 1 })
    const reason = 'Takes effect at the next start of the NApp: /table, /cookie'
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'pending', reason })
    await napp.start()
    expect(await napp.state()).toMatchObject({ status: 'applied' })
    // The value of the start is in use, so a change back to it waits for nothing.
    await napp.set({ cookie: 2 })
    await napp.set({ cookie: 1 })
    await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'applied' })
  })

  it('are absent once they closed their settings', async () => {
    const napp = await openNApp()
    napp.stop()
    expect(await napp.consumers()).toEqual([])
  })

  it('of a namespace are listed alone', async () => {
    const napp = await openNApp()
    await napp.ask('kytos.settings.create', { namespace: 'kytos/other', data: {} })
    const of = async (namespace: string) =>
      (await napp.ask('kytos.settings.status', { namespace })).consumers?.map(one => one.napp)
    expect(await of(NAPP)).toEqual([NAPP])
    expect(await of('kytos/other')).toBeUndefined()
  })
})

describe('the state of a consumer', () => {
  const current = { data: { a: 1 }, revision: '7', isReady: true }
  const report = { data: { a: 1 }, revision: '5', status: 'applied', reason: null, since: 'then' } as const

  it('is applied at a later revision that changed none of its settings', () => {
    expect(consumerState(report, current)).toEqual({
      status: 'applied',
      revision: '7',
      reason: null,
      since: 'then',
    })
  })

  it('is pending while its values are others, whatever revision it names', () => {
    const other = { ...report, data: { a: 2 }, revision: '7' }
    expect(consumerState(other, current)).toMatchObject({ status: 'pending', revision: '7' })
  })

  it('is stale while the store is unreachable', () => {
    expect(consumerState(report, { ...current, isReady: false })).toMatchObject({ status: 'stale' })
  })
})

/** One step of a schedule. */
const STEP = fc.oneof(
  fc.record({ set: fc.record({ interval: fc.integer({ min: 0, max: 2 }) }) }),
  fc.record({ set: fc.record({ cookie: fc.integer({ min: 0, max: 1 }) }) }),
  fc.record({ set: fc.record({ table: fc.integer({ min: 0, max: 1 }) }) }),
  fc.record({ behavior: fc.constantFrom<Behavior>('apply', 'refuse', 'wait') }),
  fc.constantFrom({ release: true }, { restart: true }, { set: {} }),
)

describe('in any schedule', () => {
  it('applied is stated only for the values that the NApp uses, and for these in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { maxLength: 14 }), async steps => {
        const napp = await openNApp()
        let cookie = 0
        let table = 0
        for (const step of steps) {
          if ('set' in step) await napp.set(step.set)
          if ('behavior' in step) napp.behavior = step.behavior
          if ('release' in step) napp.release()
          if ('restart' in step) {
            await napp.start()
            const now = await napp.effective()
            cookie = Number(now.cookie)
            table = Number(now.table)
          }
          const state = await napp.state()
          // Without a turn in between, the values that are used are those of the answer.
          const { used } = napp
          const effective = await napp.effective()
          if (state?.status === 'applied')
            expect({ interval: used?.interval, cookie, table }).toEqual(effective)
        }
        napp.behavior = 'apply'
        napp.release()
        // Two other values, because the listener is called only for a difference.
        await napp.set({ interval: 8, cookie, table })
        await napp.set({ interval: 9 })
        await expect.poll(napp.state, { timeout: 20_000 }).toMatchObject({ status: 'applied' })
        napp.stop()
        await napp.close()
      }),
      { numRuns: 25 },
    )
  })
})
