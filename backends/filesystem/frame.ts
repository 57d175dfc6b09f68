import { crc32 } from 'node:zlib'

/*
 * A frame is one line: `<length> <checksum> <record>\n`, length in decimal bytes, checksum the CRC-32 of the record in 8 hex digits, the record one line of
 * JSON. JSON never holds a raw line feed, so a reader that met damage finds the next frame at the next line, and a person reads a journal with a pager.
 *
 * Invariant: a frame that was cut at any byte, or had any byte changed, is not taken for a frame.
 */

const LINE_FEED = 0x0a
/** The longest a frame's head can be: 15 digits, a space, 8 hex digits, a space. */
const HEAD = 25

/** One record read back; `end` is the offset just after it. */
export interface Frame {
  readonly record: string
  readonly start: number
  readonly end: number
}

/** The frame that holds a record (one line of JSON). */
export function encodeFrame(record: string): string {
  return `${Buffer.byteLength(record)} ${checksum(record)} ${record}\n`
}

/** The frame that begins at an offset; undefined when what stands there is not a whole and sound one. */
export function decodeFrame(bytes: Buffer, start: number): Frame | undefined {
  const head = /^([1-9]\d{0,14}) ([0-9a-f]{8}) /.exec(bytes.toString('latin1', start, start + HEAD))
  if (!head) return undefined
  const from = start + head[0].length
  const to = from + Number(head[1])
  if (to >= bytes.length || bytes[to] !== LINE_FEED) return undefined
  const record = bytes.subarray(from, to)
  return checksum(record) === head[2] ? { record: record.toString('utf8'), start, end: to + 1 } : undefined
}

/** Every sound frame that begins at a line after an offset: what is left beyond a damaged place. */
export function* framesBeyond(bytes: Buffer, offset: number): Generator<Frame> {
  for (let at = nextLine(bytes, offset); at < bytes.length; ) {
    const frame = decodeFrame(bytes, at)
    if (frame) yield frame
    at = frame?.end ?? nextLine(bytes, at)
  }
}

function nextLine(bytes: Buffer, offset: number): number {
  const at = bytes.indexOf(LINE_FEED, offset)
  return at < 0 ? bytes.length : at + 1
}

function checksum(record: string | Buffer): string {
  return crc32(record).toString(16).padStart(8, '0')
}
