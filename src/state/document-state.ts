import { HAND_EDIT } from '../../model/actor.ts'
import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { splitKey } from '../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  type Namespace,
  parseNamespace,
  type Scope,
} from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import type { Rejection } from './judgement.ts'
import { isRecordOf, type StoredRecord } from './record.ts'

/** The cached state of one overrides document, existing or deleted. */
export interface DocumentState {
  readonly key: Key
  readonly namespace: Namespace
  readonly scope: Scope
  readonly entry: Entry | undefined
  /** The stored overrides; undefined when absent or no JSON object. */
  readonly data: JsonObject | undefined
  /** The newest history record. */
  readonly record: StoredRecord | undefined
  /** The version of the last change that was seen; a hand edit counts before its record is committed. */
  readonly version: number
  /** The revision at which the deletion of an absent document was seen. */
  readonly goneAt: Revision | undefined
  /** The members of the overrides that count; see {@link fallback} for a text that is no JSON object. */
  readonly inForce: JsonObject
  /** The members that are left out, and the rules that are broken although all members count. */
  readonly rejected: readonly Rejection[]
  /** The record of the version that counts in place of a text that is no JSON object. */
  readonly fallback: StoredRecord | undefined
}

/** The namespace and scope of the overrides at a key. */
export interface OverridesPlace {
  readonly namespace: Namespace
  readonly scope: Scope
}

/** The namespace and scope of the overrides at a key; undefined for other kinds of keys and invalid names. */
export function parseOverridesKey(key: Key): OverridesPlace | undefined {
  const { kind, segments } = splitKey(key)
  const [first = '', second = '', third = ''] = segments
  try {
    if (kind === 'settings' && segments.length === 2)
      return { namespace: parseNamespace(`${first}/${second}`), scope: CLUSTER }
    if (kind === 'controllers' && segments.length === 3)
      return { namespace: parseNamespace(`${second}/${third}`), scope: controllerScope(first) }
  } catch {
    return undefined // another program made the key, with an invalid name
  }
  return undefined
}

/** An absent document without any history. */
export function absentDocument(key: Key, { namespace, scope }: OverridesPlace): DocumentState {
  const nothing = {
    entry: undefined,
    data: undefined,
    record: undefined,
    goneAt: undefined,
    fallback: undefined,
  }
  return { key, namespace, scope, ...nothing, version: 0, inForce: {}, rejected: [] }
}

/** The revision of the commit that last changed the document; 0 before the first. */
export function documentRevision(state: DocumentState | undefined): Revision {
  // Secrets that are sealed again change no setting.
  if (state?.entry) return revisionOfPut(state.entry, state.record)
  const { goneAt = 0n, record } = state ?? {}
  // This controller may have seen a deletion at another revision than its record has; revisions never go
  // back.
  return record && record.of > goneAt ? record.of : goneAt
}

/** The revision of the change that a stored text is of; that of its put, unless its secrets were resealed. */
export function revisionOfPut({ modRevision }: Entry, record: StoredRecord | undefined): Revision {
  return record?.resealed === modRevision ? record.of : modRevision
}

/**
 * True when the newest history record is that of the document as it is; false after a hand edit that is not
 * recorded yet.
 */
export function isRecorded(state: DocumentState | undefined): boolean {
  if (!state) return true
  if (state.entry) return isRecordOf(state.record, state.entry.modRevision)
  const { record, version, goneAt = 0n } = state
  if (!record) return version === 0
  // Several unrecorded edits may have got one record, that of the last one.
  return record.kind === 'deleted' && (version <= record.version || record.of >= goneAt)
}

/** The version of the document; a hand edit counts before its record is committed. */
export function documentVersion(state: DocumentState | undefined): number {
  if (!state) return 0
  const recorded = state.record?.version ?? 0
  return isRecorded(state) ? recorded : Math.max(state.version, recorded + 1)
}

/**
 * The document before a change that may leave no JSON object, as its record has it, or will have it;
 * undefined when there was none.
 */
export function lastValidRecord(state: DocumentState | undefined): StoredRecord | undefined {
  if (!state || (state.entry && !state.data)) return state?.fallback
  if (isRecorded(state)) return state.record
  const { entry, data } = state
  const unwritten = { actor: HAND_EDIT, controller: '', comment: undefined, at: '', writeId: UNWRITTEN }
  return {
    version: documentVersion(state),
    of: documentRevision(state),
    stored: 0n,
    kind: entry ? 'updated' : 'deleted',
    data,
    ...unwritten,
  }
}

/** The write id of a record that is not committed yet. */
export const UNWRITTEN = ''
