import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Operation, Outcome } from '../../../backends/backend.ts'
import type { ChangeKind } from '../../../events/nouns.ts'
import { HAND_EDIT } from '../../../model/actor.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { historyKey, type Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { type Base, readRecordsAt } from '../../state/document-reader.ts'
import { isRecordOf, nextRecord, printRecord, type StoredRecord } from '../../state/record.ts'
import { META_KEY } from '../../watcher/epoch.ts'

/** A hand edit as it was seen; `revision` is unknown for a deletion that no watch has seen. */
export interface UnrecordedEdit {
  readonly key: Key
  readonly data: JsonObject | undefined
  /** The stored text; undefined for a deletion. */
  readonly text: string | undefined
  readonly gone: boolean
  readonly revision: Revision | undefined
}

/** How long the recording of one hand edit is retried after lost races. */
export const ADOPTION_RETRY_MS = 5_000
/** The longest pause between two attempts. */
const MAX_PAUSE_MS = 50

/** The edit of a document that was read without its record; `goneAt` is where its deletion was seen, if so. */
export function unrecordedEdit(key: Key, { entry, data, record }: Base, goneAt?: Revision): UnrecordedEdit {
  if (entry) return { key, data, text: entry.text, gone: false, revision: entry.modRevision }
  const revision = goneAt !== undefined && goneAt > (record?.of ?? 0n) ? goneAt : undefined
  return { key, data: undefined, text: undefined, gone: true, revision }
}

export interface AdoptionOptions {
  readonly backend: Backend
  readonly controller: string
  /** The document `meta/store` of the store that the edit was seen in. */
  readonly meta: Entry | undefined
  /** The time of the monotonic clock, in milliseconds, after which no attempt follows. */
  readonly deadline: number
}

/**
 * Commits the missing record of a hand edit. Returns its version, or undefined when another controller
 * recorded the edit or a later change.
 *
 * Invariant: every edit that was seen is recorded once, in the order they were seen, on top of the record
 * before it, even if it is overwritten by now. No edit is recorded in a store where it did not happen, as far
 * as `meta/store` and the document show.
 * @throws SettingsError CONTENTION when every attempt until the deadline lost a race.
 */
export async function adoptEdit(
  edit: UnrecordedEdit,
  { backend, controller, meta, deadline }: AdoptionOptions,
): Promise<number | undefined> {
  const { key, data, text, gone, revision } = edit
  // A restored store may have another `meta/store` at the same revision.
  if ((await backend.get(META_KEY))?.text !== meta?.text) return undefined
  for (let attempt = 1; ; attempt++) {
    const {
      revision: now,
      records: [newest],
    } = await readRecordsAt(backend, key, 1)
    const entry = await backend.get(key)
    if (isAlreadyRecorded(edit, newest, entry)) return undefined
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
        put: printRecord(record, revision, data ? undefined : text),
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
    if (performance.now() > deadline) throw notRecorded(key, historyKey(key, record.version), attempt)
    await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS))
  }
}

function notRecorded(key: Key, next: Key, attempts: number): SettingsError {
  return new SettingsError(
    'CONTENTION',
    `The manual edit of "${key}" was not recorded in the history in ${attempts} attempts: the document changes all the time, or another program put the key "${next}". The change was not written; retry.`,
  )
}

/**
 * True when the edit did not happen in this store: a store that was restored meanwhile is at a lower
 * revision, its document has not changed since, or it has another text at the same revision.
 */
function isOfAnotherStore(
  { revision, text }: UnrecordedEdit,
  now: Revision,
  entry: Entry | undefined,
): boolean {
  if (revision === undefined) return entry !== undefined
  if (entry?.modRevision === revision) return entry.text !== text
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

/**
 * True when the newest record is that of the edit, or of a later change. A record of a later revision is of no
 * change of the document while the edit stands: another program put it there, and the edit gets one above it.
 */
function isAlreadyRecorded(
  { gone, revision }: UnrecordedEdit,
  newest: StoredRecord | undefined,
  entry: Entry | undefined,
): boolean {
  if (gone && (newest === undefined || newest.kind === 'deleted')) return true
  if (newest === undefined || revision === undefined) return false
  const stands = gone ? entry === undefined : entry?.modRevision === revision
  return stands ? !gone && isRecordOf(newest, revision) : newest.of >= revision
}
