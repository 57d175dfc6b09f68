import { crc32 } from 'node:zlib'

/*
 * A frame is one line: `<length> <checksum> <record>\n`, length in decimal bytes, checksum the CRC-32 of the
 * record in 8 hex digits, the record one line of JSON. JSON never holds a raw line feed, so a reader that met
 * damage finds the next frame at the next line, and a person reads a journal with a pager.
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
  const head = readHead(bytes, start)
  if (!head || head.to >= bytes.length || bytes[head.to] !== LINE_FEED) return undefined
  const record = bytes.subarray(head.from, head.to)
  return checksum(record) === head.checksum
    ? { record: record.toString('utf8'), start, end: head.to + 1 }
    : undefined
}

/**
 * Every sound frame beyond a damaged one: at each line after it, and where the damaged one says that it ends,
 * for the damage may be in its line feed.
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

/** What the head of a frame says: where its record begins and ends, and the checksum. */
function readHead(bytes: Buffer, start: number): { from: number; to: number; checksum: string } | undefined {
  const [head, length, sum] =
    /^([1-9]\d{0,14}) ([0-9a-f]{8}) /.exec(bytes.toString('latin1', start, start + HEAD)) ?? []
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
