import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, parseUntrustedJson, printJson } from '../../../model/json.ts'
import { MAX_DEPTH } from '../../../model/value.ts'
import { arbitraryJson } from './arbitrary-json.ts'
import { refusal } from './refusal.ts'

/** What a parser says of a text: its value, or that it is none. */
function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch {
    return 'refused'
  }
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('A text', () => {
  it('is JSON for both parsers exactly when it is for the native one', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      '-',
      '0',
      '.',
      'e',
      '+',
      'true',
      'null',
      ' ',
      '\n',
      '\\',
      '\u0001',
      '01',
      'x',
      '""',
    )
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), tokens => {
        const text = tokens.join('')
        const native = outcome(() => JSON.parse(text))
        assert.deepStrictEqual(
          outcome(() => parseJson(text)),
          native,
        )
        // A long number has the exact parser read it.
        const exact = outcome(() => parseJson(`[${text},12345678901234567890]`))
        const wrapped = outcome(() => JSON.parse(`[${text},1]`))
        assert.equal(exact === 'refused', wrapped === 'refused', text)
      }),
      { numRuns: 2000 },
    )
  })

  it('that is broken anywhere is refused with line and column', () => {
    fc.assert(
      fc.property(
        arbitraryJson(),
        fc.nat(),
        fc.constantFrom('', '}', '"', ',', '\u0000', 'x'),
        (value, seed, sign) => {
          const text = printJson({ value, exact: 10n ** 30n }, 2)
          const at = seed % text.length
          const broken = text.slice(0, at) + sign
          if (outcome(() => JSON.parse(broken)) !== 'refused') return
          const { details, message } = refusal(broken, parseUntrustedJson)
          const line = Number(details.line)
          const column = Number(details.column)
          assert.ok(line >= 1 && line <= broken.split('\n').length)
          assert.ok(
            column >= 1 && column <= (broken.split('\n')[line - 1]?.length ?? 0) + 1,
            `${message} in ${JSON.stringify(broken)}`,
          )
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    ['{"a": 1,\n "b": ]}', 2, 7],
    ['', 1, 1],
    ['[1,\n2,\n\n3 4]', 4, 3],
    ['{"a":"x', 1, 6],
    ['{"a":"\u0007"}', 1, 6],
    ['nul', 1, 1],
    ['{a:1}', 1, 2],
    ['[1,]', 1, 4],
    ['[1] 2', 1, 5],
    ['{"a":1 "b":2}', 1, 8],
    ['{"a" 1}', 1, 6],
    ['-', 1, 1],
    ['"\\x"', 1, 1],
  ])('%j is refused at line %i, column %i, by whichever parser reads it', (text, line, column) => {
    for (const parse of [parseJson, parseUntrustedJson]) {
      const error = refusal(text, parse)
      expect(error.details).toMatchObject({ line, column })
      expect(error.message).toContain(`line ${line}, column ${column}`)
    }
  })
})

describe('Depth', () => {
  it('of 128 is taken, of 129 is refused, by both parsers', () => {
    for (const parse of [parseJson, parseUntrustedJson]) {
      assert.equal(printJson(parse(nested(MAX_DEPTH))), nested(MAX_DEPTH))
      expect(refusal(nested(MAX_DEPTH + 1), parse).message).toContain('128')
    }
  })

  it('is counted the same with a long number inside', () => {
    const deep = (depth: number): string => `${'{"a":'.repeat(depth)}12345678901234567890${'}'.repeat(depth)}`
    parseJson(deep(MAX_DEPTH))
    expect(refusal(deep(MAX_DEPTH + 1)).message).toContain('128')
  })

  it('of a hundred thousand is refused without a crash', () => {
    for (const text of [nested(100_000), '['.repeat(100_000), `{"a":${'['.repeat(100_000)}`]) {
      refusal(text)
      refusal(text, parseUntrustedJson)
    }
  })

  it('does not count brackets in strings, nor breadth', () => {
    const text = JSON.stringify([
      '['.repeat(500),
      '\\"[{'.repeat(200),
      ...Array.from({ length: 300 }, () => [{}]),
    ])
    assert.deepStrictEqual(parseJson(text), JSON.parse(text))
  })
})
