import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { historyKey, historyPrefix, makeKey } from '../../../model/key.ts'
import { pruneHistory } from '../../../src/settings/housekeeper.ts'
import type { Retention } from '../../../src/settings/kept-versions.ts'
import { printRecord } from '../../../src/state/record.ts'
import { createStore, open, openHand, type Store } from './stores.ts'

const KEY = makeKey('settings', 'kytos', 'of_lldp')
const NOW = Date.UTC(2025, 0, 1)

/**
 * Puts records of the given ages, in seconds, oldest version first; undefined is an unreadable time.
 */
function fill(store: Store, ages: readonly (number | undefined)[]): void {
  ages.forEach((age, i) => {
    const at = age === undefined ? 'soon' : new Date(NOW - age * 1_000).toISOString()
    const record = {
      version: i + 1,
      kind: 'updated',
      data: {},
      actor: { type: 'user', name: 'ann' },
      controller: 'c',
      comment: undefined,
      at,
      writeId: `w${i}`,
    } as const
    store.commit([{ key: historyKey(KEY, i + 1), put: printRecord(record) }])
  })
}
const versions = (store: Store): number[] =>
  store.list(historyPrefix(KEY)).map(({ key }) => Number(key.slice(-12)))

/** Keeps the newest 50 records, and all that are younger than a time. */
function youngerThan(youngest: number): Omit<Retention, 'baselines'> {
  return { newest: 50, youngest }
}

describe('housekeeping', () => {
  it('keeps the newest 50 records and all that are younger than a minute, and says whether to come again', async () => {
    const store = createStore()
    const hand = await openHand(store)
    fill(
      store,
      Array.from({ length: 120 }, (_, i) => (i < 60 ? 600 : 30)),
    )
    expect(await pruneHistory(hand, KEY, youngerThan(NOW - 60_000))).toBe(true)
    expect(versions(store)).toEqual(Array.from({ length: 60 }, (_, i) => i + 61))
    expect(await pruneHistory(hand, KEY, youngerThan(NOW))).toBe(false)
    expect(versions(store)).toEqual(Array.from({ length: 50 }, (_, i) => i + 71))
  })

  it('leaves a short history alone, and drops what has no time', async () => {
    const store = createStore()
    const hand = await openHand(store)
    fill(
      store,
      Array.from({ length: 50 }, () => 9_999),
    )
    expect(await pruneHistory(hand, KEY, youngerThan(NOW))).toBe(false)
    expect(versions(store)).toHaveLength(50)
    fill(
      store,
      Array.from({ length: 51 }, () => undefined),
    )
    expect(await pruneHistory(hand, KEY, youngerThan(NOW))).toBe(false)
    expect(versions(store)[0]).toBe(2)
  })

  it('by several controllers at once keeps what one alone would keep', async () => {
    const age = fc.oneof(fc.constantFrom(1, 59, 60, 61, 500), fc.constant(undefined))
    await fc.assert(
      fc.asyncProperty(fc.array(age, { minLength: 45, maxLength: 70 }), async ages => {
        const store = createStore()
        const [one, two] = [await openHand(store), await openHand(store)]
        fill(store, ages)
        await Promise.all(
          [one, two, one].map(backend => pruneHistory(backend, KEY, youngerThan(NOW - 60_000))),
        )
        const kept = ages.flatMap((seconds, i) =>
          i >= ages.length - 50 || (seconds !== undefined && seconds < 60) ? [i + 1] : [],
        )
        expect(versions(store)).toEqual(kept)
      }),
      { numRuns: 30 },
    )
  })

  it('changes nothing that anybody sees: versions count on, the newest stays, no fact is said', async () => {
    const store = createStore()
    const one = await open(store)
    const hand = await openHand(store)
    for (let i = 1; i <= 60; i++)
      await one.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: { i } })
    await pruneHistory(hand, KEY, youngerThan(Number.POSITIVE_INFINITY))
    expect(versions(store)).toHaveLength(50)
    expect(
      await one.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: { i: 61 } }),
    ).toMatchObject({ version: 61 })
    expect(one.changes).toHaveLength(61)
    const records = await one.ask('kytos.settings.history', { namespace: 'kytos/of_lldp', limit: 1_000 })
    expect([records.length, records[0]?.version, records.at(-1)?.version]).toEqual([51, 61, 11])
    await expect(
      one.ask('kytos.settings.history', { namespace: 'kytos/of_lldp', version: 5 }),
    ).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
      message: expect.stringContaining('kept are 11 to 61'),
    })
    expect(
      await one.ask('kytos.settings.history', { namespace: 'kytos/of_lldp', version: 12 }),
    ).toMatchObject([{ version: 12, data: { i: 12 } }])
  })
})
