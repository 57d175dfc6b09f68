import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseEditedObject } from '../../../backends/edited-text.ts'
import { decodeText, encodeText } from '../../../backends/text-bytes.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'

/** Bytes with many beginnings and ends of UTF-8 sequences among them, and lone surrogates in UTF-8. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 4 }).map(text => [...Buffer.from(text)]),
      fc.nat({ max: 255 }).map(byte => [byte]),
      fc.constantFrom(
        [0xf0, 0x9f],
        [0xed, 0xb3, 0xa9],
        [0xc0, 0x80],
        [0xf5, 0x80, 0x80, 0x80],
        [0xef, 0xbb, 0xbf],
      ),
    ),
    { maxLength: 12 },
  )
  .map(parts => Buffer.from(parts.flat()))

describe('the text of stored bytes', () => {
  it('has exactly these bytes, and is well-formed only if they are UTF-8', () => {
    fc.assert(
      fc.property(bytes, stored => {
        const text = decodeText(stored)
        expect(encodeText(text).equals(stored)).toBe(true)
        expect(text.isWellFormed()).toBe(isUtf8(stored))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is that of the usual decoder for UTF-8, and takes time in proportion to invalid bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const stored = Buffer.from(text)
        expect(decodeText(stored)).toBe(stored.toString('utf8'))
      }),
    )
    expect(decodeText(Buffer.alloc(300_000, 0xff)).length).toBe(300_000)
  })
})

describe('an edited text', () => {
  it('means what the exact parser reads in it, whatever its layout', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), fc.constantFrom('', '\ufeff'), (one, indent, mark) => {
        const text = printJson(toJson(one), indent)
        expect(printJson(parseEditedObject(mark + text))).toBe(printJson(parseUntrustedJson(text)))
      }),
    )
  })

  it.each(['\ufeff\ufeff{}', '{"a":1,"a":1}', '{"a":"\udce9"}', '', '{} {}'])('is rejected: %j', text => {
    expect(() => parseEditedObject(text)).toThrowError(expect.objectContaining({ code: 'JSON_MALFORMED' }))
  })
})
