import type { Backend, Operation, Outcome } from '../../../backends/backend.ts'
import type { ChangeKind } from '../../../events/nouns.ts'
import { HAND_EDIT } from '../../../model/actor.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { historyKey, historyPrefix, type Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { recordsOf } from '../../state/document-reader.ts'
import { nextRecord, printRecord, type StoredRecord } from '../../state/record.ts'
import { META_KEY } from '../../watcher/epoch.ts'

/** A hand edit as it was seen; `revision` is unknown for a deletion that no watch has seen. */
export interface UnrecordedEdit {
  readonly key: Key
  readonly data: JsonObject | undefined
  readonly gone: boolean
  readonly revision: Revision | undefined
}

export interface AdoptionOptions {
  readonly backend: Backend
  readonly controller: string
  /** The document `meta/store` of the store that the edit was seen in. */
  readonly meta: Entry | undefined
}

/**
 * Commits the missing record of a hand edit. Returns its version, or undefined when another controller
 * recorded the edit or a later change.
 *
 * Invariant: every edit that was seen is recorded once, in the order they were seen, on top of the record
 * before it, even if it is overwritten by now. No edit is recorded in a store where it did not happen, as far
 * as its revision shows.
 */
export async function adoptEdit(
  edit: UnrecordedEdit,
  { backend, controller, meta }: AdoptionOptions,
): Promise<number | undefined> {
  const { key, data, gone, revision } = edit
  for (;;) {
    const { revision: now, pages } = await backend.list(historyPrefix(key), { newest: 1 })
    const [newest] = await recordsOf(pages)
    if (isAlreadyRecorded(edit, newest)) return undefined
    const entry = await backend.get(key)
    if (isOfAnotherStore(edit, now, entry)) return undefined
    const kind: ChangeKind = gone
      ? 'deleted'
      : newest === undefined || newest.kind === 'deleted'
        ? 'created'
        : 'updated'
    const record = nextRecord(newest, kind, data, { actor: HAND_EDIT, comment: undefined, controller })
    const outcome = await commitAuxiliary(backend, [
      {
        key: historyKey(key, record.version),
        put: printRecord(record, revision),
        expected: 'absent',
        marker: true,
        lasting: true,
      },
      { key: META_KEY, check: true, expected: meta?.modRevision ?? 'absent' },
      { key, check: true, expected: entry?.modRevision ?? 'absent' },
    ])
    if (outcome.committed) return record.version
    if (outcome.found.find(found => found.key === META_KEY)?.modRevision !== meta?.modRevision)
      return undefined
  }
}

/**
 * True when the edit did not happen in this store: a store that was restored meanwhile is at a lower
 * revision, or its document has not changed since.
 */
function isOfAnotherStore({ revision }: UnrecordedEdit, now: Revision, entry: Entry | undefined): boolean {
  if (revision === undefined) return entry !== undefined
  return now < revision || (entry !== undefined && entry.modRevision < revision)
}

/**
 * Commits operations that are not part of a change itself, so that an unknown outcome of them means that
 * nothing of the change was written.
 */
export async function commitAuxiliary(backend: Backend, operations: readonly Operation[]): Promise<Outcome> {
  try {
    return await backend.commit(operations)
  } catch (error) {
    if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
    throw new SettingsError(
      'STORE_UNREACHABLE',
      `${error.message} The change itself was not written; retry.`,
      {
        cause: error,
        details: error.details,
      },
    )
  }
}

/** True when the newest record is that of the edit, or of a later change. */
function isAlreadyRecorded({ gone, revision }: UnrecordedEdit, newest: StoredRecord | undefined): boolean {
  if (gone && (newest === undefined || newest.kind === 'deleted')) return true
  return newest !== undefined && revision !== undefined && newest.of >= revision
}
