import { describe, expect, it } from 'vitest'
import { declaredPaths, typesAt } from '../../../../src/cli/edit/schema-place.ts'
import { parseTyped } from '../../../../src/cli/edit/typed-value.ts'
import { parseKey, pathsIn, printKey, valueAt } from '../../../../src/cli/terminal/key-path.ts'

function refused(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

const SCHEMA = {
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    list: { type: 'array', items: { $ref: '#/$defs/pair' } },
    ports: {
      type: 'object',
      patternProperties: { '^p': { type: 'string' } },
      additionalProperties: { type: 'integer' },
    },
    ring: { $ref: '#' },
    some: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    all: { allOf: [{ $ref: '#/$defs/word' }] },
    word: { enum: ['a', 'b'] },
  },
  $defs: {
    pair: { prefixItems: [{ type: 'string' }], items: { type: 'boolean' } },
    word: { type: 'string' },
  },
}

describe('a key', () => {
  it.each([
    ['a', ['a']],
    ['a.b.c', ['a', 'b', 'c']],
    ['/a.b/c~1d/~0', ['a.b', 'c/d', '~']],
    ['/', ['']],
    ['__proto__.x', ['__proto__', 'x']],
  ])('%j is the way %j, and is shown so that it leads there again', (typed, path) => {
    expect(parseKey(typed)).toEqual(path)
    expect(parseKey(printKey(path))).toEqual(path)
  })

  it.each(['', '.', 'a.', '.a', 'a..b', '/a~', '/~2'])('%j is none', typed => {
    expect(refused(() => parseKey(typed))).toMatchObject({ code: 'CONTENT_MALFORMED' })
  })

  it('leads to what is there, and to nothing that every object has', () => {
    const data = { a: { b: [1, { c: null }] } }
    expect(valueAt(data, ['a', 'b', '1', 'c'])).toBe(null)
    for (const path of [
      ['constructor'],
      ['a', 'b', 'length'],
      ['a', 'b', '01'],
      ['a', 'b', '-1'],
      ['a', 'b', '0', 'x'],
    ]) {
      expect(valueAt(data, path)).toBe(undefined)
    }
    expect(pathsIn(data)).toEqual([['a'], ['a', 'b']])
  })
})

describe('a value that is typed', () => {
  it.each([
    ['text', '5', '5'],
    ['text', '"quoted"', '"quoted"'],
    ['text', '', ''],
    ['count', '-18446744073709551616', -18446744073709551616n],
    ['ratio', '1', 1],
    ['ratio', '1e3', 1000],
    ['list', '[["a", true]]', [['a', true]]],
    ['list.0.0', 'null', 'null'],
    ['list.0.1', 'true', true],
    ['ports.p1', '7', '7'],
    ['ports.q1', '7', 7],
    ['ring.ring.text', '1', '1'],
    ['some', '1', 1],
    ['some', '1.5', '1.5'],
    ['some', '"1"', '1'],
    ['some', 'one', 'one'],
    ['all', '1', '1'],
    ['word', 'a', 'a'],
    ['unknown', '{"a": 1}', { a: 1 }],
    ['unknown', 'just words', 'just words'],
  ])('for %s, %s is what the schema makes of it', (key, typed, value) => {
    expect(parseTyped(SCHEMA, parseKey(key), typed)).toEqual(value)
  })

  it.each([
    ['count', 'five'],
    ['count', ''],
    ['list', '[1,'],
    ['ports.q', '{"a": 1, "a": 2}'],
    ['ratio', '1e400'],
  ])('for %s, %s is refused, and it is said what it takes', (key, typed) => {
    expect(refused(() => parseTyped(SCHEMA, parseKey(key), typed))).toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('must be JSON of type'),
    })
  })

  it('a schema that goes round in a circle, or is nonsense, ends', () => {
    expect(typesAt({ $ref: '#' }, ['a'])).toEqual(new Set())
    expect(typesAt({ patternProperties: { '(': { type: 'string' } } }, ['a'])).toEqual(new Set())
    expect(declaredPaths(SCHEMA).length).toBeLessThanOrEqual(1_000)
    expect(declaredPaths(SCHEMA)).toContainEqual(['ring', 'ring', 'text'])
  })
})
