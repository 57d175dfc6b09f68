import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeSegment,
  EVERYTHING,
  encodeSegment,
  historyKey,
  historyPrefix,
  KINDS,
  makeKey,
  makePrefix,
  parseHistoryKey,
  parseKey,
  splitKey,
} from '../../../model/key.ts'

const segment = () => fc.string({ unit: 'binary', minLength: 1 })

describe('A segment', () => {
  it('is decoded to what was encoded', () => {
    fc.assert(fc.property(segment(), text => assert.equal(decodeSegment(encodeSegment(text)), text)))
  })

  it('is encoded otherwise than any other', () => {
    fc.assert(
      fc.property(segment(), segment(), (a, b) =>
        assert.equal(encodeSegment(a) === encodeSegment(b), a === b),
      ),
    )
  })

  it('is encoded in signs that every store takes, and never as "." or ".."', () => {
    fc.assert(
      fc.property(segment(), text => assert.match(encodeSegment(text), /^(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+$/)),
    )
    assert.equal(encodeSegment('..'), '%2E%2E')
  })

  it('is read only as it would be written: one text, one encoding', () => {
    const encoded = fc.array(
      fc.constantFrom(
        'a',
        'Z',
        '0',
        '-',
        '_',
        '%',
        '%2E',
        '%2e',
        '%41',
        '%C3%A9',
        '%C0%AF',
        '%ED%A0%80',
        '%00',
        '.',
        '/',
        'é',
        '+',
      ),
      {
        maxLength: 5,
      },
    )
    fc.assert(
      fc.property(encoded, parts => {
        const text = decodeSegment(parts.join(''))
        if (text !== undefined) assert.equal(encodeSegment(text), parts.join(''))
      }),
      { numRuns: 500 },
    )
    for (const foreign of [
      '',
      '%',
      '%4',
      '%2e',
      '%41',
      '%C0%AF',
      '%ED%A0%80',
      '%FF',
      'a.b',
      'a/b',
      'é',
      'a b',
      '~',
    ]) {
      assert.equal(decodeSegment(foreign), undefined, foreign)
    }
  })

  it.each([
    ['', 'empty'],
    ['\ud800', 'Unicode'],
    ['a\udc00', 'Unicode'],
  ])('%j is refused', (text, why) => {
    expect(() => makeKey('boxes', 'a', text)).toThrow(
      expect.objectContaining({ code: 'CONTENT_MALFORMED', message: expect.stringContaining(why) }),
    )
  })
})

describe('A key', () => {
  const parts = fc.tuple(fc.constantFrom(...KINDS), fc.array(segment(), { minLength: 1, maxLength: 4 }))

  it('is split into what it was made of', () => {
    fc.assert(
      fc.property(parts, ([kind, segments]) => {
        const key = makeKey(kind, ...segments)
        assert.equal(parseKey(key), key)
        assert.deepEqual(splitKey(key), { kind, segments })
      }),
    )
  })

  it('is one for one list of segments', () => {
    fc.assert(
      fc.property(parts, parts, ([k1, s1], [k2, s2]) => {
        assert.equal(
          makeKey(k1, ...s1) === makeKey(k2, ...s2),
          JSON.stringify([k1, s1]) === JSON.stringify([k2, s2]),
        )
      }),
    )
  })

  it('is in byte order when it is in string order', () => {
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), all => {
        const keys = all.map(([kind, segments]) => makeKey(kind, ...segments))
        assert.deepEqual(
          keys.toSorted((a, b) => (a < b ? -1 : Number(a > b))),
          keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        )
      }),
    )
  })

  it('is below the prefixes of its leading segments, and below no other of that length', () => {
    fc.assert(
      fc.property(parts, segment(), segment(), ([kind, segments], other, last) => {
        const key = makeKey(kind, ...segments, last)
        assert.ok(key.startsWith(makePrefix(kind, ...segments)) && key.startsWith(EVERYTHING))
        const beside = makePrefix(kind, ...segments.slice(0, -1), other)
        assert.equal(key.startsWith(beside), other === segments.at(-1))
      }),
    )
  })

  it.each([
    '',
    'settings',
    'settings/',
    'settings//a',
    '/settings/a',
    'other/a',
    'settings/a/',
    'settings/a.b',
    'settings/%2e',
    'Settings/a',
    'settings/a b',
    '__proto__/a',
  ])('%j is none of ours', text => {
    assert.equal(parseKey(text), undefined)
  })
})

describe('A history key', () => {
  it('tells its document and version, and sorts by version', () => {
    fc.assert(
      fc.property(
        segment(),
        fc.integer({ min: 1, max: 999_999_999_999 }),
        fc.integer({ min: 1, max: 999_999_999_999 }),
        (name, a, b) => {
          const document = makeKey('settings', 'kytos', name)
          const [first, second] = [historyKey(document, a), historyKey(document, b)]
          assert.deepEqual(parseHistoryKey(first), { document, version: a })
          assert.equal(parseKey(first), first)
          assert.ok(first.startsWith(historyPrefix(document)))
          assert.equal(first < second, a < b)
        },
      ),
    )
  })

  it('is not what merely looks like one', () => {
    for (const key of [
      makeKey('settings', 'history', '000000000001'),
      makeKey('history', 'settings', 'a', '1'),
      makeKey('history', '000000000001'),
    ]) {
      assert.equal(parseHistoryKey(key), undefined)
    }
  })
})
