import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../model/value.ts'
import { keptVersions } from '../../../src/settings/kept-versions.ts'
import type { StoredRecord } from '../../../src/state/record.ts'

const NOW = Date.UTC(2026, 0, 1)

/** A history: each step sets one of some keys, or deletes; `age` is in seconds. */
const step = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.integer({ min: 0, max: 2 }),
  isDeletion: fc.integer({ min: 0, max: 19 }).map(n => n === 0),
  age: fc.integer({ min: 0, max: 200 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function recordsOf(steps: readonly Step[], first: number): StoredRecord[] {
  let data: JsonObject | undefined
  return steps.map(({ key, value, isDeletion, age }, i) => {
    data = isDeletion ? undefined : { ...data, [key]: value }
    return {
      ...{ version: first + i, kind: isDeletion ? 'deleted' : 'updated', data },
      ...{ actor: { type: 'user', name: 'ann' }, controller: 'c', comment: undefined },
      ...{ at: new Date(NOW - age * 1_000).toISOString(), writeId: `w${i}` },
      ...{ of: BigInt(i + 1), stored: BigInt(i + 1) },
    }
  })
}

/** The version that set the value of a key which still stands: found from the newest backwards. */
function setterOf(records: readonly StoredRecord[], key: string): number | undefined {
  const value = records.at(-1)?.data?.[key]
  if (value === undefined) return undefined
  for (let i = records.length - 1; i >= 0; i--)
    if (records[i - 1]?.data?.[key] !== value) return i === 0 ? undefined : records[i]?.version
  return undefined
}

describe('the kept versions', () => {
  it('are the newest, the young, the baselines, and the setters of standing values with the one before each, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 3 }),
        fc.constantFrom(1, 8),
        async (steps, newest, baselines, first) => {
          const records = recordsOf(steps, first)
          const youngest = NOW - 60_000
          const kept = await keptVersions(records, { newest, youngest, baselines })
          const oldest = records.length - newest
          const wanted = new Set<number>()
          for (const [i, { version, at }] of records.entries())
            if (i >= oldest || Date.parse(at) > youngest || baselines.includes(version)) wanted.add(version)
          const optional = new Set<number>()
          for (const key of ['a', 'b', 'c', 'd']) {
            const setter = setterOf(records, key)
            if (setter === undefined || setter >= first + oldest) continue
            wanted.add(setter)
            if (setter > first) wanted.add(setter - 1)
          }
          // The first record sets what stands since then; without the one before it, that is not proven.
          optional.add(first)
          for (const version of wanted) expect([...kept], `version ${version}`).toContain(version)
          for (const version of kept)
            expect(wanted.has(version) || optional.has(version), `version ${version} is kept`).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are never more than the newest, and 50 setters with the one before each', async () => {
    const data: Record<string, number> = {}
    const records = Array.from({ length: 400 }, (_, i): StoredRecord => {
      const before = recordsOf([{ key: 'a', value: 0, isDeletion: false, age: 600 }], i + 1)
      // Every other version sets a value that stands.
      if (i % 2 === 0) data[`key-${i}`] = i
      return { ...(before[0] as StoredRecord), data: { ...data, often: i } }
    })
    const kept = await keptVersions(records, { newest: 10, youngest: NOW, baselines: [] })
    expect(kept.size).toBe(10 + 2 * 50)
    expect(Math.min(...kept)).toBe(390 - 2 * 50)
  })
})
