import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import '../../support/seed.ts'
import {
  matchesPattern,
  parseBoxPatterns,
  parseNamespacePatterns,
} from '../../../model/rights/name-patterns.ts'
import { EVERYTHING_VISIBLE, visibilityOf } from '../../../model/rights/visibility.ts'
import { refusalOf } from '../tokens/refusal-of.ts'

describe('a pattern of names', () => {
  it.each([
    ['kytos/*', 'kytos/of_lldp', true],
    ['kytos/*', 'kytos2/of_lldp', false],
    ['kytos/*', 'xkytos/a', false],
    ['*/*', 'a/b', true],
    ['*/lldp', 'kytos/of_lldp', false],
    ['*/*lldp', 'kytos/of_lldp', true],
    ['kytos/a.b', 'kytos/a_b', false],
    ['kytos/a', 'kytos/ab', false],
    ['k*s/o*l*p', 'kytos/of_lldp', true],
    ['k*p', 'kytos/of_lldp', false],
    ['kytos.*', 'kytos.a.b', true],
    ['*', 'any', true],
    ['*', '', true],
  ])('%j matches %j: %j', (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected)
  })

  it('matches like a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    fc.assert(
      fc.property(letters, letters, letters, letters, (a, b, c, d) => {
        const [pattern, name] = [`${a}/${b}`, `${c}/${d}`.replaceAll('*', 'a')]
        const regex = new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`)
        expect([pattern, name, matchesPattern(pattern, name)]).toEqual([pattern, name, regex.test(name)])
      }),
      { numRuns: 500 },
    )
  })

  it('takes no longer for a crafted one', () => {
    const pattern = `${'*a'.repeat(30)}b`
    for (let i = 0; i < 2_000; i++) expect(matchesPattern(pattern, 'a'.repeat(64))).toBe(false)
  })

  it.each([
    [[]],
    ['kytos/*'],
    [null],
    [['']],
    [['*']],
    [['kytos']],
    [['kytos/a/b']],
    [['kytos/?']],
    [['kytos/[a]']],
    [['/a']],
    [['kytos/*', 7]],
    [[' kytos/*']],
    [Array.from({ length: 101 }, (_, i) => `a/${i}`)],
  ])('of namespaces is not %j', async value => {
    const { code, message } = await refusalOf(() => parseNamespacePatterns(value))
    expect([code, message]).toEqual(['CONTENT_MALFORMED', expect.stringContaining('such as "kytos/*"')])
  })

  it.each([[[]], ['a'], [['']], [['a/b']], [['a\n']], [['\ud800']], [['x'.repeat(181)]]])(
    'of boxes is not %j',
    async value => {
      const { code, message } = await refusalOf(() => parseBoxPatterns(value))
      expect([code, message]).toEqual(['CONTENT_MALFORMED', expect.stringContaining('such as "kytos.*"')])
    },
  )
})

it('a visibility ignores case in namespaces, not in boxes, and hides boxes without patterns', () => {
  const some = visibilityOf({ namespaces: ['Kytos/*'], boxes: ['kytos.*'] })
  expect(some.seesNamespace('kyTOS/A')).toBe(true)
  expect([some.seesBoxes('kytos.a'), some.seesBoxes('Kytos.a')]).toEqual([true, false])
  expect(visibilityOf({ namespaces: ['*/*'], boxes: [] }).seesBoxes('a')).toBe(false)
  expect(visibilityOf(undefined)).toBe(EVERYTHING_VISIBLE)
})
