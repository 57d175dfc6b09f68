import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ValueChange } from '../../../events/changes.ts'
import { type Cursor, compareCursors } from '../../../model/cursor.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import { SettingsCache } from '../../../src/client/settings-cache.ts'

const KEYS = ['a', 'b', 'nested', '__proto__']
const leaf = fc.oneof(
  fc.integer({ min: 0, max: 2 }),
  fc.constant(2n ** 64n),
  fc.constant(null),
  fc.constant([1]),
)
const data = fc.dictionary(
  fc.constantFrom(...KEYS),
  fc.oneof(leaf, fc.dictionary(fc.constantFrom('x', 'y'), leaf, { noNullPrototype: true })),
  {
    noNullPrototype: true,
  },
)
const place = fc.record({
  epoch: fc.integer({ min: 1, max: 3 }),
  revision: fc.bigInt({ min: 8n, max: 12n }),
  n: fc.integer({ min: 1, max: 3 }),
})
/** What the store was at each place, and in which order that comes here: late, repeated, or never. */
const schedule = fc
  .uniqueArray(fc.tuple(place, data), { selector: ([at]) => print(at), minLength: 1, maxLength: 20 })
  .chain(history => fc.array(fc.constantFrom(...history), { maxLength: 40 }))

function print({ epoch, revision, n }: Cursor): string {
  return `${epoch}.${revision}.${n}`
}

function unheard(where: string, error: unknown): never {
  throw new Error(`A listener at ${where} failed`, { cause: error })
}

describe('a picture of settings', () => {
  it('is that of the furthest received cursor, by epoch and then by revision, for any order and repetition of updates', () => {
    fc.assert(
      fc.property(schedule, news => {
        const mirror = new SettingsCache(unheard)
        let furthest: (typeof news)[number] | undefined
        for (const one of news) {
          mirror.take({ at: one[0], data: one[1] })
          if (!furthest || compareCursors(one[0], furthest[0]) > 0) furthest = one
          expect(equalJson(mirror.values, furthest[1])).toBe(true)
          expect(print(mirror.at)).toBe(print(furthest[0]))
          expect(Object.isFrozen(mirror.values)).toBe(true)
        }
      }),
    )
  })

  it('is announced so that each listener receives a chain without repetition, with the changes between its links', () => {
    fc.assert(
      fc.property(schedule, news => {
        const mirror = new SettingsCache(unheard)
        const chains = ['', ...KEYS, '/nested/x'].map(where => {
          const calls: {
            now: Json | undefined
            before: Json | undefined
            changes: readonly ValueChange[]
          }[] = []
          if (where === '') mirror.onChange((now, before, changes) => calls.push({ now, before, changes }))
          else mirror.on(where, (now, before) => calls.push({ now, before, changes: [] }))
          return { where, calls }
        })
        for (const [at, data] of news) mirror.take({ at, data })
        for (const { where, calls } of chains) {
          const links = [where === '' ? {} : undefined, ...calls.map(({ now }) => now)]
          expect(calls.map(({ before }) => before)).toEqual(links.slice(0, -1))
          for (const { now, before } of calls) expect(equalJson(now, before)).toBe(false)
          expect(equalJson(links.at(-1), at(mirror.values, where))).toBe(true)
        }
        for (const { now, before, changes } of chains[0]?.calls ?? []) {
          expect(changes.length).toBeGreaterThan(0)
          for (const { path, ...change } of changes) {
            expect(at(before, path)).toEqual(change.old)
            expect(at(now, path)).toEqual(change.new)
          }
        }
      }),
    )
  })

  it('keeps its identity while nothing differs, and is another object once something does', () => {
    const mirror = new SettingsCache(unheard)
    mirror.take({ at: { epoch: 1, revision: 1n, n: 1 }, data: { a: 1, b: { c: [2] } } })
    const first = mirror.values
    mirror.take({ at: { epoch: 1, revision: 2n, n: 1 }, data: { b: { c: [2] }, a: 1 } })
    expect(mirror.values).toBe(first)
    mirror.take({ at: { epoch: 1, revision: 3n, n: 1 }, data: { a: 1, b: { c: [3] } } })
    expect(mirror.values).not.toBe(first)
    expect(first).toEqual({ a: 1, b: { c: [2] } })
  })

  it('knows the highest revision of its epoch, which restarts in the next', () => {
    const mirror = new SettingsCache(unheard)
    mirror.take({ at: { epoch: 1, revision: 20n, n: 1 }, data: {} })
    for (const revision of ['9', '10', '2']) mirror.learnRevision(1, revision)
    expect(mirror.revision).toBe('10')
    mirror.take({ at: { epoch: 2, revision: 3n, n: 1 }, data: {} })
    mirror.learnRevision(1, '11')
    expect(mirror.revision).toBe('0')
    mirror.learnRevision(2, '3')
    expect(mirror.revision).toBe('3')
  })

  it('assigns each change the mode of the nearest change of its fact', () => {
    const mirror = new SettingsCache(unheard)
    mirror.take({ at: { epoch: 1, revision: 0n, n: 1 }, data: { b: { z: 1 } } })
    const modes: Record<string, string> = {}
    mirror.onChange((_now, _before, changes) => {
      for (const { path, apply } of changes) modes[path] = apply
    })
    const changes: ValueChange[] = [
      { path: '/a', new: 1, apply: 'live' },
      { path: '/b', new: {}, apply: 'reload' },
      { path: '/b/c', new: 1, apply: 'never' },
    ]
    mirror.take({
      at: { epoch: 1, revision: 1n, n: 1 },
      data: { a: 1, b: { z: 1, c: 1, d: 1 }, e: 1 },
      changes,
    })
    expect(modes).toEqual({ '/a': 'live', '/b/c': 'never', '/b/d': 'reload', '/e': 'restart' })
  })
})

/** The own member at a pointer or key. */
function at(value: Json | undefined, where: string): Json | undefined {
  const tokens = where
    .replace(/^\//, '')
    .split('/')
    .filter(token => token !== '')
  return tokens.reduce<Json | undefined>(
    (part, key) => (isRecord(part) && Object.hasOwn(part, key) ? part[key] : undefined),
    value,
  )
}

function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
