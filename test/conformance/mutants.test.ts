import assert from 'node:assert/strict'
import { afterAll, describe, it } from 'vitest'
import { type Case, canRun, type Subject } from '../../conformance/harness/case.ts'
import { runCase, type Verdict } from '../../conformance/harness/run-case.ts'
import { CASES, LONELY_CASES } from '../../conformance/suite.ts'
import { CONTROLS } from './controls.ts'
import { MUTANTS, mutantSubject } from './mutants.ts'

/**
 * A mutant that hangs is dead after this many ms; one that is sound gets more, so that a busy machine fails
 * nobody.
 */
const PATIENCE = { mutant: 300, sound: 5_000 }

const ALL: Readonly<Record<string, readonly Case[]>> = { ...CASES, ...LONELY_CASES }

interface Judged {
  readonly title: string
  readonly verdict: Verdict
}

async function judge(cases: readonly Case[], subject: Subject): Promise<readonly Judged[]> {
  const able = cases.filter(one => canRun(one, subject))
  return Promise.all(able.map(async one => ({ title: one.title, verdict: await runCase(one, subject) })))
}

function failing(judged: readonly Judged[], outcome: Verdict['outcome']): readonly string[] {
  return judged.filter(({ verdict }) => verdict.outcome === outcome).map(({ title }) => title)
}

describe('The suite passes what keeps the contract', () => {
  for (const control of CONTROLS) {
    it(`passes ${control.title}`, async () => {
      for (const cases of Object.values(ALL)) {
        const judged = await judge(cases, mutantSubject(control, PATIENCE.sound))
        for (const { verdict } of judged) if (verdict.outcome !== 'passed') throw verdict.error
      }
    })
  }
})

describe('The suite notices every mutant', () => {
  const killed: string[] = []

  for (const mutant of MUTANTS) {
    it(`notices that ${mutant.title}`, async () => {
      const judged = await judge(ALL[mutant.noticedBy] ?? [], mutantSubject(mutant, PATIENCE.mutant))
      const crashed = judged.find(({ verdict }) => verdict.outcome === 'crashed')
      if (crashed) throw crashed.verdict.error
      const [first, ...others] = failing(judged, 'failed')
      assert.ok(first, `no case of "${mutant.noticedBy}" failed`)
      killed.push(
        `${mutant.title}\n    ${mutant.noticedBy}: ${first}${others.length > 0 ? ` (and ${others.length} more)` : ''}`,
      )
    })
  }

  afterAll(() => {
    console.info(`${killed.length} of ${MUTANTS.length} mutants killed:\n  ${killed.join('\n  ')}`)
  })
})
