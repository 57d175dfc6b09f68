import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { canChange, mayRepeat } from '../../../backends/may-repeat.ts'
import { createMemoryStore } from '../../../backends/memory/index.ts'
import type { MemoryStore } from '../../../backends/memory/store.ts'
import { settle } from '../../../backends/settle.ts'
import type { Revision } from '../../../model/document.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { historyKey, type Key, makeKey } from '../../../model/key.ts'
import { type Fate, LossyClient, type Rules } from '../../support/lossy-client.ts'

/*
 * Generated schedules: clients commit to one memory store over lines that lose answers, deliver copies late
 * or never, while others write the same keys. Each commit takes effect at most once, and every answer agrees
 * with what the store went through until the last late copy has arrived.
 */

/** Keys that may be deleted, and keys that are not. */
const PASSING = ['a', 'b'].map(name => makeKey('boxes', 'net', name))
const LASTING = [1, 2].map(version => historyKey(makeKey('settings', 'kytos', 'x'), version))

interface Step {
  readonly key: number
  readonly how: 'put' | 'delete' | 'check'
  readonly expected: 'any' | 'absent' | 'now'
  readonly marker: boolean
}

interface Act {
  readonly steps: readonly Step[]
  readonly fates: readonly Fate[]
  /** What others do each time before the line can be used again. */
  readonly between: readonly Step[]
  /** Late copies arrive before, with this chance. */
  readonly arrive: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  key: fc.nat(3),
  how: fc.constantFrom('put', 'put', 'delete', 'delete', 'check'),
  expected: fc.constantFrom('any', 'absent', 'absent', 'now', 'now'),
  marker: fc.boolean(),
})
const act: fc.Arbitrary<Act> = fc.record({
  steps: fc.uniqueArray(step, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
  fates: fc.array(fc.constantFrom<Fate>('answered', 'applied', 'applied', 'late', 'never'), { maxLength: 4 }),
  between: fc.array(step, { maxLength: 3 }),
  arrive: fc.boolean(),
})

const ALL: readonly Key[] = [...PASSING, ...LASTING]
let texts = 0

/** A step on this store as it is now; what lasts is not deleted. */
function operationOf(store: MemoryStore, { key: n, how, expected: wanted, marker }: Step): Operation {
  const key = ALL[n] as Key // There are four.
  const isLasting = LASTING.includes(key)
  const expected = wanted === 'now' ? (store.get(key)?.modRevision ?? 'absent') : wanted
  if (how === 'check') return { key, check: true, expected }
  if (how === 'delete' && !isLasting) return { key, delete: true, expected, ...(marker && { marker }) }
  // Without a marker another commit may hold the same text.
  return {
    key,
    put: marker ? `mine ${texts++}` : 'same',
    expected,
    ...(marker && { marker }),
    ...(isLasting && { lasting: true }),
  }
}

interface Seen {
  readonly operations: readonly Operation[]
  readonly applied: Revision[]
  answer: { readonly committed: boolean; readonly revision?: Revision } | 'unknown'
}

async function play(acts: readonly Act[], rules?: Rules): Promise<readonly Seen[]> {
  const store = createMemoryStore()
  const line = new LossyClient(store, rules)
  const seen: Seen[] = []
  for (const { steps, fates, between, arrive } of acts) {
    const left = [...fates]
    line.fate = () => left.shift() ?? 'answered'
    line.usable = async () => {
      for (const one of between) store.commit([operationOf(store, one)])
      if (arrive) for (const copy of line.late.splice(0)) copy()
    }
    const operations = steps.map(one => operationOf(store, one))
    const one: Seen = { operations, applied: [], answer: 'unknown' }
    seen.push(one)
    try {
      one.answer = await line.commit(operations, revision => one.applied.push(revision))
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
    }
  }
  for (const one of ALL) if (PASSING.includes(one)) store.commit([{ key: one, delete: true }])
  for (const copy of line.late.splice(0)) copy()
  return seen
}

/** Why this cannot be; undefined when all is well. */
function fault({ operations, applied, answer }: Seen): string | undefined {
  if (applied.length > 1) return 'applied twice'
  if (answer === 'unknown') return undefined
  if (!answer.committed) return applied.length > 0 ? 'called a lost race, and applied' : undefined
  const isMarked = operations.some(
    operation =>
      canChange(operation) &&
      !('check' in operation) &&
      operation.marker === true &&
      ('put' in operation || typeof operation.expected === 'bigint'),
  )
  return isMarked && applied[0] !== answer.revision ? 'answered with another revision' : undefined
}

const schedules = fc.array(act, { minLength: 1, maxLength: 6 })

async function faultsFound(rules?: Rules): Promise<string | undefined> {
  const details = await fc.check(
    fc.asyncProperty(schedules, async acts => {
      const faults = (await play(acts, rules)).map(fault).filter(one => one !== undefined)
      if (faults.length > 0) throw new Error(faults[0])
    }),
    { numRuns: 1_500, seed: 20261130 },
  )
  return details.failed ? String(details.errorInstance) : undefined
}

describe('Commits over lines that lose answers', () => {
  it('take effect at most once, and are answered truly', { timeout: 60_000 }, async () => {
    expect(await faultsFound()).toBeUndefined()
  })

  const SOUND: Rules = { mayRepeat, settle }
  it.each<[string, Rules, RegExp]>([
    ['every commit is sent again', { ...SOUND, mayRepeat: () => true }, /applied twice/],
    [
      'a guard by absence is enough to send a commit again',
      { ...SOUND, mayRepeat: operations => operations.some(({ expected = 'any' }) => expected !== 'any') },
      /applied twice/,
    ],
    [
      'a guard that fails now is taken for a lost race',
      {
        ...SOUND,
        settle: async (...asked) => {
          const settled = await settle(...asked)
          return typeof settled === 'object' ? settled : { committed: false, found: [] }
        },
      },
      /called a lost race, and applied/,
    ],
  ])('would not, if %s', { timeout: 60_000 }, async (_, rules, expected) => {
    expect(await faultsFound(rules)).toMatch(expected)
  })
})
