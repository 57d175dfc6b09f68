import { randomUUID } from 'node:crypto'
import type { Backend, Operation } from '../../backends/backend.ts'
import type { Actor } from '../../model/actor.ts'
import { printJson } from '../../model/json.ts'
import { historyKey, type Key } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { type Base, readBase, readRecords } from '../state/document-reader.ts'
import { type NewRecord, nextRecord, parseRecord, printRecord } from '../state/record.ts'
import type { GroupMember } from './pending-group.ts'

/** The operations that return documents to their baselines. */
export interface Return {
  readonly operations: readonly Operation[]
  /** The versions of the documents after it. */
  readonly versions: ReadonlyMap<Key, number>
}

/** The author and the reason of a return. */
export interface ReturnedBy {
  readonly kind: 'cancelled' | 'expired'
  readonly actor: Actor
  readonly comment: string | undefined
  readonly controller: string
}

/** The number of history records that are searched for a valid version. */
const MAX_SEARCHED_RECORDS = 100

/**
 * Prepares the return of documents to their baselines, guarded by the versions that wait. It is neither
 * validated nor asked about, because the baselines were in effect before. `overtaken` when a document has
 * another version, or its baseline is not kept; `again` when the store changed between the reads.
 */
export async function readReturn(
  backend: Backend,
  members: readonly GroupMember[],
  by: ReturnedBy,
): Promise<Return | 'overtaken' | 'again'> {
  const at = new Date().toISOString()
  const writeId = randomUUID()
  const operations: Operation[] = []
  const versions = new Map<Key, number>()
  for (const { document, pending } of members) {
    const base = await readBase(backend, document)
    const version = base.record?.version ?? 0
    if (!base.recorded || version > pending.version) return 'overtaken'
    // Another store by now, because the version was committed together with the state that names it.
    if (version < pending.version) return 'again'
    const baseline = await readBaseline(backend, document, pending.baseline)
    if (!baseline) return 'overtaken'
    const comment = by.comment ?? commentOf(by.kind, pending.confirmWithin)
    const { actor, controller } = by
    const { data } = baseline
    const text = data && printJson(data)
    const kind = text === undefined ? 'deleted' : base.entry ? 'updated' : 'created'
    const record = nextRecord(base.record, kind, data, { actor, comment, controller, at, writeId })
    const isThere = text === base.entry?.text
    operations.push(...(isThere ? [unchanged(document, base)] : replaced(document, base, text, record)))
    versions.set(document, isThere ? version : record.version)
  }
  return { operations, versions }
}

/** The overrides of a version; undefined where it is not kept. `data` is undefined for an absent document. */
async function readBaseline(
  backend: Backend,
  document: Key,
  version: number,
): Promise<{ readonly data: JsonObject | undefined } | undefined> {
  if (version === 0) return { data: undefined }
  const entry = await backend.get(historyKey(document, version))
  const record = entry && parseRecord(entry)
  if (record && (record.data || record.kind === 'deleted')) return record
  // The text was no JSON object, so the newest version before it counted.
  const records = await readRecords(backend, document, MAX_SEARCHED_RECORDS)
  return records.find(one => one.version < version && (one.data || one.kind === 'deleted'))
}

function commentOf(kind: ReturnedBy['kind'], confirmWithin: number): string | undefined {
  return kind === 'expired' ? `The change was not confirmed within ${confirmWithin} s.` : undefined
}

function unchanged(key: Key, { entry }: Base): Operation {
  return { key, check: true, expected: entry?.modRevision ?? 'absent' }
}

/** The operations that replace a document and write its record, as a change by a command does. */
function replaced(key: Key, base: Base, text: string | undefined, record: NewRecord): readonly Operation[] {
  const expected = base.entry?.modRevision ?? 'absent'
  return [
    text === undefined ? { key, delete: true, expected } : { key, put: text, expected },
    {
      key: historyKey(key, record.version),
      put: printRecord(record),
      expected: 'absent',
      marker: true,
      lasting: true,
    },
    ...(base.record
      ? [{ key: historyKey(key, base.record.version), check: true, expected: base.record.stored } as const]
      : []),
  ]
}
