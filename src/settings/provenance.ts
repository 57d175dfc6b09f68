import { setImmediate as turn } from 'node:timers/promises'
import { equalJson, type Json, type JsonObject } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'
import type { StoredRecord } from '../state/record.ts'

/** How many places are compared in one turn of the event loop. */
const SLICE = 5_000

interface Open {
  readonly pointer: string
  readonly value: Json | undefined
  /** The oldest record so far that has the value. */
  setter: StoredRecord | undefined
}

/**
 * Which record gave each of these places (JSON Pointers) the value it has in some overrides; undefined among
 * them for a place that has none. `records` are those of the document, newest first, holes allowed as long as
 * the record before a setter is there; no more of them are asked for than are needed. A place is left out
 * when no record that is left tells it: the value stands in the oldest of them too, or in none (an edit by
 * hand that is not recorded yet).
 */
export async function findSetters(
  data: JsonObject,
  pointers: Iterable<string>,
  records: AsyncIterable<StoredRecord> | Iterable<StoredRecord>,
): Promise<ReadonlyMap<string, StoredRecord>> {
  const setters = new Map<string, StoredRecord>()
  let open: Open[] = [...pointers].map(pointer => ({
    pointer,
    value: valueAt(data, pointer),
    setter: undefined,
  }))
  for await (const record of records) {
    const still: Open[] = []
    for (const [i, place] of open.entries()) {
      if (i % SLICE === SLICE - 1) await turn()
      if (equalJson(valueAt(record.data ?? {}, place.pointer), place.value)) {
        place.setter = record
        still.push(place)
      } else if (place.setter) setters.set(place.pointer, place.setter)
    }
    open = still
    if (open.length === 0) return setters
  }
  for (const { pointer, setter } of open) if (setter?.version === 1) setters.set(pointer, setter)
  return setters
}
