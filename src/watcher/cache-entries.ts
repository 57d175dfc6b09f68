import type { Entry } from '../../model/document.ts'
import { historyKey, type Key } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import { type DocumentState, parseOverridesKey, UNWRITTEN } from '../state/document-state.ts'
import { printRecord, type StoredRecord } from '../state/record.ts'
import type { NamespaceState } from './namespace-state.ts'
import { parseSchemaKey } from './schema-versions.ts'
import type { StoreIndex } from './store-index.ts'

/**
 * The entries from which a cache can be restored, without `meta/store`. Boxes and unknown keys have a mark in
 * place of their text.
 */
export function* cacheEntries(
  index: StoreIndex,
  namespaces: ReadonlyMap<Namespace, NamespaceState>,
): Iterable<Entry> {
  for (const entry of index.entries())
    yield index.token(entry.key) ??
      index.pending.entry(entry.key) ??
      storedEntry(entry.key, namespaces) ??
      entry
  for (const { documents } of namespaces.values())
    for (const state of documents.values())
      for (const record of cachedRecords(state)) yield recordEntry(state.key, record)
}

/** The cached records of a document, newest first: its last one, and the one in effect if that differs. */
export function cachedRecords(state: DocumentState | undefined): readonly StoredRecord[] {
  const { record, fallback } = state ?? {}
  const cached = fallback?.version === record?.version ? [record] : [record, fallback]
  return cached.flatMap(one => (one && one.writeId !== UNWRITTEN ? [one] : []))
}

/** The stored text of a document or schema. */
function storedEntry(key: Key, namespaces: ReadonlyMap<Namespace, NamespaceState>): Entry | undefined {
  const schema = parseSchemaKey(key)
  if (schema) return namespaces.get(schema.namespace)?.schemas.stored.get(schema.digest)?.entry
  const owner = parseOverridesKey(key)
  return owner && namespaces.get(owner.namespace)?.documents.get(owner.scope)?.entry
}

function recordEntry(document: Key, record: StoredRecord): Entry {
  return {
    key: historyKey(document, record.version),
    text: printRecord(record, record.of, undefined, record.resealed !== undefined),
    modRevision: record.stored,
    createRevision: record.stored,
  }
}
