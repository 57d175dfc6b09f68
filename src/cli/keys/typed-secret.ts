import { SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import { isSealed, type Json, type JsonObject } from '../../../model/value.ts'
import {
  joinPlaces,
  mapSecretsAt,
  type PlaceSchemas,
  sensitivePlaces,
} from '../../secrets/sensitive-places.ts'
import { type Path, printKey } from '../terminal/key-path.ts'

/** A value among the words of a command. */
interface TypedValue {
  readonly path: Path
  readonly typed: string
  readonly appends: boolean
  readonly isHidden?: boolean
}

/**
 * Refuses a secret among the words of a command, because other users of the host can list these words. A tag
 * is no secret.
 * @throws SettingsError CONTENT_MALFORMED.
 */
export function refuseTypedSecret(
  schema: JsonObject | undefined,
  { path, typed, appends, isHidden = false }: TypedValue,
): void {
  const found = isHidden ? undefined : placeAt(schema, path)
  if (!found) return
  const value = parse(typed)
  const place = appends ? found.item : found
  let isSecret = place.isSensitive && !isSealed(value)
  mapSecretsAt(value, '', place, (one, _, isSensitive) => {
    if (isSensitive && !isSealed(one)) isSecret = true
    return undefined
  })
  if (!isSecret) return
  const key = printKey(path)
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${key} is a secret, and other users of this host can see the words of a command. Use ${key} alone, which asks for it on a terminal, ${key}=@FILE, or ${key}=@- for standard input. Change the secret if it was used elsewhere.`,
    { details: { pointer: key } },
  )
}

/** True for a setting that is a secret as a whole. */
export function isSecretAt(schema: JsonObject | undefined, path: Path): boolean {
  return placeAt(schema, path)?.isSensitive === true
}

function placeAt(schema: JsonObject | undefined, path: Path): PlaceSchemas | undefined {
  let place = schema && placesIn(schema)
  for (const key of path) {
    if (!place || place.isSensitive) break
    place = /^\d+$/.test(key) ? joinPlaces([place.item, place.member(key)]) : place.member(key)
  }
  return place
}

function placesIn(schema: JsonObject): PlaceSchemas | undefined {
  try {
    return sensitivePlaces(schema)
  } catch {
    return undefined // The service reports such a schema.
  }
}

function parse(typed: string): Json {
  try {
    return parseUntrustedJson(typed)
  } catch {
    return typed
  }
}
