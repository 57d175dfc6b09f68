import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredRecord } from '../../../src/state/record.ts'
import { StandingSearch } from '../../../src/undo/standing.ts'

/** Seconds around a time, so that clocks go back and forth. */
const times = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 0, maxLength: 12 })

const recordOf = (second: number, i: number): StoredRecord => ({
  version: i + 1,
  kind: i % 4 === 3 ? 'deleted' : 'updated',
  data: i % 4 === 3 ? undefined : { version: i + 1 },
  actor: { type: 'user', name: 'ann' },
  controller: 'c',
  comment: undefined,
  at: new Date(second * 1_000).toISOString(),
  writeId: `w${i}`,
  of: BigInt(i + 1),
  stored: BigInt(i + 1),
})

function search(records: readonly StoredRecord[], second: number) {
  const found = StandingSearch.atTime(second * 1_000)
  for (const record of records) found.add(record)
  return found.result
}

/** The rule, word by word: the highest version before the first one whose time is later. */
function expected(records: readonly StoredRecord[], second: number): number {
  const later = records.findIndex(({ at }) => Date.parse(at) > second * 1_000)
  return later < 0 ? records.length : later
}

describe('the version at a time', () => {
  it('is the highest one before the first that is later, whatever the clocks were', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: -1, max: 21 }), (seconds, second) => {
        const records = seconds.map(recordOf)
        const found = search(records, second)
        const version = expected(records, second)
        expect(found.record?.version ?? 0).toBe(version)
        expect(found.data).toEqual(records[version - 1]?.data)
        expect(found.pruned).toBeUndefined()
        expect(found.newest).toBe(records.at(-1))
        const [before, own] = [seconds[version - 2], seconds[version - 1]]
        expect(found.isBackInTime).toBe(before !== undefined && own !== undefined && own < before)
      }),
      { numRuns: 500 },
    )
  })

  it('is exact after pruning, or unknown with a range that contains it', () => {
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: -1, max: 21 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (seconds, second, keep) => {
          const records = seconds.toSorted((a, b) => a - b).map(recordOf)
          // The newest record is always kept.
          const kept = records.filter((_, i) => i === records.length - 1 || keep[i])
          const version = expected(records, second)
          const { record, pruned } = search(kept, second)
          const { from, to } = pruned ?? { from: record?.version ?? 0, to: record?.version ?? 0 }
          expect(from).toBeLessThanOrEqual(version)
          expect(to).toBeGreaterThanOrEqual(version)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is not guessed where versions before the first kept one are gone', () => {
    const records = [5, 6, 7].map(recordOf)
    expect(search(records.slice(1), 3)).toMatchObject({ record: undefined, pruned: { from: 0, to: 1 } })
    expect(search([records[0], records[2]] as StoredRecord[], 5)).toMatchObject({
      pruned: { from: 1, to: 2 },
    })
    expect(search(records.slice(2), 9)).toMatchObject({ record: { version: 3 }, pruned: undefined })
  })
})
