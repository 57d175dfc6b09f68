import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LiveSettings } from '../../../src/client/live-settings.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import type { SettingsOf } from '../../../src/client/settings-of.ts'
import { SCHEMA, stage } from './stage.ts'

const SOON = { interval: 2, timeout: 5_000 }

type Act = 'set' | 'own' | 'other' | 'cut' | 'rewind' | 'replay' | 'update' | 'wait'

describe('in any schedule', () => {
  it("settings end equal to the service's, their cursor never goes back, and each listener receives a chain", async () => {
    const acts = fc.array(
      fc.constantFrom<Act>('set', 'set', 'own', 'other', 'cut', 'rewind', 'replay', 'update', 'wait'),
      { maxLength: 12 },
    )
    await fc.assert(fc.asyncProperty(acts, fc.nat({ max: 6 }), play), { numRuns: 40 })
  })
})

/** Runs a schedule, opens the settings in the middle of it, and checks the results. */
async function play(acts: readonly Act[], openAt: number): Promise<void> {
  const one = await stage()
  let settings: LiveSettings<SettingsOf<typeof SCHEMA>> | undefined
  try {
    const calls: (readonly [number, number])[] = []
    const places: [number, bigint][] = []
    const pending: Promise<unknown>[] = []
    // A commit on a cut connection, or in a store that goes back, may be rejected; only its effect counts.
    const attempt = (work: Promise<unknown>) => pending.push(Promise.allSettled([work]))
    const open = async (): Promise<void> => {
      settings = await openSettings(one.owner, SCHEMA)
      const { values } = settings
      calls.push([values.polling_time, values.polling_time])
      settings.on('polling_time', (now, before) => void calls.push([before, now]))
    }
    const act: Record<Act, (i: number) => unknown> = {
      set: i => attempt(one.set(10 + i)),
      own: i => attempt(one.set(100 + i, 'controller')),
      other: i => attempt(one.set(200 + i, 'controller:two')),
      update: i => attempt(settings ? settings.update({ vlans: [i] }) : one.set(i)),
      cut: () => one.line.cut(),
      rewind: () => one.world.rewind(1),
      replay: () =>
        one.facts.slice(-3).map(fact => one.root.announce('settings.changed', { ...fact, origin: 'replay' })),
      wait: () => new Promise(setImmediate),
    }
    for (const [i, name] of acts.entries()) {
      if (i === openAt) attempt(open())
      await act[name](i)
      if (settings) places.push([settings.epoch, BigInt(settings.revision)])
    }
    await Promise.all(pending)
    if (!settings) await open()
    await accepted(() => one.set(999))
    await accepted(() => one.set(998, 'controller'))
    const { data, revision, epoch } = await one.truth()
    await expect.poll(() => settings, SOON).toMatchObject({ values: data, revision, epoch, state: 'READY' })
    for (const [i, [before]] of calls.entries()) if (i > 0) expect(before).toBe(calls[i - 1]?.[1])
    expect(calls.at(-1)?.[1]).toBe(998)
    for (const [i, [epoch, revision]] of places.entries()) {
      const [earlier, below] = places[i - 1] ?? [0, 0n]
      expect(epoch > earlier || (epoch === earlier && revision >= below)).toBe(true)
    }
  } finally {
    settings?.close()
    await one.close()
  }
}

/** Resolves once the service, whose line may have been cut a moment ago, takes it. */
async function accepted(work: () => Promise<unknown>): Promise<void> {
  const isTaken = () =>
    work().then(
      () => true,
      () => false,
    )
  await expect.poll(isTaken, SOON).toBe(true)
}
