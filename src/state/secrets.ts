import type { JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'

/*
 * The one place through which `x-sensitive` values pass: `seal` on the way into the store, `redact` on the
 * way to readers without the permission to see them. Sealing is not implemented yet: both return the value
 * unchanged, so sensitive values are not protected.
 */

/** Overrides as they are stored. */
export function seal(overrides: JsonObject, _schema: SchemaDocument | undefined): JsonObject {
  return overrides
}

/** Settings as events, answers, errors and logs may show them. */
export function redact(settings: JsonObject, _schema: SchemaDocument | undefined): JsonObject {
  return settings
}
