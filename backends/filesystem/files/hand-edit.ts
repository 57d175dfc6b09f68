import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import type { Operation, Outcome } from '../../backend.ts'
import { readableKind } from '../format/layout.ts'
import { parseStored, storedObject } from '../format/readable.ts'
import type { Mark } from '../journal/group.ts'
import type { State } from '../journal/state.ts'
import { applyDifference, difference } from './edit.ts'

/** Where hand edits go. */
export interface Store {
  readonly state: State
  commit(operations: readonly Operation[], marks?: readonly Mark[]): Promise<Outcome>
}

/** Something a person did to a readable file. */
export interface HandEdit {
  readonly key: Key
  /** The document that the file stood for before. */
  readonly base: string | undefined
  /** What it holds now; undefined when it is gone. */
  readonly value: JsonObject | undefined
  /** What the journal is to remember of the file. */
  readonly marks: readonly Mark[]
}

/**
 * Takes a hand edit in by a commit of its own, unless the document says the same already: settings key by
 * key, a box as a whole.
 *
 * Invariant: the commit is guarded by what the merge was computed from, so no commit that was acked in
 * between is undone, and the edit is not lost to one.
 * @throws SettingsError as a commit does.
 */
export async function takeIn(edit: HandEdit, store: Store): Promise<void> {
  for (;;) {
    const entry = store.state.get(edit.key)
    const after = merged(edit, entry?.text)
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

/** The document that an edit makes of the current one; undefined when it deletes it. */
export function merged(
  { key, base, value }: Pick<HandEdit, 'key' | 'base' | 'value'>,
  current: string | undefined,
): JsonObject | undefined {
  if (readableKind(key) === 'boxes') return value
  const before = storedObject(base)
  const after = applyDifference(difference(before, value ?? {}), storedObject(current))
  // A file that is gone takes its keys along; what was committed beside them since stays.
  return value === undefined && Object.keys(after).length === 0 ? undefined : after
}

function sameDocument(text: string | undefined, value: Json | undefined): boolean {
  if (text === undefined || value === undefined) return text === value
  return equalJson(parseStored(text), value)
}
