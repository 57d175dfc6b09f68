import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import type { Operation, Outcome } from '../../backend.ts'
import { readableKind } from '../format/layout.ts'
import { parseStored, storedObject } from '../format/readable.ts'
import type { Mark } from '../journal/group.ts'
import type { State } from '../journal/state.ts'
import { applyDifference, difference } from './member-changes.ts'

/** The store that hand edits are committed to. */
export interface EditStore {
  readonly state: State
  commit(operations: readonly Operation[], marks?: readonly Mark[]): Promise<Outcome>
}

/** A change that a person made to a readable file. */
export interface HandEdit {
  readonly key: Key
  /** The document that the file stood for before the edit. */
  readonly base: string | undefined
  /** The object in the file now; undefined when the file was removed. */
  readonly value: JsonObject | undefined
  /** What the journal is to note of the file. */
  readonly marks: readonly Mark[]
}

/**
 * Commits a hand edit, unless the document is the same already: settings are merged key by key, a box is
 * replaced as a whole.
 *
 * Invariant: the commit is guarded by the revision that the merge was computed from. So no commit that was
 * acknowledged in between is undone, and no such commit loses the edit.
 * @throws SettingsError as a commit does.
 */
export async function commitHandEdit(edit: HandEdit, store: EditStore): Promise<void> {
  for (;;) {
    const entry = store.state.get(edit.key)
    const after = mergeEdit(edit, entry?.text)
    if (sameDocument(entry?.text, after)) {
      if (edit.marks.length > 0) await store.commit([], edit.marks)
      return
    }
    const expected = entry?.modRevision ?? 'absent'
    const operation: Operation =
      after === undefined
        ? { key: edit.key, delete: true, expected }
        : { key: edit.key, put: printJson(after), expected }
    if ((await store.commit([operation], edit.marks)).committed) return
  }
}

/** The document after an edit is applied to the current one; undefined when the edit deletes it. */
export function mergeEdit(
  { key, base, value }: Pick<HandEdit, 'key' | 'base' | 'value'>,
  current: string | undefined,
): JsonObject | undefined {
  if (readableKind(key) === 'boxes') return value
  const before = storedObject(base)
  const after = applyDifference(difference(before, value ?? {}), storedObject(current))
  // The removal of a file removes the keys it showed; keys that were committed since stay.
  return value === undefined && Object.keys(after).length === 0 ? undefined : after
}

function sameDocument(text: string | undefined, value: Json | undefined): boolean {
  if (text === undefined || value === undefined) return text === value
  return equalJson(parseStored(text), value)
}
