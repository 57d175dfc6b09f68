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

/** An edit by hand as it was seen; `revision` is unknown for a deletion that nobody saw happen. */
export interface Edit {
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
 * Commits the record that an edit by hand lacks; gives its version, undefined when somebody else recorded the
 * edit or a later change.
 *
 * Invariant: every edit that was seen is recorded once, in the order they were seen, on top of the record
 * before it; also one that is overwritten by now. None is recorded in a store where it did not happen, as far
 * as its revision can tell.
 */
export async function adoptEdit(
  edit: Edit,
  { backend, controller, meta }: AdoptionOptions,
): Promise<number | undefined> {
  const { key, data, gone, revision } = edit
  for (;;) {
    const { revision: now, pages } = await backend.list(historyPrefix(key), { newest: 1 })
    const [newest] = await recordsOf(pages)
    if (isTold(edit, newest)) return undefined
    const entry = await backend.get(key)
    if (isElsewhere(edit, now, entry)) return undefined
    const kind: ChangeKind = gone
      ? 'deleted'
      : newest === undefined || newest.kind === 'deleted'
        ? 'created'
        : 'updated'
    const record = nextRecord(newest, kind, data, { actor: HAND_EDIT, comment: undefined, controller })
    const outcome = await commitAside(backend, [
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
 * True when the edit did not happen in this store: one that was put back meanwhile is not as far, or its
 * document has not changed since.
 */
function isElsewhere({ revision }: Edit, now: Revision, entry: Entry | undefined): boolean {
  if (revision === undefined) return entry !== undefined
  return now < revision || (entry !== undefined && entry.modRevision < revision)
}

/**
 * Commits what is not somebody's change itself: whatever becomes of it, nothing of the change was written.
 */
export async function commitAside(backend: Backend, operations: readonly Operation[]): Promise<Outcome> {
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

/** True when the newest record tells of the edit, or of something later. */
function isTold({ gone, revision }: Edit, newest: StoredRecord | undefined): boolean {
  if (gone && (newest === undefined || newest.kind === 'deleted')) return true
  return newest !== undefined && revision !== undefined && newest.of >= revision
}
