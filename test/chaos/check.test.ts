import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arbitraryActs, readAct, simulate } from './check/simulator.ts'
import { check } from './check.ts'

const RUNS = { numRuns: 300 }

describe('the judge', () => {
  it('finds nothing wrong in rounds in which nothing is taken from the store', () => {
    fc.assert(
      fc.property(arbitraryActs(false, 60), acts => {
        const { violations, resyncs, lost, doubled, reordered } = check(simulate(acts))
        expect(violations).toEqual([])
        expect({ resyncs, lost, doubled, reordered }).toEqual({
          resyncs: 0,
          lost: 0,
          doubled: 0,
          reordered: 0,
        })
      }),
      RUNS,
    )
  })

  it('finds nothing wrong in rounds with compactions, wipes and restored backups', () => {
    fc.assert(
      fc.property(arbitraryActs(true, 60), acts => {
        const { violations, lost, doubled, reordered } = check(simulate(acts))
        expect(violations).toEqual([])
        expect({ lost, doubled, reordered }).toEqual({ lost: 0, doubled: 0, reordered: 0 })
      }),
      RUNS,
    )
  })

  it('asks nobody for a deletion that a restored backup took back', () => {
    const acts = ['patch 0', 'box 0', 'patch 1', 'unbox 0', 'restore 4', 'patch 0'].map(readAct)
    expect(check(simulate(acts)).violations).toEqual([])
  })

  it('lets a controller that has not noticed yet that the store was put back answer from before', () => {
    const acts = [
      'register 0',
      'patch 0',
      'register 0',
      'restore unnoticed 2',
      'register 0',
      'register 0',
    ].map(readAct)
    expect(check(simulate(acts)).violations).toEqual([])
  })

  it('lets a snapshot replace what was heard of a store that was wiped', () => {
    const acts = ['patch 0', 'reader away 0', 'wipe 0', 'restart 0'].map(readAct)
    expect(check(simulate(acts)).violations).toEqual([])
  })
})
