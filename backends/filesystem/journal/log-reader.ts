import { readFile } from 'node:fs/promises'
import type { Revision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { damaged } from '../format/failures.ts'
import { decodeFrame, type Frame, framesBeyond } from '../format/frame.ts'
import { FORMAT, type Header, type LogRecord, parseRecord, type SnapshotRecord } from '../format/record.ts'

/** A log that was read and checked. */
export interface Log {
  readonly file: string
  readonly number: number
  /** The last revision before this log. */
  readonly revision: Revision
  readonly after: Header['after']
  readonly records: readonly LogRecord[]
  /** The number of its valid bytes, and the number of bytes after them that are an unfinished write. */
  readonly length: number
  readonly torn: number
}

/**
 * Reads a log; undefined when it ends within its header. `length` is its valid length, as its successor
 * defines it; undefined for the last log, whose end may be unfinished. Everything from the first bad frame on
 * is torn, unless a valid frame of a later write follows. (Valid frames of the same write may follow, because
 * the pages of a write may reach the disk in any order.)
 * @throws SettingsError STORE_DAMAGED, STORE_FORMAT.
 */
export function readLog(
  bytes: Buffer,
  file: string,
  number: number,
  length: number | undefined,
): Log | undefined {
  const header = readHeader(bytes, file, number)
  if (!header) {
    if (!framesBeyond(bytes, 0).next().done) throw damaged(file, 'a bad header')
    return undefined
  }
  const counted = length === undefined ? bytes : bytes.subarray(0, length)
  const frames = readFrames(counted, header.end)
  const end = frames.at(-1)?.end ?? header.end
  if (length !== undefined && end !== length) throw damaged(file, `a bad record at byte ${end}`)
  if (length === undefined) refuseRecordsBeyond(bytes, end, file)
  return {
    file,
    number,
    revision: BigInt(header.record.revision),
    after: header.record.after,
    records: frames.map(frame => parseRecord<LogRecord>(frame.record, file)),
    length: end,
    torn: counted.length - end,
  }
}

/** Reads a snapshot, which is complete or damaged. @throws SettingsError STORE_DAMAGED, STORE_FORMAT. */
export async function readSnapshot(
  file: string,
  number: number,
): Promise<{ revision: Revision; records: readonly SnapshotRecord[] }> {
  const bytes = await readFile(file)
  const header = readHeader(bytes, file, number)
  if (!header) throw damaged(file, 'the header is missing')
  const frames = readFrames(bytes, header.end)
  const end = frames.at(-1)?.end ?? header.end
  const records = frames.map(frame => parseRecord<SnapshotRecord>(frame.record, file))
  const entries = records.filter(record => record.entry).length
  if (end !== bytes.length || records.at(-1)?.end !== entries)
    throw damaged(file, `a bad record at byte ${end}`)
  return { revision: BigInt(header.record.revision), records }
}

function readHeader(
  bytes: Buffer,
  file: string,
  number: number,
): { record: Header; end: number } | undefined {
  const frame = decodeFrame(bytes, 0)
  if (!frame) return undefined
  const record = parseRecord<Header>(frame.record, file)
  if (record.format !== FORMAT) {
    throw new SettingsError(
      'STORE_FORMAT',
      `${file} has format ${record.format}; this release reads format ${FORMAT}. Start the newer release that wrote it.`,
    )
  }
  if (record.number !== number) throw damaged(file, `the log number ${record.number}, not ${number},`)
  return { record, end: frame.end }
}

function readFrames(bytes: Buffer, start: number): Frame[] {
  const frames: Frame[] = []
  for (let at = start; ; ) {
    const frame = decodeFrame(bytes, at)
    if (!frame) return frames
    frames.push(frame)
    at = frame.end
  }
}

function refuseRecordsBeyond(bytes: Buffer, offset: number, file: string): void {
  for (const frame of framesBeyond(bytes, offset)) {
    if (parseRecord<LogRecord>(frame.record, file).group > offset) {
      throw damaged(file, `a bad record at byte ${offset}, followed by valid ones from byte ${frame.start}`)
    }
  }
}
