import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { parseJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { StoreLife, StoreRevision } from '../history.ts'
import { type KeptLog, listArchive } from './archive.ts'

/*
 * The truth of a filesystem store, read from its logs by nobody's code but this file's.
 *
 * A log is lines `<bytes> <crc32 of the record> <record>\n`. The first record says which log this is and how
 * many bytes of the one before it count (`after`); each further one may hold a commit: `revision` and
 * `changes`, `[key, text or null, ...]`.
 */

interface Log {
  readonly path: string
  readonly number: number
  readonly header: JsonObject
  readonly bytes: Buffer
  /** Where the header ends. */
  readonly begin: number
}

/**
 * The whole history of the store whose logs were kept.
 * @throws Error when a log, or a revision, is missing, or what has to count is not sound.
 */
export async function readTruth(archive: string): Promise<StoreLife> {
  const logs = await readLogs(archive)
  const revisions: StoreRevision[] = []
  for (const [at, log] of logs.entries()) {
    if (log.number !== at + 1) throw new Error(`The archive has no log ${at + 1}, but log ${log.number}.`)
    for (const found of commitsOf(log, logs[at + 1])) {
      const expected = (revisions.at(-1)?.revision ?? 0n) + 1n
      if (found.revision !== expected)
        throw new Error(`${log.path} has revision ${found.revision} where ${expected} has to be.`)
      revisions.push(found)
    }
  }
  return { revisions }
}

/** The logs that count: of several with one number the last that got as far as its header. */
async function readLogs(archive: string): Promise<Log[]> {
  const logs = new Map<number, Log>()
  for (const kept of listArchive(archive)) {
    const log = await readLog(kept)
    if (log) logs.set(kept.number, log)
  }
  return [...logs.values()].sort((a, b) => a.number - b.number)
}

async function readLog({ path, number }: KeptLog): Promise<Log | undefined> {
  const bytes = await readFile(path)
  const first = frameAt(bytes, 0)
  if (!first) return undefined
  if (first.record.number !== number)
    throw new Error(`${path} says that it is log ${String(first.record.number)}.`)
  return { path, number, header: first.record, bytes, begin: first.end }
}

function* commitsOf({ path, bytes, begin, number }: Log, next: Log | undefined): Generator<StoreRevision> {
  const limit = next && countedBy(next, number)
  let at = begin
  while (at < (limit ?? bytes.length)) {
    const frame = frameAt(bytes, at)
    if (!frame) break
    at = frame.end
    const { revision, changes } = frame.record
    if (typeof revision === 'string' && isArray(changes))
      yield { revision: BigInt(revision), changes: changes.map(changeOf) }
  }
  if (limit !== undefined && at !== limit)
    throw new Error(
      `${path} is not sound at byte ${at}, though log ${number + 1} says that ${limit} bytes count.`,
    )
}

function countedBy({ path, header }: Log, number: number): number {
  const { after } = header
  if (isObject(after) && after.number === number && typeof after.length === 'number') return after.length
  throw new Error(`${path} does not say how much of log ${number} counts.`)
}

function changeOf(change: Json): StoreRevision['changes'][number] {
  const [key, text] = isArray(change) ? change : []
  if (typeof key !== 'string' || (typeof text !== 'string' && text !== null))
    throw new Error(`This is no change: ${JSON.stringify(change)}`)
  return { key, text: text ?? undefined }
}

function frameAt(
  bytes: Buffer,
  at: number,
): { readonly record: JsonObject; readonly end: number } | undefined {
  const space = bytes.indexOf(' ', at)
  if (space < 0 || space - at > 15) return undefined
  const digits = bytes.toString('latin1', at, space)
  const begin = space + 10
  const end = begin + Number(digits)
  if (!/^\d+$/.test(digits) || end >= bytes.length || bytes[end] !== 0x0a) return undefined
  const record = bytes.subarray(begin, end)
  if (crc32(record) !== Number.parseInt(bytes.toString('latin1', space + 1, begin - 1), 16)) return undefined
  const value = parseJson(record.toString('utf8'))
  return isObject(value) ? { record: value, end: end + 1 } : undefined
}
