import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern, PATTERN_INSTRUCTIONS } from '../../../src/schema/pattern.ts'

/** Parts of patterns of which each means the same in every release of Unicode on the characters below. */
const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'Z',
    '0',
    '_',
    ' ',
    '-',
    '/',
    ',',
    '=',
    ':',
    '"',
    '<',
    'é',
    'ß',
    '世',
    '😀',
    '\u2028',
    '\ufeff',
    '\n',
  ],
  ...['.', '^', '$', '\\b', '\\B', '\\d', '\\D', '\\w', '\\W', '\\s', '\\S', '[^]', '[]'],
  ...[
    '\\t',
    '\\n',
    '\\v',
    '\\f',
    '\\r',
    '\\0',
    '\\cJ',
    '\\cj',
    '\\x41',
    '\\u0061',
    '\\u{61}',
    '\\u{1F600}',
    '\\uD83D\\uDE00',
    '\\uD83D',
    '\\uDE00',
  ],
  ...[
    '\\^',
    '\\$',
    '\\\\',
    '\\.',
    '\\*',
    '\\+',
    '\\?',
    '\\(',
    '\\)',
    '\\[',
    '\\]',
    '\\{',
    '\\}',
    '\\|',
    '\\/',
  ],
  ...[
    '\\p{L}',
    '\\P{L}',
    '\\p{Letter}',
    '\\p{Lu}',
    '\\p{gc=Nd}',
    '\\p{General_Category=Uppercase_Letter}',
    '\\p{Script=Greek}',
    '\\p{sc=Han}',
    '\\p{Any}',
    '\\p{Zs}',
    '\\P{punct}',
    '\\p{LC}',
    '\\p{Cs}',
  ],
)
const member = fc.constantFrom(
  ...[
    'a',
    'b-y',
    '0-9',
    '_',
    '[',
    '[:alpha:',
    '^',
    '$',
    '.',
    '&&',
    '~',
    '--0',
    '!-/',
    ' ',
    'é',
    '世',
    '😀',
    '\u2028',
    '{',
    '}',
    '(',
    ')',
    '|',
    '*',
    '+',
    '?',
    ',',
  ],
  ...[
    '\\d',
    '\\D',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
    '\\b',
    '\\-',
    '\\]',
    '\\[',
    '\\^',
    '\\\\',
    '\\/',
    '\\cA',
    '\\0',
    '\\x41-\\x5a',
    '\\u0061-\\u{7a}',
    '\\u{1F600}-\\u{1F64F}',
    '\\uD83D\\uDE00',
    '\\ud800-\\udbff',
    '\\p{L}',
    '\\P{L}',
    '\\p{Script=Greek}',
    '\\n',
    '\\t',
  ],
)
const set = fc
  .tuple(fc.boolean(), fc.array(member, { minLength: 1, maxLength: 4 }))
  .map(([isNegated, members]) => `[${isNegated ? '^' : ''}${members.join('')}]`)
const quantity = fc.constantFrom(
  '',
  '',
  '',
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '{2}',
  '{0}',
  '{1,}',
  '{0,2}',
  '{01,03}?',
)
/** Of groups, so that the native engine, which backtracks, ends too. */
const few = fc.constantFrom('', '', '?', '??', '{2}', '{0}', '{0,2}', '{01,03}?')
const { pattern } = fc.letrec<{ pattern: string; term: string }>(tie => ({
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(atom, quantity).map(([one, times]) => one + (isAssertion(one) ? '' : times)),
    fc.tuple(set, quantity).map(parts => parts.join('')),
    fc
      .tuple(fc.constantFrom('(', '(?:', '(?<name>'), tie('pattern'), few)
      .map(([open, inner, times]) => `${open}${inner})${times}`),
  ),
  pattern: fc
    .array(fc.tuple(tie('term'), fc.constantFrom('', '', '', '|')), { maxLength: 4 })
    .map(parts => parts.map(part => part.join('')).join('')),
}))
const text = fc
  .array(
    fc.constantFrom(
      ...'abyzAZ019_ -/,=:"<>\t\n\v\f\r\0\b\u0001^$\\.*+?()[]{}|~&!%éßλΛ世界😀😁',
      '\u00a0',
      '\u1680',
      '\u2003',
      '\u2028',
      '\u2029',
      '\u202f',
      '\ufeff',
      '\u200b',
      '\u180e',
      '\u0085',
      '\ud83d',
      '\ude00',
    ),
    { maxLength: 8 },
  )
  .map(signs => signs.join(''))

function isAssertion(one: string): boolean {
  return ['^', '$', '\\b', '\\B'].includes(one)
}

function nativePattern(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'u')
  } catch {
    return undefined
  }
}

describe('a pattern', () => {
  it('matches what ECMA-262 says, for generated patterns and texts', () => {
    let compared = 0
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 4, maxLength: 8 }), (source, texts) => {
        const native = nativePattern(source)
        if (!native) {
          expect(() => compilePattern(source)).toThrow('Invalid regular expression')
          return
        }
        const compiled = compilePattern(source)
        for (const one of texts) {
          compared++
          expect(compiled.test(one), `${native} on ${JSON.stringify(one)}`).toBe(native.test(one))
        }
      }),
      { numRuns: 2_000 },
    )
    expect(compared).toBeGreaterThan(4_000)
  }, 60_000)

  it('has the white space of ECMA-262, in and outside of sets', () => {
    const [space, inSet, noSpace, notInSet] = ['\\s', '[\\s]', '\\S', '[\\S]'].map(compilePattern)
    for (let code = 0; code <= 0xffff; code++) {
      const sign = String.fromCharCode(code)
      const isSpace = /\s/u.test(sign)
      if (space?.test(sign) !== isSpace || inSet?.test(sign) !== isSpace) throw new Error(`\\s at ${code}`)
      if (noSpace?.test(sign) === isSpace || notInSet?.test(sign) === isSpace)
        throw new Error(`\\S at ${code}`)
    }
  })

  it.each([
    ['(?=a)b', 'look-around'],
    ['(?!a)b', 'look-around'],
    ['(?<=a)b', 'look-around'],
    ['(?<!a)b', 'look-around'],
    ['(a)\\1', 'back-reference'],
    ['(?<n>a)\\k<n>', 'back-reference'],
    ['\\p{Emoji}', 'it has the property "Emoji"; allowed are general categories'],
    ['\\p{Script_Extensions=Greek}', 'scripts by their long names'],
    ['\\p{sc=Grek}', 'RE2 does not accept it (invalid character class range'],
    ['a{1001}', 'RE2 does not accept it (invalid repeat count'],
    ['(', 'Unterminated group'],
    ['(?:ab{30}c){30}d{200}', `${PATTERN_INSTRUCTIONS} are allowed`],
    ['(?:(?:a{100}){100}){100}', 'RE2 does not accept it'],
    ['a'.repeat(4_097), '4097 characters; 4096 are allowed'],
    [
      Array.from({ length: 400 }, (_, i) => ((i * 7_919) % 46_649).toString(36).repeat(2)).join('|'),
      'instructions',
    ],
  ])('that RE2 cannot run is refused with the reason: %.40s', (source, why) => {
    expect(() => compilePattern(source)).toThrow(why)
  })

  it.each([
    ['^(a+)+$', `${'a'.repeat(40_000)}!`],
    ['(x+x+)+y', 'x'.repeat(40_000)],
    ['^(?:a?){100}a{100}$', 'a'.repeat(40_000)],
    ['[ab]*a[ab]{400}[cd]', `${'ab'.repeat(10_000)}cd`],
    ['^(?:[^]*[^]*)*$', `${'b'.repeat(40_000)}`],
  ])('takes time in proportion to the text: %s', (source, one) => {
    const { test } = compilePattern(source)
    const before = process.cpuUsage()
    test(one)
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(3)
  })
})
