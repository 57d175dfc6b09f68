import { crc32 } from 'node:zlib'

/*
 * A frame is one line: `<length> <checksum> <record>\n`. The length is in decimal bytes, the checksum is the
 * CRC-32 of the record in 8 hex digits, and the record is one line of JSON. JSON never contains a raw line
 * feed. So a reader finds the next frame at the next line after damage, and a person can read a journal with
 * a pager.
 *
 * Invariant: a frame that was cut at any byte, or in which any byte changed, is not accepted.
 */

const LINE_FEED = 0x0a
/** The longest head of a frame, in bytes: 15 digits, a space, 8 hex digits, a space. */
const MAX_HEAD_BYTES = 25

/** A record that was read; `end` is the offset after it. */
export interface Frame {
  readonly record: string
  readonly start: number
  readonly end: number
}

/** The frame that holds a record (one line of JSON). */
export function encodeFrame(record: string): string {
  return `${Buffer.byteLength(record)} ${checksum(record)} ${record}\n`
}

/** Decodes the frame at an offset; undefined when there is no complete and valid one. */
export function decodeFrame(bytes: Buffer, start: number): Frame | undefined {
  const head = readHead(bytes, start)
  if (!head || head.to >= bytes.length || bytes[head.to] !== LINE_FEED) return undefined
  const record = bytes.subarray(head.from, head.to)
  return checksum(record) === head.checksum
    ? { record: record.toString('utf8'), start, end: head.to + 1 }
    : undefined
}

/**
 * Every valid frame after a damaged one: at each line after it, and at the end that the damaged one declares,
 * because the damage may be in its line feed.
 */
export function* framesBeyond(bytes: Buffer, offset: number): Generator<Frame> {
  const end = readHead(bytes, offset)?.to
  const neighbour = end === undefined ? undefined : decodeFrame(bytes, end + 1)
  if (neighbour) yield neighbour
  for (let at = neighbour?.end ?? nextLine(bytes, offset); at < bytes.length; ) {
    const frame = decodeFrame(bytes, at)
    if (frame) yield frame
    at = frame?.end ?? nextLine(bytes, at)
  }
}

/** Reads the head of a frame: the start and the end of its record, and the checksum. */
function readHead(bytes: Buffer, start: number): { from: number; to: number; checksum: string } | undefined {
  const [head, length, sum] =
    /^([1-9]\d{0,14}) ([0-9a-f]{8}) /.exec(bytes.toString('latin1', start, start + MAX_HEAD_BYTES)) ?? []
  if (head === undefined || sum === undefined) return undefined
  const from = start + head.length
  return { from, to: from + Number(length), checksum: sum }
}

function nextLine(bytes: Buffer, offset: number): number {
  const at = bytes.indexOf(LINE_FEED, offset)
  return at < 0 ? bytes.length : at + 1
}

function checksum(record: string | Buffer): string {
  return crc32(record).toString(16).padStart(8, '0')
}
