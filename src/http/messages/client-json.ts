import { SettingsError } from '../../../model/errors.ts'
import { FORBIDDEN_NAME } from '../../../model/forbidden-name.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, pointerTo } from '../../../model/value.ts'

/**
 * Parses JSON of a client with {@link parseUntrustedJson}, and rejects it as {@link rejectPrototype} does.
 * @throws SettingsError JSON_MALFORMED.
 */
export function parseClientJson(text: string): Json {
  const value = parseUntrustedJson(text, true)
  rejectPrototype(value)
  return value
}

/**
 * Rejects a member `__proto__`, or a JSON Patch into one, in JSON of a client. A member of that name from a
 * hand edit is still read exactly.
 * @throws SettingsError JSON_MALFORMED.
 */
export function rejectPrototype(value: Json): void {
  rejectPrototypeBelow(value, [])
}

/** `path` is the path of the value, for the error. */
function rejectPrototypeBelow(value: Json, path: (string | number)[]): void {
  const visitMember = (key: string | number, member: Json): void => {
    if (typeof member !== 'object' || member === null) return
    path.push(key)
    rejectPrototypeBelow(member, path)
    path.pop()
  }
  if (isArray(value)) for (let i = 0; i < value.length; i++) visitMember(i, value[i] as Json)
  if (!isObject(value)) return
  const isOperation = typeof value.op === 'string'
  for (const key of Object.keys(value)) {
    const member = value[key] as Json
    if (key === FORBIDDEN_NAME || (isOperation && isPointerToPrototype(key, member)))
      throw prototypeError(pointerTo([...path, key]))
    visitMember(key, member)
  }
}

function isPointerToPrototype(key: string, member: Json): boolean {
  return (
    (key === 'path' || key === 'from') &&
    typeof member === 'string' &&
    member.split('/').includes(FORBIDDEN_NAME)
  )
}

function prototypeError(pointer: string): SettingsError {
  return new SettingsError(
    'JSON_MALFORMED',
    `The member name "${FORBIDDEN_NAME}" is not allowed (at "${pointer.slice(0, 200)}"): use another name.`,
    {
      details: { pointer: pointer.slice(0, 200) },
    },
  )
}
