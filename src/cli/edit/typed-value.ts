import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { type Path, printKey } from '../terminal/key-path.ts'
import { typeOf, typesAt } from './schema-place.ts'

/**
 * The value typed for a setting, read by its schema: a string literally, any other type as JSON with exact
 * integers. Where the schema allows both, or is absent, it is JSON if it parses, else a string.
 * @throws SettingsError SETTINGS_INVALID for text that is not JSON where the schema allows no string.
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
    throw new SettingsError(
      'SETTINGS_INVALID',
      `${printKey(path)} must be JSON of type ${allowed}, not ${JSON.stringify(typed)}. ${why}`,
      {
        cause,
        details: { got: typed, expected: [...types] },
      },
    )
  }
}

function isOf(types: ReadonlySet<string>, value: Json): boolean {
  const type = typeOf(value)
  return types.has(type) || (type === 'integer' && types.has('number'))
}
