import { SettingsError } from '../../model/errors.ts'
import { parseUntrustedJson } from '../../model/json.ts'
import { isArray, isObject, type Json, pointerToken } from '../../model/value.ts'

/** The name that JavaScript may take for an object's prototype: what is stored under it harms whoever copies it carelessly. */
const PROTOTYPE = '__proto__'

/**
 * JSON that somebody sent, as {@link parseUntrustedJson}, without what {@link refusePrototype} refuses.
 * @throws SettingsError JSON_MALFORMED.
 */
export function parseOutsideJson(text: string): Json {
  const value = parseUntrustedJson(text)
  refusePrototype(value)
  return value
}

/**
 * Nobody outside names a member `__proto__`, or a place in one by a JSON Patch; what stands under that name by an edit by hand is read exactly all the same.
 * @throws SettingsError JSON_MALFORMED.
 */
export function refusePrototype(value: Json, path = ''): void {
  if (isArray(value)) for (const [i, item] of value.entries()) refusePrototype(item, path + pointerToken(i))
  if (!isObject(value)) return
  for (const [key, member] of Object.entries(value)) {
    if (key === PROTOTYPE || (typeof value.op === 'string' && isPlace(key, member))) throw refused(path + pointerToken(key))
    refusePrototype(member, path + pointerToken(key))
  }
}

function isPlace(key: string, member: Json): boolean {
  return (key === 'path' || key === 'from') && typeof member === 'string' && member.split('/').includes(PROTOTYPE)
}

function refused(pointer: string): SettingsError {
  return new SettingsError('JSON_MALFORMED', `"${PROTOTYPE}" cannot name a member of what is sent here (at "${pointer.slice(0, 200)}").`, {
    details: { pointer: pointer.slice(0, 200) },
  })
}
