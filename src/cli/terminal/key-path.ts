import { SettingsError } from '../../../model/errors.ts'
import { isArray, isObject, isSealed, type Json, pointerToken } from '../../../model/value.ts'

/** The path of a setting: one key for each object. */
export type Path = readonly string[]

/**
 * Parses a typed path: a JSON Pointer, or keys separated by dots.
 * @throws SettingsError CONTENT_MALFORMED.
 */
export function parseKey(typed: string): Path {
  if (typed.startsWith('/')) {
    if (/~(?![01])/.test(typed))
      throw malformed(typed, 'in a JSON Pointer, write "~" as ~0 and "/" in a key as ~1')
    return pathOf(typed)
  }
  const path = typed.split('.')
  if (path.includes(''))
    throw malformed(
      typed,
      'use keys with dots, such as liveness.min_hellos, or a JSON Pointer, such as /liveness/min_hellos',
    )
  return path
}

/** The path of a JSON Pointer. */
export function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A path in its typed form: with dots if that is unambiguous, else as a JSON Pointer. */
export function printKey(path: Path): string {
  const isPlain = path.length > 0 && path.every(key => /^[^./=~\s]+$/.test(key))
  return isPlain ? path.join('.') : path.map(pointerToken).join('')
}

/** True for the same path and every path below it. */
export function isWithin(path: Path, whole: Path): boolean {
  return whole.every((key, i) => path[i] === key)
}

/** Compares two paths by their typed form. */
export function byKey(one: Path, other: Path): number {
  const [a, b] = [printKey(one), printKey(other)]
  return a < b ? -1 : a > b ? 1 : 0
}

/** The value at a path; undefined without one. */
export function valueAt(data: Json, path: Path): Json | undefined {
  let at: Json | undefined = data
  for (const key of path) {
    if (isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(key) ? at[Number(key)] : undefined
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

/** The paths of all values, objects included. */
export function pathsIn(data: Json, above: Path = []): readonly Path[] {
  if (!isObject(data)) return []
  return Object.entries(data).flatMap(([key, member]) => [
    [...above, key],
    ...pathsIn(member, [...above, key]),
  ])
}

function malformed(typed: string, what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${JSON.stringify(typed)} is not a valid KEY: ${what}.`, {
    details: { got: typed },
  })
}

/** The paths of all values except non-empty objects; a secret is one value. */
export function leavesIn(data: Json, above: Path = []): Path[] {
  if (!isObject(data) || isSealed(data) || Object.keys(data).length === 0) return [above]
  return Object.entries(data).flatMap(([key, member]) => leavesIn(member, [...above, key]))
}
