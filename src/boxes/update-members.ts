import { SettingsError } from '../../model/errors.ts'
import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'

/** Python's `dict.update`. */
export function updateMembers(box: Json, data: Json): JsonObject {
  if (!isObject(box) || !isObject(data)) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      'PATCH requires a box that contains a JSON object, and an object as "data". Use PUT to replace other values.',
    )
  }
  const result: JsonObject = {}
  for (const source of [box, data])
    for (const key of Object.keys(source)) setMember(result, key, source[key] as Json)
  return result
}
