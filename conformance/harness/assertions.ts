import assert, { AssertionError } from 'node:assert/strict'
import fc from 'fast-check'
import type { Backend, Outcome } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { type ErrorCode, isSettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key, makeKey, type Prefix } from '../../model/key.ts'

/** The key that a case commits to find how far a watch has come; listings and followers leave it out. */
export const FENCE = makeKey('meta', 'fence')

/** Waits for a promise; an assertion fails when it has not settled after `timeoutMs`. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AssertionError({ message: `${what} did not come within ${timeoutMs} ms.` })),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Marks work that runs while the case does something else. Its failure is reported where it is awaited, or
 * not at all when the case failed before.
 */
export function meanwhile<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

/** The outcome of a commit that must not fail with an error. */
export async function accepted(call: Promise<Outcome>): Promise<Outcome> {
  try {
    return await call
  } catch (error) {
    assert.fail(`a commit was refused that nothing is wrong with: ${String(error)}`)
  }
}

/** The revision of a commit that must have been applied. */
export function committed(outcome: Outcome): Revision {
  assert.ok(outcome.committed, 'a commit whose guards hold was refused')
  return outcome.revision
}

/** The entries, by key, that a commit found whose guards must have failed. */
export function lost(outcome: Outcome): ReadonlyMap<Key, Entry> {
  assert.ok(!outcome.committed, 'a commit whose guard does not hold was applied')
  const found = new Map(outcome.found.map(entry => [entry.key, entry]))
  assert.equal(found.size, outcome.found.length, 'a key was found twice')
  return found
}

/** The entry of a key, which must exist. */
export async function present(store: Backend, key: Key): Promise<Entry> {
  const entry = await store.get(key)
  assert.ok(entry, `${key} is absent`)
  return entry
}

/** Asserts that a key is absent, for `get` and for `list`. */
export async function absent(store: Backend, key: Key): Promise<void> {
  assert.equal((await store.get(key))?.text, undefined, `${key} is there`)
  const { entries } = await listed(store)
  assert.ok(!entries.some(entry => entry.key === key), `${key} is listed`)
}

/** A complete listing, without fences. */
export async function listed(
  store: Backend,
  prefix: Prefix = EVERYTHING,
  newest?: number,
): Promise<{ revision: Revision; entries: readonly Entry[] }> {
  const { revision, pages } = await store.list(prefix, newest === undefined ? {} : { newest })
  const entries: Entry[] = []
  for await (const page of pages) entries.push(...page)
  return { revision, entries: entries.filter(entry => entry.key !== FENCE) }
}

/** Asserts that a call fails with one of these codes, or with any SettingsError when none is given. */
export async function refused(call: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason ?? 'nothing',
  )
  assert.notEqual(error, undefined, 'a call that must be refused succeeded')
  assert.ok(
    isSettingsError(error, ...codes),
    `refused by ${String(error)} instead of ${codes.join(' or ') || 'an error of ours'}`,
  )
}

/** Runs a property of fast-check; a counterexample is a failed assertion with the seed to repeat it. */
export async function property<Ts>(
  runs: number,
  arbitrary: fc.Arbitrary<Ts>,
  predicate: (value: Ts) => Promise<void>,
): Promise<void> {
  const details = await fc.check(fc.asyncProperty(arbitrary, predicate), {
    numRuns: runs,
    endOnFailure: true,
  })
  if (!details.failed) return
  if (!(details.errorInstance instanceof AssertionError)) throw details.errorInstance
  const message = `${details.errorInstance.message}\nseed ${details.seed}, path ${details.counterexamplePath}, after ${details.numRuns} runs`
  throw new AssertionError({
    message,
    expected: details.errorInstance.expected,
    actual: details.errorInstance.actual,
  })
}
