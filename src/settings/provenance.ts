import { equalJson, isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import type { StoredRecord } from './record.ts'

/**
 * Which record gave each place of some overrides the value that it has, by JSON Pointer. `records` are those of the document, newest first, holes allowed; a place
 * is left out when none that are left tell it: the value stands in the oldest of them too, or in none (an edit by hand that is not recorded yet).
 */
export function settersOf(data: JsonObject, records: readonly StoredRecord[]): ReadonlyMap<string, StoredRecord> {
  const setters = new Map<string, StoredRecord>()
  const look = (path: string, run: number): void => {
    const setter = records[run - 2]
    if (setter && path !== '' && (run <= records.length || setter.version === 1)) setters.set(path, setter)
  }
  visit([data, ...records.map(record => record.data)], '', look)
  return setters
}

/** Gives each place, and for how many of the values, counted from the first, it is the same. */
function visit(values: readonly (Json | undefined)[], path: string, look: (path: string, run: number) => void): number {
  const [now] = values
  let run = runOf(values, value => equalShallow(value, now))
  if (isObject(now)) {
    for (const key of Object.keys(now)) {
      const members = values.map(value => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined))
      run = Math.min(run, visit(members, path + pointerToken(key), look))
    }
  }
  look(path, run)
  return run
}

function runOf(values: readonly (Json | undefined)[], holds: (value: Json | undefined) => boolean): number {
  const end = values.findIndex(value => !holds(value))
  return end < 0 ? values.length : end
}

/** For objects: as many members; those are looked at one by one. */
function equalShallow(one: Json | undefined, other: Json | undefined): boolean {
  if (!isObject(one) || !isObject(other)) return equalJson(one, other)
  return Object.keys(one).length === Object.keys(other).length
}
