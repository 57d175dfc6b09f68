import { expect, it } from 'vitest'
import { check } from '../check.ts'
import type { History, Verdict } from '../history.ts'

/** What is done to a round, and what the judge has to say then. */
export interface Case {
  readonly title: string
  readonly spoil: (history: History) => History
  readonly says: RegExp
  readonly counts?: Partial<Pick<Verdict, 'lost' | 'doubled' | 'reordered' | 'resyncs' | 'repairs'>>
}

const NOTHING = { lost: 0, doubled: 0, reordered: 0, repairs: 0 }

/** Tests that the judge finds nothing in a round as it is, and in each spoilt one what was done to it. */
export function prove(round: () => History, cases: readonly Case[]): void {
  it('finds nothing wrong before it is spoilt', () => {
    expect(check(round()).violations).toEqual([])
  })
  it.each(cases)('finds $title', ({ spoil, says, counts = {} }) => {
    const verdict = check(spoil(round()))
    expect(verdict.violations.join('\n')).toMatch(says)
    if (says.source.includes('|')) return
    expect(verdict).toMatchObject({ ...NOTHING, ...counts })
  })
}
