import { describe, it, vi } from 'vitest'
import { type Case, canRun, type Subject } from './case.ts'
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
import { runCase } from './run-case.ts'

/** What every backend promises, as data, by subject; no case depends on another. */
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

/** Cases that hurt the other stores of the same server; they run alone, after the others. */
export const LONELY_CASES: Readonly<Record<string, readonly Case[]>> = { 'lost history': lostHistory }

/** Cases mostly wait, for a round trip or for the time of a ttl, so this many run at once. */
const AT_ONCE = 12

/** Declares every case as a test of this subject; cases it cannot run are shown as skipped. */
export function suite(subject: Subject): void {
  vi.setConfig({ maxConcurrency: AT_ONCE })
  describe(`The contract of a backend, kept by ${subject.title}`, () => {
    for (const [about, cases] of Object.entries(CASES)) describe.concurrent(about, () => declare(cases, subject))
    for (const [about, cases] of Object.entries(LONELY_CASES)) describe(about, () => declare(cases, subject))
  })
}

function declare(cases: readonly Case[], subject: Subject): void {
  for (const one of cases) {
    it.skipIf(!canRun(one, subject))(one.title, { timeout: subject.patience * 5 }, async () => {
      const { outcome, error } = await runCase(one, subject)
      if (outcome !== 'passed') throw error
    })
  }
}
