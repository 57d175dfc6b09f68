import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, framesBeyond } from '../../../../../backends/filesystem/format/frame.ts'

const record = fc.json()

describe('A frame', () => {
  it('gives its record back', () => {
    fc.assert(
      fc.property(record, fc.string(), (text, before) => {
        const bytes = Buffer.from(before + encodeFrame(text))
        const start = Buffer.byteLength(before)
        expect(decodeFrame(bytes, start)).toEqual({ record: text, start, end: bytes.length })
      }),
    )
  })

  it('cut at any byte is no frame', () => {
    const bytes = Buffer.from(encodeFrame('{"group":1,"changes":[["settings/a/b","ä"]]}'))
    for (let length = 0; length < bytes.length; length++)
      expect(decodeFrame(bytes.subarray(0, length), 0)).toBeUndefined()
  })

  it('with any bit changed is no frame', () => {
    const whole = Buffer.from(encodeFrame('{"group":1,"changes":[["settings/a/b","ä"]]}'))
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeFrame(bytes, 0), `bit ${bit}`).toBeUndefined()
    }
  })

  it('is found again beyond a damaged place, whatever stands there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(record, { maxLength: 4 }), (damage, records) => {
        const bytes = Buffer.concat([
          Buffer.from(damage),
          Buffer.from('\n'),
          Buffer.from(records.map(encodeFrame).join('')),
        ])
        expect([...framesBeyond(bytes, 0)].map(frame => frame.record)).toEqual(records)
      }),
    )
  })
})
