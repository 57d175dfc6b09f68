import { differences } from '../../events/differences.ts'
import type { StoredRecord } from '../state/record.ts'
import { findSetters } from './provenance.ts'

/** The newest history records of a document that are kept by default. */
export const DEFAULT_KEPT_RECORDS = 50
/** The older records that are kept in addition, newest first, because they set a value that still stands. */
const MAX_KEPT_SETTERS = 50

/** The rules by which records of one document are kept. */
export interface Retention {
  /** The number of newest records that are kept. */
  readonly newest: number
  /** All records since this time are kept, because a caller may search them for a write_id; Unix ms. */
  readonly youngest: number
  /** The versions that a pending commit returns to. */
  readonly baselines: readonly number[]
}

/**
 * The versions of a document that are kept. `records` are all of its records, oldest first. Kept are:
 *  1. the newest ones, as many as `newest` says;
 *  2. all that are younger than `youngest`;
 *  3. the baselines of pending commits;
 *  4. of the others, the newest 50 that set a value which still stands, each with the record before it, which
 *     proves that it set the value.
 */
export async function keptVersions(
  records: readonly StoredRecord[],
  { newest, youngest, baselines }: Retention,
): Promise<ReadonlySet<number>> {
  const oldest = Math.max(0, records.length - newest)
  const beyond = records.slice(0, oldest)
  const kept = new Set(records.slice(oldest).map(({ version }) => version))
  for (const { version, at } of beyond)
    if (Date.parse(at) > youngest || baselines.includes(version)) kept.add(version)
  for (const { version } of await settersAmong(beyond, records)) kept.add(version)
  return kept
}

/** The older records that set a value which still stands in the newest record, and the one before each. */
async function settersAmong(
  beyond: readonly StoredRecord[],
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  const data = records.at(-1)?.data
  if (beyond.length === 0 || !data) return []
  const leaves = differences({}, data).map(({ path }) => path)
  const setters = new Set((await findSetters(data, leaves, records.toReversed())).values())
  const kept = beyond.filter(record => setters.has(record)).slice(-MAX_KEPT_SETTERS)
  return kept.flatMap(setter => [beyond[beyond.indexOf(setter) - 1] ?? setter, setter])
}
