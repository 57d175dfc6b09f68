import { SettingsError } from './errors.ts'
import { isArray, type Json, pointerTo } from './value.ts'

/**
 * The deepest nesting of settings, schemas and boxes; low enough that the records, facts and frames around
 * them stay within {@link MAX_DEPTH}.
 */
export const DATA_DEPTH = 100

/**
 * The most characters of the JSON Pointers of all members of a document. Changes and explanations have one for
 * each value, and below a long name a short document has very long ones.
 */
export const POINTER_CHARACTERS = 2 * 1024 * 1024

/**
 * Rejects a value before costly work: one that nests deeper than {@link DATA_DEPTH} (JSON_MALFORMED), or
 * whose text would certainly be longer than `most` bytes (DOCUMENT_TOO_LARGE). A short patch can make such a
 * value with repeated copies. With a limit of bytes, {@link POINTER_CHARACTERS} is a limit too. Returns the
 * number of values in it, which is the work that this takes.
 */
export function refuseExcess(value: Json, what: string, most: number): number {
  let weight = 0
  let values = 0
  let pointers = 0
  const hasLimit = Number.isFinite(most)
  const weigh = (one: Json, path: number, levels: number): void => {
    values++
    // A lower estimate, because the characters between the members are not counted.
    weight += typeof one === 'string' ? one.length + 2 : 1
    if (weight > most) throw tooLong(what, most)
    if (typeof one !== 'object' || one === null) return
    if (levels >= DATA_DEPTH) throw tooDeep(what, value)
    if (isArray(one)) {
      for (let i = 0; i < one.length; i++) weigh(one[i] as Json, path, levels + 1)
      return
    }
    for (const key of Object.keys(one)) {
      weight += key.length
      const length = path + 1 + key.length
      // Items count with the pointer of their array.
      pointers += length
      if (hasLimit && pointers > POINTER_CHARACTERS) throw tooLongPointers(what)
      weigh(one[key] as Json, length, levels + 1)
    }
  }
  weigh(value, 0, 0)
  return values
}

function tooLong(what: string, most: number): SettingsError {
  return new SettingsError('DOCUMENT_TOO_LARGE', `${what} would have more than the allowed ${most} bytes.`, {
    details: { limit: most },
  })
}

function tooDeep(what: string, value: Json): SettingsError {
  const place = pointerTo(deepestPath(value, DATA_DEPTH) ?? []).slice(0, 200)
  return new SettingsError(
    'JSON_MALFORMED',
    `${what} nests deeper than ${DATA_DEPTH} levels at "${place}".`,
    { details: { limit: DATA_DEPTH } },
  )
}

/** The path to the first container at a depth below a value; undefined without one. */
function deepestPath(value: Json, levels: number): (string | number)[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (levels === 0) return []
  const members: Iterable<readonly [string | number, Json]> = isArray(value)
    ? value.entries()
    : Object.entries(value)
  for (const [key, member] of members) {
    const path = deepestPath(member, levels - 1)
    if (path) return [key, ...path]
  }
  return undefined
}

function tooLongPointers(what: string): SettingsError {
  return new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The JSON Pointers of all members of ${what} would have more than the allowed ${POINTER_CHARACTERS} characters. Use shorter names, or fewer levels above many members.`,
    { details: { limit: POINTER_CHARACTERS } },
  )
}

/** True when arrays and objects of a value nest at most this deep. */
export function nestsWithin(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every(member => nestsWithin(member, levels - 1))
}
