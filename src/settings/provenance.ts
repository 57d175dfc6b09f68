import { setImmediate as turn } from 'node:timers/promises'
import { equalJson, type Json, type JsonObject } from '../../model/value.ts'
import { createReader } from '../schema/exact-keywords.ts'
import type { StoredRecord } from '../state/record.ts'

/** The places that are compared in one turn of the event loop. */
const PLACES_PER_TURN = 5_000

interface OpenPlace {
  readonly pointer: string
  readonly value: Json | undefined
  /** The oldest record read so far that has the value. */
  setter: StoredRecord | undefined
}

/**
 * Finds the record that set the value of each place (JSON Pointers) in overrides; a place without a value is
 * one with the value undefined. `records` are those of the document, newest first; no more of them are read
 * than necessary. Gaps are allowed, unless the record before a setter is missing. A place is omitted when the
 * records do not show its setter: the oldest one has the value too, or none has it (a hand edit that is not
 * recorded yet).
 */
export async function findSetters(
  data: JsonObject,
  pointers: Iterable<string>,
  records: AsyncIterable<StoredRecord> | Iterable<StoredRecord>,
): Promise<ReadonlyMap<string, StoredRecord>> {
  const setters = new Map<string, StoredRecord>()
  const read = createReader(data)
  let open: OpenPlace[] = [...pointers].map(pointer => ({ pointer, value: read(pointer), setter: undefined }))
  for await (const record of records) {
    const still: OpenPlace[] = []
    const readRecord = createReader(record.data ?? {})
    for (const [i, place] of open.entries()) {
      if (i % PLACES_PER_TURN === PLACES_PER_TURN - 1) await turn()
      if (equalJson(readRecord(place.pointer), place.value)) {
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
