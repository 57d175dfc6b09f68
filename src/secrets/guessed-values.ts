import { printCanonical } from '../../model/canonical.ts'
import { isSealed, type JsonObject } from '../../model/value.ts'
import { mapSecrets, type PlaceSchemas } from './sensitive-places.ts'

/** Settings of a namespace that a caller sends. */
export interface SentSettings {
  readonly namespace: string
  readonly data: JsonObject
  readonly places: PlaceSchemas
}

/**
 * The guesses in what a caller sends: the most values of one place, because the tags of one place can be
 * compared, and equal values have one tag.
 */
export function guessesIn(sent: readonly SentSettings[]): number {
  const values = new Map<string, Set<string>>()
  let most = 0
  for (const { namespace, data, places } of sent)
    mapSecrets(data, places, (value, place, isSensitive) => {
      if (!isSensitive || isSealed(value)) return undefined
      const at = `${namespace} ${place}`
      const known = values.get(at) ?? new Set()
      values.set(at, known.add(printCanonical(value)))
      most = Math.max(most, known.size)
      return undefined
    })
  return most
}
