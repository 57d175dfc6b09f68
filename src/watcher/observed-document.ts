import type { Change } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import type { JsonObject } from '../../model/value.ts'
import {
  absentDocument,
  type DocumentState,
  documentVersion,
  lastValidRecord,
  type OverridesPlace,
} from '../state/document-state.ts'
import { isRecordOf } from '../state/record.ts'
import { keyOf } from './store-index.ts'

/** The states of a document around the batch that changes it. */
export interface DocumentBefore {
  /** The state before the batch; undefined for a new document, and in another store. */
  readonly before: DocumentState | undefined
  /** As `before`, but with the records of the batch. */
  readonly known: DocumentState | undefined
  /** True when the batch lists another store, whose records are not those of the cache. */
  readonly isNewStore: boolean
}

/** The state of a document after a change of its key, and the write id of its commit, if recorded. */
export interface ObservedDocument {
  readonly document: DocumentState
  readonly writeId: string | undefined
}

/** Derives the state of a document from a change of its key; `data` is the parsed text of the entry. */
export function observeDocument(
  change: Change,
  owner: OverridesPlace,
  data: JsonObject | undefined,
  { before, known, isNewStore }: DocumentBefore,
): ObservedDocument {
  const absent = absentDocument(keyOf(change), owner)
  const record = known?.record
  const observed: DocumentState =
    change.type === 'put'
      ? { ...absent, entry: change.entry, data, record }
      : { ...absent, record, goneAt: deletedAt(change.revision, known, isNewStore) }
  const recordedVersion = record?.version ?? 0
  const isRecorded = hasRecord(observed, known, isNewStore)
  const version = isRecorded ? recordedVersion : Math.max(documentVersion(before), recordedVersion) + 1
  return {
    document: { ...observed, version, fallback: lastValidRecord(before) },
    writeId: isRecorded ? record?.writeId : undefined,
  }
}

/** True when the newest record describes this very change; false for a manual edit. */
function hasRecord(
  { entry, record }: DocumentState,
  known: DocumentState | undefined,
  isNewStore: boolean,
): boolean {
  if (entry) return isRecordOf(record, entry.modRevision)
  if (record?.kind === 'deleted') return isNewStore || record.of > (known?.entry?.modRevision ?? 0n)
  return record === undefined && (isNewStore || !known?.entry)
}

/**
 * The revision of a deletion: that of its record, because a listing shows only that the key is absent. In
 * another store the document may never have existed.
 */
function deletedAt(
  revision: Revision,
  known: DocumentState | undefined,
  isNewStore: boolean,
): Revision | undefined {
  const record = known?.record
  if (record?.kind === 'deleted' && (isNewStore || record.of > (known?.entry?.modRevision ?? 0n)))
    return record.of
  return isNewStore ? undefined : revision
}
