import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Backend, Expected, Operation } from '../../backends/backend.ts'
import { type Key, makeKey, makePrefix, type Prefix } from '../../model/key.ts'
import { listed } from './assertions.ts'
import { emptyModel, linearize, type Model } from './model.ts'
import { doc } from './sample.ts'

/**
 * One operation of a generated commit; the revision for `guard` is that of the model when the commit is made.
 */
interface Step {
  readonly name: string
  readonly action: 'put' | 'delete' | 'check'
  readonly guard: 'any' | 'absent' | 'right' | 'outdated'
}

/** Waves of commits; the commits of one wave are in flight together. */
export type Schedule = readonly (readonly (readonly Step[])[])[]

const NAMES = ['a', 'b', 'c', 'd']

/** Schedules that compete for four keys: every action with every guard. */
export function arbitrarySchedule(): fc.Arbitrary<Schedule> {
  const step: fc.Arbitrary<Step> = fc.record({
    name: fc.constantFrom(...NAMES),
    action: fc.constantFrom('put', 'put', 'put', 'delete', 'check'),
    guard: fc.constantFrom('any', 'any', 'right', 'right', 'absent', 'outdated'),
  })
  const commit = fc.uniqueArray(step, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })
  return fc.array(fc.array(commit, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 })
}

/** The keys of one run of a schedule, so that many runs can share a store. */
export interface KeySpace {
  readonly prefix: Prefix
  readonly key: (name: string) => Key
}

export function createKeySpace(run: number): KeySpace {
  return { prefix: makePrefix('settings', `run${run}`), key: name => makeKey('settings', `run${run}`, name) }
}

/**
 * Makes the commits of a schedule, wave after wave, through these backends in turn, and resolves with the
 * model after them. Fails when no order explains the outcomes of a wave and the entries after it.
 */
export async function perform(
  schedule: Schedule,
  { prefix, key }: KeySpace,
  backends: readonly Backend[],
  between?: () => void,
): Promise<Model> {
  const [first] = backends
  assert.ok(first)
  let model = emptyModel((await listed(first)).revision)
  let n = 0
  for (const wave of schedule) {
    const calls = wave.map(async (steps, at) => {
      const operations = steps.map(step => toOperation(step, key(step.name), model, n++))
      return { operations, outcome: await (backends[at % backends.length] ?? first).commit(operations) }
    })
    between?.()
    const answered = await Promise.all(calls)
    const { entries } = await listed(first, prefix)
    const next = linearize(model, answered, entries)
    assert.ok(
      next,
      `no order of the commits of this wave explains their answers and what is stored then: ${show({ answered, entries })}`,
    )
    model = next
  }
  return model
}

function toOperation({ action, guard }: Step, key: Key, model: Model, n: number): Operation {
  const expected = toExpected(guard, key, model)
  if (action === 'check') return { key, check: true, expected }
  return action === 'delete' ? { key, delete: true, expected } : { key, put: doc(n), expected }
}

function toExpected(guard: Step['guard'], key: Key, model: Model): Expected {
  if (guard === 'right') return model.entries.get(key)?.modRevision ?? 'absent'
  return guard === 'outdated' ? (model.batches.at(0)?.revision ?? 1n) : guard
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? String(member) : member))
}
