import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AuditEntry } from '../../../events/history-nouns.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import { readAudit } from '../../../src/undo/audit.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, open, openHand } from '../settings/stores.ts'

const NAMES = ['kytos/a', 'kytos/b', 'kytos/c']
const put = (one: Controller, namespace: string, n: number) =>
  one.ask('kytos.settings.update', { namespace, data: { n }, method: 'PUT' })
const placeOf = ({ namespace, version }: AuditEntry): string => `${namespace} ${version}`

/** All entries, in pages of a size. */
async function readPages(one: Controller, limit: number, after?: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (let next = after; ; ) {
    const page = await one.ask('kytos.settings.audit', { limit, ...(next !== undefined && { after: next }) })
    entries.push(...page.entries)
    next = page.next
    if (!page.more) return entries
  }
}

/** A change by a controller whose clock shows a time. */
async function putAt(one: Controller, namespace: string, n: number, at: string | number): Promise<void> {
  vi.setSystemTime(new Date(at))
  await put(one, namespace, n)
  vi.useRealTimers()
}

afterEach(() => void vi.useRealTimers())

describe('the audit', () => {
  it('lists all changes in the order of the store, with their differences, and transactions as a whole', async () => {
    const store = createStore()
    const one = await open(store)
    await put(one, 'kytos/b', 1)
    await put(one, 'kytos/a', 1)
    await put(one, 'kytos/b', 2)
    await one.ask('kytos.settings.transaction', {
      operations: NAMES.map(namespace => ({ namespace, data: { n: 9 } })),
      comment: 'all',
    })
    await one.ask('kytos.settings.delete', { namespace: 'kytos/a' })
    const page = await one.ask('kytos.settings.audit', {})
    expect(page.entries.map(placeOf)).toEqual([
      ...['kytos/b 1', 'kytos/a 1', 'kytos/b 2', 'kytos/a 2', 'kytos/b 3', 'kytos/c 1', 'kytos/a 3'],
    ])
    expect(page.more).toBe(false)
    expect(page.entries[2]).toMatchObject({
      ...{ kind: 'updated', controller: 'controller-1', actor: { type: 'napp', name: 'kytos/test' } },
      changes: [{ path: '/n', old: 1, new: 2 }],
    })
    expect(new Set(page.entries.slice(3, 6).map(({ write_id }) => write_id)).size).toBe(1)
    // A page never ends within a transaction.
    const { entries } = await one.ask('kytos.settings.audit', { limit: 4 })
    expect(entries).toHaveLength(6)
  })

  it('in pages of any size, resumed while changes are made, repeats nothing and skips nothing', async () => {
    const step = fc.oneof(
      fc.record({ names: fc.subarray(NAMES, { minLength: 1 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 1, max: 7 }),
        async (steps, limit) => {
          const store = createStore()
          const one = await open(store)
          const made: string[] = []
          const versions = new Map<string, number>()
          const read: AuditEntry[] = []
          let after: string | undefined
          let n = 0
          for (const step of steps) {
            if ('names' in step) {
              n++
              const operations = step.names.map(namespace => ({ namespace, data: { n } }))
              await one.ask('kytos.settings.transaction', { operations })
              for (const name of step.names.toSorted()) {
                versions.set(name, (versions.get(name) ?? 0) + 1)
                made.push(`${name} ${versions.get(name)}`)
              }
              continue
            }
            const content = { limit: step.read, ...(after !== undefined && { after }) }
            const page = await one.ask('kytos.settings.audit', content)
            read.push(...page.entries)
            after = page.next
          }
          read.push(...(await readPages(one, limit, after)))
          expect(read.map(placeOf)).toEqual(made)
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('never orders by clocks, and marks a time before that of the version before', async () => {
    const store = createStore()
    const one = await open(store)
    await putAt(one, 'kytos/a', 1, '2026-01-01T00:00:00Z')
    await putAt(one, 'kytos/b', 1, '2101-01-01T00:00:00Z')
    await putAt(one, 'kytos/a', 2, '2001-01-01T00:00:00Z')
    await putAt(one, 'kytos/b', 2, '2026-01-01T00:00:00Z')
    await putAt(one, 'kytos/a', 3, '2026-01-01T00:00:00Z')
    const entries = await readPages(one, 2)
    expect(entries.map(placeOf)).toEqual(['kytos/a 1', 'kytos/b 1', 'kytos/a 2', 'kytos/b 2', 'kytos/a 3'])
    expect(entries.filter(({ clock }) => clock).map(placeOf)).toEqual(['kytos/a 2', 'kytos/b 2'])
  })

  it('starts at a time, and says when a cursor is of another store', async () => {
    const store = createStore()
    const one = await open(store)
    await putAt(one, 'kytos/a', 1, '2001-01-01T00:00:00Z')
    for (const n of [2, 3]) await put(one, 'kytos/a', n)
    const at = (from: string) => one.ask('kytos.settings.audit', { from })
    const soon = new Date(Date.now() + 3_600_000).toISOString()
    const { entries, more, next } = await at(soon)
    expect([entries, more]).toEqual([[], false])
    await put(one, 'kytos/b', 1)
    const { entries: later } = await one.ask('kytos.settings.audit', { after: next })
    expect(later.map(placeOf)).toEqual(['kytos/b 1'])
    expect((await at('2002-01-01T00:00:00Z')).entries.map(placeOf)).toEqual([
      'kytos/a 2',
      'kytos/a 3',
      'kytos/b 1',
    ])
    const restarted = await one.ask('kytos.settings.audit', { after: '7.3' })
    expect(restarted).toMatchObject({ restarted: true })
    expect(restarted.entries).toHaveLength(4)
    for (const after of ['', '3', 'x.y', '-1.2'])
      await expect(one.ask('kytos.settings.audit', { after })).rejects.toMatchObject({
        code: 'CURSOR_MALFORMED',
      })
    await expect(one.ask('kytos.settings.audit', { after: next, from: soon })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
    })
  })

  it('counts differences for which an entry has no room, and knows none without the version before', async () => {
    const store = createStore()
    const [one, hand] = [await open(store), await openHand(store)]
    const data = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`key-${i}`, 'x'.repeat(50)]))
    await one.ask('kytos.settings.update', { namespace: 'kytos/a', data })
    await put(one, 'kytos/b', 1)
    await put(one, 'kytos/b', 2)
    await hand.commit([{ key: historyKey(makeKey('settings', 'kytos', 'b'), 1), delete: true }])
    const [large, rest] = (
      await readAudit(hand, { after: 0n, limit: 100, protect: (_namespace, data) => data })
    ).entries
    expect(large?.changes?.length).toBeLessThan(100)
    expect((large?.changes?.length ?? 0) + (large?.more ?? 0)).toBe(400)
    expect(rest).toMatchObject({ version: 2, changes: null })
  })

  it('has as many entries in a page as the limit allows, and says whether there are more', async () => {
    const store = createStore()
    const hand = await openHand(store)
    const one = await open(store)
    for (let n = 0; n < 300; n++) await put(one, NAMES[n % 3] ?? '', n)
    for (const limit of [1, 10, 1_000]) {
      const { entries, more } = await readAudit(hand, {
        after: 0n,
        limit,
        protect: (_namespace, data) => data,
      })
      expect([entries.length, more]).toEqual([Math.min(limit, 300), limit < 300])
    }
  })
})

describe('the state at a time', () => {
  it('is that of each document, with its version, author and controller', async () => {
    const store = createStore()
    const one = await open(store)
    for (const n of [1, 2, 3]) await putAt(one, 'kytos/a', n, `2020-01-01T00:0${n}:00Z`)
    await put(one, 'kytos/b', 1)
    await one.ask('kytos.settings.update', { namespace: 'kytos/b', data: { n: 5 }, scope: 'controller:c9' })
    const asOf = (at: string, more: object = {}) => one.ask('kytos.settings.as_of', { at, ...more })
    const { documents } = await asOf('2020-01-01T00:02:30Z')
    expect(documents).toMatchObject([
      ...[{ namespace: 'kytos/b', scope: 'controller:c9', version: 0, newest: 1 }],
      ...[{ namespace: 'kytos/a', scope: 'cluster', version: 2, data: { n: 2 }, newest: 3 }],
      ...[{ namespace: 'kytos/b', scope: 'cluster', version: 0, data: null, at: null, newest: 1 }],
    ])
    expect(documents[1]).toMatchObject({
      ...{ at: '2020-01-01T00:02:00.000Z', controller: 'controller-1' },
      actor: { type: 'napp', name: 'kytos/test' },
    })
    const now = new Date(Date.now() + 1_000).toISOString()
    expect(await asOf(now, { namespace: 'kytos/b', scope: 'controller:c9' })).toMatchObject({
      documents: [{ version: 1, data: { n: 5 } }],
    })
    await expect(asOf(now, { namespace: 'kytos/none' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
    for (const at of ['03:00', '2026-11-27', '2026-11-27T03:00', '2026-13-27T03:00Z', ''])
      await expect(asOf(at)).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
  })

  it('with a clock an hour ahead is the version before it, with one an hour behind is marked', async () => {
    const store = createStore()
    const one = await open(store)
    const hour = 3_600_000
    const time = Date.UTC(2020, 0, 1)
    const asOf = async (namespace: string, at: number) =>
      (await one.ask('kytos.settings.as_of', { at: new Date(at).toISOString(), namespace })).documents[0]
    const putAll = async (namespace: string, ats: readonly number[]) => {
      for (const [i, at] of ats.entries()) await putAt(one, namespace, i + 1, at)
    }
    // Version 2 is of a controller whose clock is an hour ahead.
    await putAll('kytos/a', [time, time + hour + 1_000, time + 2_000])
    expect(await asOf('kytos/a', time + 5_000)).toMatchObject({ version: 1 })
    expect(await asOf('kytos/a', time + 2 * hour)).toMatchObject({ version: 3, clock: true })
    // Version 2 is of one whose clock is an hour behind.
    await putAll('kytos/b', [time, time + 1_000 - hour, time + 2_000])
    expect(await asOf('kytos/b', time + 1_500)).toMatchObject({ version: 2, clock: true })
    expect(await asOf('kytos/b', time + 3_000)).not.toHaveProperty('clock')
  })
})
