import { SettingsError } from '../../../model/errors.ts'
import { isArray, isObject, type Json, pointerToken } from '../../../model/value.ts'

/** The way to a setting: the key in each object. */
export type Path = readonly string[]

/** The way that a person typed: a JSON Pointer, else keys separated by dots. @throws SettingsError CONTENT_MALFORMED for neither. */
export function parseKey(typed: string): Path {
  if (typed.startsWith('/')) {
    if (/~(?![01])/.test(typed)) throw malformed(typed, 'in a JSON Pointer "~" is written ~0 and "/" in a key ~1')
    return pathOf(typed)
  }
  const path = typed.split('.')
  if (path.includes(''))
    throw malformed(typed, 'it is the way to a setting such as liveness.min_hellos, or a JSON Pointer such as /liveness/min_hellos')
  return path
}

/** The way that a JSON Pointer tells. */
export function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A way as a person types it: with dots where it can be told so, else as a JSON Pointer. */
export function printKey(path: Path): string {
  const isPlain = path.length > 0 && path.every(key => /^[^./=~\s]+$/.test(key))
  return isPlain ? path.join('.') : path.map(pointerToken).join('')
}

/** The order in which keys are shown: of their names. */
export function byKey(one: Path, other: Path): number {
  const [a, b] = [printKey(one), printKey(other)]
  return a < b ? -1 : a > b ? 1 : 0
}

/** What stands there; undefined when nothing does. */
export function valueAt(data: Json, path: Path): Json | undefined {
  let at: Json | undefined = data
  for (const key of path) {
    if (isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(key) ? at[Number(key)] : undefined
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

/** Every way to a value that is there, those to objects too. */
export function pathsIn(data: Json, above: Path = []): readonly Path[] {
  if (!isObject(data)) return []
  return Object.entries(data).flatMap(([key, member]) => [[...above, key], ...pathsIn(member, [...above, key])])
}

function malformed(typed: string, what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${JSON.stringify(typed)} is no KEY: ${what}.`, { details: { got: typed } })
}

/** The ways to what is set: everything but a non-empty object. */
export function leavesIn(data: Json, above: Path = []): Path[] {
  if (!isObject(data) || Object.keys(data).length === 0) return [above]
  return Object.entries(data).flatMap(([key, member]) => leavesIn(member, [...above, key]))
}
