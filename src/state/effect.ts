import type { ValueChange } from '../../events/changes.ts'
import { differences } from '../../events/differences.ts'
import type { JsonObject } from '../../model/value.ts'
import { modeReader } from '../schema/apply-modes.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'

/** Effective settings before and after, and their differences; secrets are in the shown form. */
export interface Effect {
  readonly data: JsonObject
  readonly previous: JsonObject
  readonly changes: readonly ValueChange[]
}

/** Describes a change of effective settings under a schema. */
export function describeEffect(
  schema: SchemaDocument | undefined,
  previous: JsonObject,
  data: JsonObject,
): Effect {
  const modeAt = modeReader(schema?.modes ?? {})
  const changes = differences(previous, data).map(change => ({
    ...change,
    apply: modeAt(change.path),
  }))
  return { data, previous, changes }
}
