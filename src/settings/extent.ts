import { SettingsError } from '../../model/errors.ts'
import { type Json, pointerToken } from '../../model/value.ts'

/** How many levels settings, schemas and boxes may nest: so few that the records, facts and frames around them stay within what a JSON text may nest. */
export const DATA_DEPTH = 100

/**
 * Refuses a value before anything costly is done with it: one that nests deeper than {@link DATA_DEPTH} (JSON_MALFORMED), or whose text would surely be longer
 * than `most` bytes (DOCUMENT_TOO_LARGE). A patch that copies what it copied makes such values from a short text.
 */
export function refuseExcess(value: Json, what: string, most: number): void {
  let weight = 0
  const weigh = (one: Json, path: string, depth: number): void => {
    // Less than its text by what stands between the members.
    weight += typeof one === 'string' ? one.length + 2 : 1
    if (weight > most)
      throw new SettingsError('DOCUMENT_TOO_LARGE', `${what} would have more than ${most} bytes, which is the limit.`, { details: { limit: most } })
    if (typeof one !== 'object' || one === null) return
    if (depth >= DATA_DEPTH) {
      throw new SettingsError('JSON_MALFORMED', `${what} nests deeper than ${DATA_DEPTH} levels at "${path.slice(0, 200)}".`, {
        details: { limit: DATA_DEPTH },
      })
    }
    for (const [key, member] of Object.entries(one)) {
      weight += Array.isArray(one) ? 0 : key.length
      weigh(member, path + pointerToken(key), depth + 1)
    }
  }
  weigh(value, '', 0)
}

/** True when a value holds no more than so many arrays and objects inside each other. */
export function nestsWithin(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every(member => nestsWithin(member, levels - 1))
}
