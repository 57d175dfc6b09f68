import type { Backend } from '../../backends/backend.ts'
import { type Difference, differences } from '../../events/differences.ts'
import type { AuditEntry } from '../../events/history-nouns.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { printJson } from '../../model/json.ts'
import type { Namespace } from '../../model/namespace.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import { type JsonObject, toJson } from '../../model/value.ts'
import type { StoredRecord } from '../state/record.ts'
import { ALL_RECORDS, isBackInTime, type KeptRecord, listRecords } from './kept-records.ts'
import { type Audited, listSteps } from './kept-steps.ts'

/*
 * The audit: all kept records of all documents, and the last step of each confirmed commit, as one stream.
 *
 * Invariants:
 *  1. Order is that in which the store got the entries (their revision, then the key of the document, a change
 *     before its step), never that of clocks. So nothing that is committed later belongs to a page that was
 *     read.
 *  2. A page ends between two revisions. Its cursor is a revision alone, which stays exact when records of the
 *     page are pruned; reading on from it neither repeats an entry nor skips a change. The store keeps the last
 *     step of a confirmed commit, so earlier ones may be gone before they are read.
 *  3. A page holds at most `limit` entries and the rest of its last revision, each entry a bounded text.
 */

/** The text of the differences of one entry, in characters; further differences are counted. */
const MAX_DIFFERENCES_CHARACTERS = 4_000

/** A page of the audit before it is presented. */
export interface AuditedRecords {
  readonly entries: readonly AuditEntry[]
  /** The revision after which the next page starts. */
  readonly next: Revision
  readonly more: boolean
}

export interface AuditRequest {
  /** Only records that were put after this revision. */
  readonly after: Revision
  readonly limit: number
  /** The shown form of settings. */
  readonly protect: (namespace: Namespace, data: JsonObject) => JsonObject
}

/** Reads the first records after a revision that the caller sees. */
export async function readAudit(
  backend: Backend,
  { after, limit, protect }: AuditRequest,
): Promise<AuditedRecords> {
  const { seesNamespace } = currentVisibility()
  const { revision, records } = await listRecords(backend, ALL_RECORDS)
  // Listed after the records, so that none up to their revision is missing.
  const steps = await listSteps(backend)
  let found: Audited[] = steps.filter(
    ({ stored, entry }) => stored > after && stored <= revision && seesNamespace(entry.namespace),
  )
  /** Entries above it are on a later page. */
  let ceiling: Revision | undefined
  let more = false
  let before: KeptRecord | undefined
  for await (const one of records) {
    const { key, record } = one
    const previous = before?.key === key ? before.record : undefined
    before = one
    if (record.stored <= after || !seesNamespace(one.namespace)) continue
    if (ceiling !== undefined && record.stored > ceiling) {
      more = true
      continue
    }
    found.push({ stored: record.stored, key, entry: entryOf(one, previous, protect) })
    // Sorted only now and then, so that the whole costs no more than sorting once.
    if (found.length < 2 * limit + MAX_SHARED_REVISION) continue
    const kept = firstOf(found, limit)
    more ||= kept.length < found.length
    found = kept
    ceiling = kept.at(-1)?.stored
  }
  const page = firstOf(found, limit)
  more ||= page.length < found.length
  const last = page.at(-1)?.stored ?? after
  return { entries: page.map(({ entry }) => entry), more, next: more ? last : larger(revision, last) }
}

/** The revision of the first entry with this time or a later one, minus one; undefined without one. */
export async function revisionBefore(backend: Backend, from: Date): Promise<Revision | undefined> {
  const { records } = await listRecords(backend, ALL_RECORDS)
  let first: Revision | undefined
  const take = (at: string, stored: Revision): void => {
    if (Date.parse(at) >= from.getTime() && (first === undefined || stored < first)) first = stored
  }
  for await (const { record } of records) take(record.at, record.stored)
  for (const { entry, stored } of await listSteps(backend)) take(entry.at, stored)
  return first === undefined ? undefined : first - 1n
}

/** The number of records beyond twice the limit that are collected before they are sorted. */
const MAX_SHARED_REVISION = 100

/** The first entries up to the limit, and the others of the last one's revision. */
function firstOf(found: readonly Audited[], limit: number): Audited[] {
  const sorted = found.toSorted(byRevision)
  const last = sorted[limit - 1]
  return last ? sorted.filter(({ stored }) => stored <= last.stored) : sorted
}

function byRevision(one: Audited, other: Audited): number {
  if (one.stored !== other.stored) return one.stored < other.stored ? -1 : 1
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0
}

function entryOf(
  { namespace, scope, record }: KeptRecord,
  previous: StoredRecord | undefined,
  protect: AuditRequest['protect'],
): AuditEntry {
  const { version, kind, controller, actor, comment, at, writeId, of, confirmWithin } = record
  return {
    namespace,
    scope,
    version,
    kind,
    controller,
    actor,
    comment: comment ?? null,
    at,
    ...(isBackInTime(record, previous) && { clock: true }),
    write_id: writeId,
    revision: printRevision(of),
    ...(confirmWithin !== undefined && { confirm_within: confirmWithin }),
    ...changesOf(record, previous, data => protect(namespace, data)),
  }
}

/**
 * The differences to the record before, as many as the entry has room for. They are null without that record,
 * and where one of the texts is no JSON object.
 */
function changesOf(
  record: StoredRecord,
  previous: StoredRecord | undefined,
  protect: (data: JsonObject) => JsonObject,
): Pick<AuditEntry, 'changes' | 'more'> {
  if (record.version > 1 && previous?.version !== record.version - 1) return { changes: null }
  if (!isReadable(record) || (previous && !isReadable(previous))) return { changes: null }
  const all = differences(protect(previous?.data ?? {}), protect(record.data ?? {}))
  const changes: Difference[] = []
  let left = MAX_DIFFERENCES_CHARACTERS
  for (const change of all) {
    left -= printJson(toJson(change)).length
    if (left < 0) break
    changes.push(change)
  }
  return { changes, ...(changes.length < all.length && { more: all.length - changes.length }) }
}

function isReadable({ data, kind }: StoredRecord): boolean {
  return data !== undefined || kind === 'deleted'
}

function larger(one: Revision, other: Revision): Revision {
  return one > other ? one : other
}
