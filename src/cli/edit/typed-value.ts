import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { type Path, printKey } from '../terminal/key-path.ts'
import { typeOf, typesAt } from './schema-place.ts'

/**
 * The value that a person typed for a setting, by what its schema allows there: a text as it is, anything else as JSON with exact integers. Where both are
 * allowed, or nothing is known, it is JSON if it can be, else a text.
 * @throws SettingsError SETTINGS_INVALID for what is no JSON and may be no text.
 */
export function parseTyped(schema: JsonObject | undefined, path: Path, typed: string): Json {
  const types = schema ? typesAt(schema, path) : new Set<string>()
  const mayBeText = types.size === 0 || types.has('string')
  if (mayBeText && types.size === 1) return typed
  try {
    const value = parseUntrustedJson(typed)
    return mayBeText && types.size > 0 && !isOf(types, value) ? typed : value
  } catch (cause) {
    if (mayBeText) return typed
    const allowed = [...types].join(' or ')
    const why = toSettingsError(cause).message
    throw new SettingsError('SETTINGS_INVALID', `${printKey(path)} takes JSON of type ${allowed}, and ${JSON.stringify(typed)} is none. ${why}`, {
      cause,
      details: { got: typed, expected: [...types] },
    })
  }
}

function isOf(types: ReadonlySet<string>, value: Json): boolean {
  const type = typeOf(value)
  return types.has(type) || (type === 'integer' && types.has('number'))
}
