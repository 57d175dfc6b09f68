import { isUtf8 } from 'node:buffer'

/*
 * The text of stored bytes. Bytes that are not UTF-8 are kept: each of them becomes one lone surrogate
 * (U+DC80 to U+DCFF), which no UTF-8 text contains. Such a text is not well-formed, so it is never mistaken
 * for one of this service. Written again, it has the original bytes.
 */

/** The code unit of the byte 0x00, if that could be invalid; only bytes from 0x80 on are. */
const ESCAPED_BYTE = 0xdc00

/** The text of these bytes; {@link encodeText} returns exactly the same bytes. A byte order mark is kept. */
export function decodeText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  let valid = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length === 0) {
      text += bytes.toString('utf8', valid, at) + String.fromCharCode(ESCAPED_BYTE + (bytes[at] ?? 0))
      valid = at + 1
    }
    at += Math.max(1, length)
  }
  return text + bytes.toString('utf8', valid)
}

/** The bytes of a text. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  const parts = text.split(/(?<![\ud800-\udbff])([\udc80-\udcff])/)
  // Every second part is an escaped byte.
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - ESCAPED_BYTE) : Buffer.from(part))),
  )
}

/** The length of the valid UTF-8 sequence that begins at a byte; 0 when none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}
