import { batching } from './cases/batching.ts'
import { commit } from './cases/commit.ts'
import { concurrency } from './cases/concurrency.ts'
import { durability } from './cases/durability.ts'
import { guards } from './cases/guards.ts'
import { keys } from './cases/keys.ts'
import { lifecycle } from './cases/lifecycle.ts'
import { limits } from './cases/limits.ts'
import { list } from './cases/list.ts'
import { lostAnswers } from './cases/lost-answers.ts'
import { lostHistory } from './cases/lost-history.ts'
import { sharing } from './cases/sharing.ts'
import { text } from './cases/text.ts'
import { ttl } from './cases/ttl.ts'
import { watch } from './cases/watch.ts'
import { watchers } from './cases/watchers.ts'
import { type Case, canRun, type Subject } from './harness/case.ts'
import { runCase } from './harness/run-case.ts'

export type { Lossy, Place, Subject } from './harness/case.ts'

/** The cases of the contract by subject; no case depends on another. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  commit,
  guards,
  batching,
  list,
  watch,
  watchers,
  text,
  keys,
  limits,
  ttl,
  lifecycle,
  durability,
  sharing,
  concurrency,
  'lost answers': lostAnswers,
}

/** Cases that affect the other stores of the same server; they run alone, after the others. */
export const LONELY_CASES: Readonly<Record<string, readonly Case[]>> = { 'lost history': lostHistory }

/**
 * Options of a group or a test. `concurrency` is for node:test and `concurrent` for vitest; each ignores the
 * other.
 */
export interface RunnerOptions {
  readonly concurrency?: number
  readonly concurrent?: boolean
  /** Milliseconds after which a test fails. */
  readonly timeout?: number
  readonly skip?: boolean
}

/** The part of a test runner that the suite needs, as `node:test` and `vitest` have it. */
export interface Runner {
  readonly describe: (title: string, options: RunnerOptions, declare: () => void) => unknown
  readonly it: (title: string, options: RunnerOptions, run: () => Promise<void>) => unknown
}

/**
 * The numbers of groups, and of cases in each, that run at the same time: cases mostly wait, for a round trip
 * or for a ttl.
 */
const GROUPS_AT_ONCE = 3
const CASES_AT_ONCE = 4

/**
 * Declares every case of the contract as a test of this backend. Cases that need a feature which the backend
 * does not support are shown as skipped. A case that fails throws an AssertionError, or the error that the
 * backend should not have thrown.
 * @example
 * import { describe, it } from 'node:test'
 * import { suite } from 'kytos-settings/conformance'
 *
 * suite(
 *   {
 *     title: 'my-store',
 *     supports: { sharing: false, durability: false, handEdits: false },
 *     crash: false, forget: false, lossy: false,
 *     ttl: 1,
 *     timeoutMs: 5_000,
 *     create: async () => ({ backend: () => create({}, { report: () => {} }), remove: async () => {} }),
 *   },
 *   { describe, it },
 * )
 */
export function suite(subject: Subject, { describe, it }: Runner): void {
  const declare = (cases: readonly Case[]): void => {
    for (const one of cases) {
      it(one.title, { skip: !canRun(one, subject), timeout: subject.timeoutMs * 5 }, async () => {
        const { outcome, error } = await runCase(one, subject)
        if (outcome !== 'passed') throw error
      })
    }
  }
  describe(`The contract of a backend, kept by ${subject.title}`, { concurrency: GROUPS_AT_ONCE }, () => {
    for (const [about, cases] of Object.entries(CASES)) {
      describe(about, { concurrent: true, concurrency: CASES_AT_ONCE }, () => declare(cases))
    }
  })
  describe(`The contract of a backend, kept by ${subject.title}, one case at a time`, {}, () => {
    for (const [about, cases] of Object.entries(LONELY_CASES)) describe(about, {}, () => declare(cases))
  })
}
