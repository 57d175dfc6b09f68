import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, describeProblem, orderNApps } from '../../../src/host/order.ts'

const napp = (id: string, dependencies: readonly string[] = [], priority = 100): Candidate => ({
  id,
  dependencies,
  priority,
})

describe('the order of start', () => {
  it('is kytos/settings, then dependencies before dependants, then priority, then id', () => {
    const { ids, problems } = orderNApps([
      napp('a/last', ['z/base']),
      napp('a/early', [], 5),
      napp('z/base'),
      napp('b/plain'),
      napp('kytos/settings', [], 0),
    ])
    expect(ids).toEqual(['kytos/settings', 'a/early', 'b/plain', 'z/base', 'a/last'])
    expect(problems).toEqual([])
  })

  it('continues without a missing dependency, and reports it', () => {
    const { ids, problems } = orderNApps([napp('kytos/topology', ['kytos/of_topo'])])
    expect(ids).toEqual(['kytos/topology'])
    expect(problems.map(describeProblem)).toEqual([
      'kytos/topology depends on kytos/of_topo, which is not enabled; it starts without that NApp.',
    ])
  })

  it('breaks a circle at its lowest member and names the circle', () => {
    const { ids, problems } = orderNApps([
      napp('a/one', ['a/two']),
      napp('a/two', ['a/three']),
      napp('a/three', ['a/one'], 1),
      napp('a/tail', ['a/one']),
    ])
    expect(ids).toEqual(['a/three', 'a/two', 'a/one', 'a/tail'])
    expect(problems.map(describeProblem)).toEqual([
      'The dependencies a/three -> a/one -> a/two -> a/three form a cycle; a/three starts without waiting for a/one.',
    ])
  })

  it('breaks the circle of a NApp that depends on itself', () => {
    expect(orderNApps([napp('a/self', ['a/self'])])).toEqual({
      ids: ['a/self'],
      problems: [{ kind: 'cycle', cycle: ['a/self', 'a/self'] }],
    })
  })

  it('starts kytos/settings first even when it claims to depend on another NApp', () => {
    const { ids, problems } = orderNApps([napp('a/one'), napp('kytos/settings', ['a/one'], 0)])
    expect(ids).toEqual(['kytos/settings', 'a/one'])
    expect(problems).toHaveLength(1)
  })
})

const names = ['kytos/settings', 'a/a', 'a/b', 'b/a', 'b/b', 'c/c', 'd/d', 'e/e']
const graph = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...names),
    priority: fc.integer({ min: 1, max: 3 }),
    dependencies: fc.array(fc.constantFrom(...names, 'no/one'), { maxLength: 4 }),
  }),
  { selector: candidate => candidate.id },
)

describe('for any NApps', () => {
  it('each is in the order once, and every dependency is before its dependant or reported', () => {
    fc.assert(
      fc.property(graph, candidates => {
        const { ids, problems } = orderNApps(candidates)
        expect([...ids].sort()).toEqual(candidates.map(({ id }) => id).sort())
        if (ids.includes('kytos/settings')) expect(ids[0]).toBe('kytos/settings')
        const given = new Set(
          problems.map(problem =>
            (problem.kind === 'cycle' ? problem.cycle.slice(0, 2) : [problem.napp, problem.dependency]).join(
              ' ',
            ),
          ),
        )
        for (const { id, dependencies } of candidates) {
          for (const dependency of dependencies) {
            const before = ids.includes(dependency) && ids.indexOf(dependency) < ids.indexOf(id)
            expect(before || given.has(`${id} ${dependency}`)).toBe(true)
          }
        }
      }),
    )
  })

  it('every circle reported is one in the manifests, and without circles among them none is reported', () => {
    fc.assert(
      fc.property(graph, candidates => {
        const needs = (id: string | undefined): readonly string[] => {
          const own = candidates.find(candidate => candidate.id === id)?.dependencies ?? []
          return id === 'kytos/settings' ? own : ['kytos/settings', ...own]
        }
        for (const problem of orderNApps(candidates).problems) {
          if (problem.kind !== 'cycle') continue
          expect(problem.cycle.at(0)).toBe(problem.cycle.at(-1))
          problem.cycle.slice(1).forEach((dependency, i) => {
            expect(needs(problem.cycle[i])).toContain(dependency)
          })
        }
      }),
    )
  })

  it('without any dependency the order is that of priority, then of id', () => {
    fc.assert(
      fc.property(graph, candidates => {
        const free = candidates
          .map(candidate => ({ ...candidate, dependencies: [] }))
          .filter(({ id }) => id !== 'kytos/settings')
        const sorted = free.toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1))
        expect(orderNApps(free).ids).toEqual(sorted.map(({ id }) => id))
      }),
    )
  })

  it('the order is the same however the NApps were found', () => {
    fc.assert(
      fc.property(
        graph.chain(candidates =>
          fc.tuple(
            fc.constant(candidates),
            fc.shuffledSubarray(candidates, { minLength: candidates.length }),
          ),
        ),
        ([candidates, shuffled]) => {
          expect(orderNApps(shuffled)).toEqual(orderNApps(candidates))
        },
      ),
    )
  })
})
