import type { Entry, Revision } from '../../../model/document.ts'
import { printRevision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { Batch, Change } from '../../backend.ts'

/*
 * The records of the journal, one per frame. Texts of documents are strings in it, so that a record contains
 * only strings and small numbers, which the native JSON functions keep exactly.
 *
 *   log       Header, then Commits and Marks in order
 *   snapshot  Header, EntryRecords, Marks, End
 */

/** The format of the journal that this release writes and reads. */
export const FORMAT = 1

/**
 * One change of a commit: the text after it (null: deleted), the revision that created the entry, and the
 * milliseconds after which the store deletes it. A time of day would depend on a clock that people set.
 */
export type StoredChange = readonly [key: Key, text: string | null, created?: string, ttl?: number]

/**
 * A version of a readable file: the hash of its bytes (null: no file) and the document that it stands for
 * (null: none; absent: the text of the entry at this place of the journal).
 */
export type StoredVersion = readonly [hash: string | null, text?: string | null]

/**
 * The notes about a readable file (see {@link FileNotes}); absent members have the value of most files. In a
 * log, `earlier` follows from the marks before and from what they `wrote`; a snapshot contains it.
 */
export interface StoredNotes {
  readonly kept?: true
  readonly due?: true
  readonly stray?: readonly [hash: string | null, text: string | null]
  readonly folder?: string
  readonly earlier?: readonly string[]
  /** Hashes of content that was written and replaced between the mark before and this one. */
  readonly wrote?: readonly string[]
}

/** A mark: the versions that the readable file of a key may hold, the one known to be durable first. */
export type StoredMark = readonly [key: Key, versions: readonly StoredVersion[], notes?: StoredNotes]

/**
 * The first record of a log (`after` defines how many bytes of its predecessor are valid) or of a snapshot.
 * `revision` is the last one before it.
 */
export interface Header {
  readonly format: number
  readonly number: number
  readonly revision: string
  readonly after?: { readonly number: number; readonly length: number }
}

/** A commit, a mark, or both. `group` is the offset of the write that this record is part of. */
export interface LogRecord {
  readonly group: number
  readonly revision?: string
  readonly changes?: readonly StoredChange[]
  readonly files?: readonly StoredMark[]
}

/** A record of a snapshot; the last one has the number of entries. */
export interface SnapshotRecord {
  readonly entry?: readonly [key: Key, text: string, revision: string, created: string, ttl?: number]
  readonly files?: readonly StoredMark[]
  readonly end?: number
}

/**
 * Parses the record of a frame with a valid checksum, which this release or a newer one wrote.
 * @throws SettingsError STORE_DAMAGED.
 */
export function parseRecord<T extends Header | LogRecord | SnapshotRecord>(text: string, file: string): T {
  try {
    // The native parser is exact here, because the texts of documents are strings in the record.
    return JSON.parse(text)
  } catch (cause) {
    throw new SettingsError(
      'STORE_DAMAGED',
      `${file} contains a record that is not JSON. Restore the store's folder from a backup.`,
      { cause },
    )
  }
}

/** Prints the record of a batch for a log. */
export function logRecord(
  group: number,
  batch: Batch | undefined,
  ttls: ReadonlyMap<Key, number>,
  files: readonly StoredMark[],
): string {
  const record: LogRecord = {
    group,
    ...(batch && {
      revision: printRevision(batch.revision),
      changes: batch.changes.map(change => storedChange(change, ttls)),
    }),
    ...(files.length > 0 && { files }),
  }
  return JSON.stringify(record)
}

/** The changes of a log record, with their ttls. */
export function restoreChanges(
  stored: readonly StoredChange[],
  revision: Revision,
): { changes: Change[]; ttls: Map<Key, number> } {
  const ttls = new Map<Key, number>()
  const changes = stored.map(([key, text, created, ttl]): Change => {
    if (text === null) return { type: 'delete', key, revision }
    if (ttl !== undefined) ttls.set(key, ttl)
    const entry: Entry = {
      key,
      text,
      modRevision: revision,
      createRevision: created === undefined ? revision : BigInt(created),
    }
    return { type: 'put', entry }
  })
  return { changes, ttls }
}

function storedChange(change: Change, ttls: ReadonlyMap<Key, number>): StoredChange {
  if (change.type === 'delete') return [change.key, null]
  const { key, text, createRevision: created, modRevision: revision } = change.entry
  const ttl = ttls.get(key)
  if (ttl !== undefined) return [key, text, printRevision(created), ttl]
  return created === revision ? [key, text] : [key, text, printRevision(created)]
}
