import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../backends/backend.ts'
import type { Entry } from '../../../model/document.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { historyKey, type Key, makeKey } from '../../../model/key.ts'
import { RecentEntries } from '../../../src/watcher/recent-entries.ts'
import { resumePointOf } from '../../../src/watcher/resume-point.ts'
import { MAX_STEP_CHARACTERS, MAX_STEPS, ResumeCheck, Trail } from '../../../src/watcher/trail.ts'

const SETTINGS = makeKey('settings', 'kytos', 'a')
const SCHEMA = makeKey('schemas', 'kytos', 'a', 'digest')
const BOX = makeKey('boxes', 'net', '1')
const RECORD = historyKey(SETTINGS, 1)
const OF_RECORD = '{"version":1,"write_id":"r"}'

const batch = (revision: bigint, ...changes: (readonly [Key, string | undefined])[]): Batch => ({
  revision,
  changes: changes.map(([key, text]) =>
    text === undefined
      ? { type: 'delete', key, revision }
      : { type: 'put', entry: { key, text, modRevision: revision, createRevision: revision } },
  ),
})
const progress = (revision: bigint): Batch => ({ revision, changes: [] })

function trailOf(...[first, ...others]: readonly Batch[]): Trail {
  const base = first && resumePointOf(first)
  const trail = new Trail(base ?? expect.fail())
  for (const one of others) trail.add(one)
  return trail
}

function reasonOf(work: () => void): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return isSettingsError(error, 'HISTORY_LOST') ? error.details.reason : error
  }
}

/** What becomes of a resumed watch that shows these batches. */
function outcomeOf(trail: Trail, batches: readonly Batch[]): unknown {
  const check = new ResumeCheck(trail)
  return reasonOf(() => {
    for (const one of batches) if (check.see(one)) trail.add(one)
    check.conclude()
  })
}

describe('a trail', () => {
  const unique = batch(7n, [RECORD, OF_RECORD], [SETTINGS, '{}'])

  it('begins at the newest batch with a unique text, and has everything after it', () => {
    const trail = trailOf(
      batch(6n, [BOX, 'b']),
      unique,
      batch(8n, [SCHEMA, '{}']),
      batch(9n, [BOX, undefined]),
    )
    expect([trail.base.revision, trail.last.revision, trail.isUnique]).toEqual([7n, 9n, true])
    expect(trail.steps.map(({ revision }) => revision)).toEqual([8n, 9n])
  })

  it.each([
    ['batches', MAX_STEPS, '{}'],
    ['characters', 4, 'x'.repeat(MAX_STEP_CHARACTERS / 4)],
  ])('begins at its last batch beyond its bound of %s', (_, count, text) => {
    const later = Array.from({ length: count + 1 }, (_, n) => batch(BigInt(8 + n), [SCHEMA, text]))
    const within = trailOf(unique, ...later.slice(0, -1))
    expect([within.base.revision, within.isUnique, within.steps.length]).toEqual([7n, true, count])
    const beyond = trailOf(unique, ...later)
    expect([beyond.base.revision, beyond.isUnique, beyond.steps.length]).toEqual([
      BigInt(8 + count),
      false,
      0,
    ])
  })
})

describe('a resumed watch', () => {
  const known = [
    batch(7n, [BOX, 'b'], [SETTINGS, '{}']),
    batch(8n, [SCHEMA, '{}']),
    batch(9n, [BOX, undefined]),
  ] as const

  it('is confirmed by the same batches at the same revisions, by nothing else', () => {
    expect(outcomeOf(trailOf(...known), known)).toBeUndefined()
    const [first, second, third] = known
    const others: readonly (readonly Batch[])[] = [
      [batch(7n, [BOX, 'b'], [SETTINGS, '{"a":1}'])],
      [batch(8n, [BOX, 'b'], [SETTINGS, '{}'])],
      [batch(7n, [SETTINGS, '{}'])],
      [batch(7n, [BOX, 'b'], [RECORD, 'r'], [SETTINGS, '{}'])],
      [batch(7n, [BOX, 'b'], [SETTINGS, undefined])],
      [first, third],
      [first, batch(8n, [SCHEMA, '[]'])],
      [first, batch(9n, [SCHEMA, '{}'])],
      [first, second, batch(9n, [SCHEMA, undefined])],
      [first, second, batch(10n, [BOX, undefined])],
    ]
    for (const other of others) expect(outcomeOf(trailOf(...known), other)).toBe('rewound')
    expect(outcomeOf(trailOf(...known), [first, second])).toBe('unconfirmed')
  })

  it('is neither confirmed nor refuted by progress, however far ahead and however often', () => {
    const check = new ResumeCheck(trailOf(...known))
    for (const one of known) {
      for (const revision of [1n, 6n, 7n, 900n, 900n]) expect(check.see(progress(revision))).toBe(false)
      expect([check.confirmed, reasonOf(() => check.conclude())]).toEqual([false, 'unconfirmed'])
      expect(check.see(one)).toBe(false)
    }
    expect([check.confirmed, reasonOf(() => check.conclude())]).toEqual([true, undefined])
    expect(check.see(batch(10n, [BOX, 'b']))).toBe(true)
  })

  it('does not call a store rewound for a deletion that compaction dropped', () => {
    expect(outcomeOf(trailOf(batch(7n, [BOX, undefined])), [batch(8n, [SETTINGS, '{}'])])).toBe('unconfirmed')
  })
})

/*
 * Two histories with the same beginning. A text with a write_id is one that only one commit has; all others
 * occur in both.
 */
interface Planned {
  readonly isRecord: boolean
  readonly changes: readonly (readonly [Key, string | undefined])[]
}

const change = fc.tuple(fc.constantFrom(SETTINGS, SCHEMA, BOX), fc.constantFrom('1', '2', undefined))
const planned: fc.Arbitrary<Planned> = fc.record({
  isRecord: fc.nat({ max: 3 }).map(n => n === 0),
  changes: fc.uniqueArray(change, { minLength: 1, maxLength: 2, selector: ([key]) => key }),
})
const commits = fc.array(planned, { maxLength: 8 })

function make(name: string, from: number, plan: readonly Planned[]): Batch[] {
  return plan.map(({ isRecord, changes }, n) => {
    const record = [RECORD, `{"write_id":"${name} ${n}"}`] as const
    return batch(BigInt(from + n), ...(isRecord ? [record, ...changes] : changes))
  })
}

/** The entries after all batches, as a listing shows them. */
function listed(batches: readonly Batch[]): readonly Entry[] {
  const entries = new Map<Key, Entry>()
  for (const { changes } of batches)
    for (const one of changes)
      if (one.type === 'put') entries.set(one.entry.key, one.entry)
      else entries.delete(one.key)
  return [...entries.values()]
}

const pair = fc
  .tuple(fc.array(planned, { minLength: 1, maxLength: 6 }), commits, commits)
  .map(([plan, a, b]) => {
    const common = make('common', 1, plan)
    const from = common.length + 1
    return { one: [...common, ...make('one', from, a)], other: [...common, ...make('other', from, b)] }
  })
const print = (batches: readonly Batch[]) =>
  batches.map(({ changes }) =>
    changes.map(one => (one.type === 'put' ? [one.entry.key, one.entry.text] : one.key)),
  )

describe('of two histories, a unique trail', () => {
  it('recognizes the one that it was delivered from, and no other', () => {
    fc.assert(
      fc.property(pair, ({ one, other }) => {
        const trail = trailOf(...one)
        const since = (batches: readonly Batch[]) =>
          batches.filter(({ revision }) => revision >= trail.base.revision)
        expect(outcomeOf(trailOf(...one), since(one))).toBeUndefined()
        if (!trail.isUnique) return
        const isSame = JSON.stringify(print(one)) === JSON.stringify(print(other.slice(0, one.length)))
        expect(outcomeOf(trail, since(other)) === undefined).toBe(isSame)
      }),
      { numRuns: 2_000 },
    )
  })

  it('recognizes the one that was listed, and no other that had other entries', () => {
    fc.assert(
      fc.property(pair, ({ one, other }) => {
        const until = BigInt(one.length)
        const recent = () => {
          const entries = new RecentEntries()
          for (const entry of listed(one)) entries.add(entry)
          return entries.trail(until)
        }
        const trail = recent()
        if (!trail) return
        const { base, isUnique } = trail
        const since = (batches: readonly Batch[]) =>
          batches.filter(({ revision }) => revision >= base.revision)
        expect(outcomeOf(trail, since(one))).toBeUndefined()
        // It has learned the batches up to the listing, and recognizes them when the watch is resumed.
        expect(
          outcomeOf(
            trail,
            one.filter(({ revision }) => revision >= trail.base.revision),
          ),
        ).toBeUndefined()
        if (!isUnique || other.length < one.length) return
        const newer = (batches: readonly Batch[]) =>
          JSON.stringify(
            listed(batches)
              .filter(({ modRevision }) => modRevision >= base.revision)
              .map(({ key, text, modRevision }) => [key, text, String(modRevision)])
              .sort(),
          )
        if (outcomeOf(recent() ?? expect.fail(), since(other)) === undefined)
          for (const line of JSON.parse(newer(one)))
            expect(newer(other.slice(0, one.length))).toContain(JSON.stringify(line))
      }),
      { numRuns: 2_000 },
    )
  })
})
