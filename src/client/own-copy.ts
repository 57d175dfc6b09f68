import { type JsonObject, toJson } from '../../model/value.ts'

/** A deep copy of the answer, because its data may be the service's own object; `take` freezes it. */
export function ownCopy(data: JsonObject): JsonObject {
  // A copy of an object is an object.
  return toJson(data) as JsonObject
}
