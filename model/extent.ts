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
  // The keys that lead to the value being measured; only printed when it is rejected.
  const place: (string | number)[] = []
  const weigh = (one: Json, path: number): void => {
    values++
    // A lower estimate, because the characters between the members are not counted.
    weight += typeof one === 'string' ? one.length + 2 : 1
    if (weight > most)
      throw new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `${what} would have more than the allowed ${most} bytes.`,
        { details: { limit: most } },
      )
    if (typeof one !== 'object' || one === null) return
    if (place.length >= DATA_DEPTH) {
      throw new SettingsError(
        'JSON_MALFORMED',
        `${what} nests deeper than ${DATA_DEPTH} levels at "${pointerTo(place).slice(0, 200)}".`,
        {
          details: { limit: DATA_DEPTH },
        },
      )
    }
    const member = (key: string | number, inner: Json, length: number): void => {
      place.push(key)
      weigh(inner, length)
      place.pop()
    }
    if (isArray(one)) for (let i = 0; i < one.length; i++) member(i, one[i] as Json, path)
    else
      for (const [key, inner] of Object.entries(one)) {
        weight += key.length
        const length = path + 1 + key.length
        // Items count with the pointer of their array.
        pointers += length
        if (pointers > POINTER_CHARACTERS && Number.isFinite(most)) throw tooLongPointers(what)
        member(key, inner, length)
      }
  }
  weigh(value, 0)
  return values
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
