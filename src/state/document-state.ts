import type { RuleBroken } from '../../events/changes.ts'
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
import type { StoredRecord } from './record.ts'

/** What is known of one overrides document, living or deleted. */
export interface DocumentState {
  readonly key: Key
  readonly namespace: Namespace
  readonly scope: Scope
  readonly entry: Entry | undefined
  /** The stored overrides; undefined when absent or no JSON object. */
  readonly data: JsonObject | undefined
  /** The newest history record. */
  readonly record: StoredRecord | undefined
  /** Of the last change that was seen; an edit by hand counts although its record is still to come. */
  readonly version: number
  /** When the document is absent: the revision at which it was seen to go. */
  readonly goneAt: Revision | undefined
  /**
   * What counts: the stored overrides when they validate, else the newest version that does, else nothing.
   */
  readonly inForce: JsonObject
  /** Why the stored overrides do not count; empty when they do. */
  readonly rejected: readonly RuleBroken[]
  /** The record of the version that counts in place of rejected overrides. */
  readonly fallback: StoredRecord | undefined
}

/** Whose overrides a key holds. */
export interface OverridesPlace {
  readonly namespace: Namespace
  readonly scope: Scope
}

/** Whose overrides a key holds; undefined for keys of other kinds and for names we would refuse. */
export function parseOverridesKey(key: Key): OverridesPlace | undefined {
  const { kind, segments } = splitKey(key)
  const [first = '', second = '', third = ''] = segments
  try {
    if (kind === 'settings' && segments.length === 2)
      return { namespace: parseNamespace(`${first}/${second}`), scope: CLUSTER }
    if (kind === 'controllers' && segments.length === 3)
      return { namespace: parseNamespace(`${second}/${third}`), scope: controllerScope(first) }
  } catch {
    return undefined // a key made by another hand, with a name we refuse
  }
  return undefined
}

/** A document that is not there and of which nothing is known. */
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
  if (state?.entry) return state.entry.modRevision
  const { goneAt = 0n, record } = state ?? {}
  // What this controller saw and what another one recorded of the same deletion may differ; nothing goes
  // back.
  return record && record.of > goneAt ? record.of : goneAt
}

/**
 * True when the newest history record tells of the document as it stands; false after an edit by hand that
 * nobody recorded yet.
 */
export function isRecorded(state: DocumentState | undefined): boolean {
  if (!state) return true
  if (state.entry) return state.record?.of === state.entry.modRevision
  const { record, version, goneAt = 0n } = state
  if (!record) return version === 0
  // Of several edits that went unrecorded the last one may have got the record of them all.
  return record.kind === 'deleted' && (version <= record.version || record.of >= goneAt)
}

/** The version of the document; an edit by hand counts although its record is still to come. */
export function documentVersion(state: DocumentState | undefined): number {
  if (!state) return 0
  const recorded = state.record?.version ?? 0
  return isRecorded(state) ? recorded : Math.max(state.version, recorded + 1)
}

/**
 * What the document held before a change that may turn out not to count, as its record tells it or will tell
 * it; undefined when that was nothing.
 */
export function lastValid(state: DocumentState | undefined): StoredRecord | undefined {
  if (!state || state.rejected.length > 0) return state?.fallback
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

/** The write id of a record that nobody has committed yet. */
export const UNWRITTEN = ''
