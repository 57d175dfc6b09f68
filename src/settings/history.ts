import type { Backend } from '../../backends/backend.ts'
import type { HistoryRecord } from '../../events/nouns.ts'
import { SettingsError } from '../../model/errors.ts'
import { historyKey } from '../../model/key.ts'
import { type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { readRecords } from '../state/document-reader.ts'
import { parseRecord, presentRecord, type StoredRecord } from '../state/record.ts'

/** The records of an answer that names no limit. */
export const DEFAULT_HISTORY_RECORDS = 20
/** The most records of one answer; about as many are kept. */
export const MAX_HISTORY_RECORDS = 1_000

/** The history of one document, as answers carry it. */
export interface HistoryRequest {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly limit: number
  /** Only this version, whatever the limit. */
  readonly version: number | undefined
  /** The shown form of settings. */
  readonly protect: (data: JsonObject) => JsonObject
  /** Throws for an unknown namespace; called when there are no records. */
  readonly requireKnown: () => Promise<void>
}

/**
 * The newest records of a document, newest first, or the one of a version.
 * @throws SettingsError VERSION_NOT_FOUND, and as `requireKnown`.
 */
export async function readHistory(
  backend: Backend,
  { namespace, scope, limit, version, protect, requireKnown }: HistoryRequest,
): Promise<readonly HistoryRecord[]> {
  const key = overridesKey(namespace, scope)
  // Older versions than the newest 1,000 may be kept, so one version is not searched for among them.
  const entry = version === undefined ? undefined : await backend.get(historyKey(key, version))
  const one = entry && parseRecord(entry)
  const read = version === undefined ? limit : MAX_HISTORY_RECORDS
  const records = one ? [one] : await readRecords(backend, key, read)
  if (records.length === 0) await requireKnown()
  const present = (record: StoredRecord) =>
    presentRecord({ ...record, data: record.data && protect(record.data) })
  if (version === undefined) return records.map(present)
  if (one) return [present(one)]
  const kept =
    records.length === 0
      ? 'no version is kept'
      : `kept are ${records.at(-1)?.version} to ${records[0]?.version}`
  throw new SettingsError(
    'VERSION_NOT_FOUND',
    `The history of "${namespace}" has no version ${version}: ${kept}.`,
  )
}
