import type { JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'

/*
 * The one place through which `x-sensitive` values pass (DESIGN section 9): `seal` on the way into the store,
 * `redact` on the way to anybody who may not see them. Sealing is not built yet: both hand the value on as it
 * is, so nothing sensitive is protected so far.
 */

/** Overrides as they are stored. */
export function seal(overrides: JsonObject, _schema: SchemaDocument | undefined): JsonObject {
  return overrides
}

/** Settings as events, answers, errors and logs may show them. */
export function redact(settings: JsonObject, _schema: SchemaDocument | undefined): JsonObject {
  return settings
}
