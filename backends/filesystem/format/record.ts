import type { Entry, Revision } from '../../../model/document.ts'
import { printRevision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { Batch, Change } from '../../backend.ts'

/*
 * What the journal holds, one record a frame. Texts of documents stand in it as strings, so that the record
 * itself holds only strings and small numbers, which the native JSON functions keep exactly.
 *
 *   log       Header, then Commits and Marks as they came
 *   snapshot  Header, EntryRecords, Marks, End
 */

/** The format of the journal this code writes and reads. */
export const FORMAT = 1

/**
 * One change of a commit: the text after it (null: deleted), the revision that created the entry, and when it
 * expires (Unix milliseconds).
 */
export type StoredChange = readonly [key: Key, text: string | null, created?: string, expires?: number]

/**
 * What a readable file held at some time: the hash of its bytes (null: no file) and the document it stands
 * for (null: none; absent: the text which the entry has at this place of the journal).
 */
export type StoredVersion = readonly [hash: string | null, text?: string | null]

/**
 * What else is known of a readable file (see {@link FileNotes}); absent members are what they are for most
 * files. A log tells `earlier` by the marks that came before and by what they `wrote`, a snapshot by name.
 */
export interface StoredNotes {
  readonly kept?: true
  readonly stray?: readonly [hash: string | null, text: string | null]
  readonly folder?: string
  readonly earlier?: readonly string[]
  /** Hashes of what was written into the file between the mark before and this one, and replaced since. */
  readonly wrote?: readonly string[]
}

/** What the readable file of a key may hold now, the version known to be durable first. */
export type StoredMark = readonly [key: Key, versions: readonly StoredVersion[], notes?: StoredNotes]

/**
 * The first record of a log (`after` fixes how many bytes of its predecessor count) or of a snapshot.
 * `revision` is the last one before it.
 */
export interface Header {
  readonly format: number
  readonly number: number
  readonly revision: string
  readonly after?: { readonly number: number; readonly length: number }
}

/**
 * A commit, a mark, or both at once. `group` is the offset at which the write that brought this record began.
 */
export interface LogRecord {
  readonly group: number
  readonly revision?: string
  readonly changes?: readonly StoredChange[]
  readonly files?: readonly StoredMark[]
}

/** One record of a snapshot; the last one says how many entries there were. */
export interface SnapshotRecord {
  readonly entry?: readonly [key: Key, text: string, revision: string, created: string, expires?: number]
  readonly files?: readonly StoredMark[]
  readonly end?: number
}

/**
 * The record in a frame whose checksum held, so it is one that this code, or a newer one, wrote.
 * @throws SettingsError STORE_DAMAGED.
 */
export function parseRecord<T extends Header | LogRecord | SnapshotRecord>(text: string, file: string): T {
  try {
    // Not a stored value: texts of documents are strings inside it, which the native parser leaves as they
    // are.
    return JSON.parse(text)
  } catch (cause) {
    throw new SettingsError(
      'STORE_DAMAGED',
      `${file} contains a record that is not JSON. Restore the store's folder from a backup.`,
      { cause },
    )
  }
}

/** The record of a batch, as a log keeps it. */
export function logRecord(
  group: number,
  batch: Batch | undefined,
  expires: ReadonlyMap<Key, number>,
  files: readonly StoredMark[],
): string {
  const record: LogRecord = {
    group,
    ...(batch && {
      revision: printRevision(batch.revision),
      changes: batch.changes.map(change => storedChange(change, expires)),
    }),
    ...(files.length > 0 && { files }),
  }
  return JSON.stringify(record)
}

/** The changes that a log record stands for, and the expiries among them. */
export function restoreChanges(
  stored: readonly StoredChange[],
  revision: Revision,
): { changes: Change[]; expires: Map<Key, number> } {
  const expires = new Map<Key, number>()
  const changes = stored.map(([key, text, created, expiry]): Change => {
    if (text === null) return { type: 'delete', key, revision }
    if (expiry !== undefined) expires.set(key, expiry)
    const entry: Entry = {
      key,
      text,
      modRevision: revision,
      createRevision: created === undefined ? revision : BigInt(created),
    }
    return { type: 'put', entry }
  })
  return { changes, expires }
}

function storedChange(change: Change, expires: ReadonlyMap<Key, number>): StoredChange {
  if (change.type === 'delete') return [change.key, null]
  const { key, text, createRevision: created, modRevision: revision } = change.entry
  const expiry = expires.get(key)
  if (expiry !== undefined) return [key, text, printRevision(created), expiry]
  return created === revision ? [key, text] : [key, text, printRevision(created)]
}
