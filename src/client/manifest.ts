import { isAbsolute, normalize } from 'node:path'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseUntrustedJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { Manifest } from './napp.ts'

/** The id of the NApp that provides the settings of all other NApps. */
export const SETTINGS_NAPP = 'kytos/settings'
/** The file that makes a folder a NApp of this host. */
export const MANIFEST = 'napp.json'
const DEFAULT_PRIORITY = 100

const PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const PART_RULE = '1 to 64 letters, digits, ".", "_" or "-", the first one a letter or digit'

/** True for a text that is a NApp id, `username/name`. */
export function isNAppId(text: string): boolean {
  return ID.test(text)
}

/** The NApp id that a manifest declares. */
export function nappId(manifest: Manifest): string {
  return `${manifest.username}/${manifest.name}`
}

/**
 * Parses the text of a `napp.json`; keys that the host does not use (Kytos' `license`, `tags`, ...) are
 * ignored.
 * @throws SettingsError NAPP_INVALID that names `file` and all of its problems.
 */
export function parseManifest(text: string, file: string): Manifest {
  const json = parseObject(text, file)
  const problems: string[] = []
  const check = (key: string, rule: string, test: (value: Json) => boolean, required = false): void => {
    const value = Object.hasOwn(json, key) ? json[key] : undefined
    if (value === undefined) {
      if (required) problems.push(`"${key}" is missing: ${rule}`)
    } else if (!test(value)) problems.push(`"${key}" must be ${rule}`)
  }
  check('username', PART_RULE, value => typeof value === 'string' && PART.test(value), true)
  check('name', PART_RULE, value => typeof value === 'string' && PART.test(value), true)
  check(
    'main',
    'a file in its folder whose default export creates the NApp, such as "main.js"',
    isInnerFile,
    true,
  )
  check('settings', 'a JSON Schema file in its folder', isInnerFile)
  check('version', 'a string', isText)
  check('description', 'a string', isText)
  check('napp_dependencies', 'an array of NApp ids "username/name"', isIds)
  check('priority', `an integer of 1 or more (0 is reserved for ${SETTINGS_NAPP})`, value =>
    isPriority(value, json),
  )
  if (problems.length > 0) throw invalid(file, problems.join('; '))
  // Each member was checked above against its declared type; the copy drops the members that are not used.
  return pick(json, [
    'username',
    'name',
    'main',
    'settings',
    'version',
    'description',
    'napp_dependencies',
    'priority',
  ]) as unknown as Manifest
}

/**
 * Parses a text that must be a JSON object.
 * @throws SettingsError NAPP_INVALID that names `file`.
 */
export function parseObject(text: string, file: string): JsonObject {
  const json = parseText(text, file)
  if (!isObject(json)) throw invalid(file, 'it must be a JSON object, {...}')
  return json
}

function parseText(text: string, file: string): Json {
  try {
    return parseUntrustedJson(text)
  } catch (cause) {
    throw invalid(file, toSettingsError(cause).message, cause)
  }
}

function invalid(file: string, what: string, cause?: unknown): SettingsError {
  return new SettingsError('NAPP_INVALID', `${file} is invalid: ${what.replace(/\.$/, '')}.`, {
    cause,
    details: { file },
  })
}

function pick(json: JsonObject, keys: readonly string[]): JsonObject {
  const present = keys.flatMap(key => (Object.hasOwn(json, key) ? [[key, json[key] ?? null] as const] : []))
  return { priority: DEFAULT_PRIORITY, ...Object.fromEntries(present) }
}

function isText(value: Json): boolean {
  return typeof value === 'string'
}

function isIds(value: Json): boolean {
  return isArray(value) && value.every(item => typeof item === 'string' && ID.test(item))
}

function isInnerFile(value: Json): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !value.includes('\0') &&
    !isAbsolute(value) &&
    !/^\.\.?(?:\/|$)/.test(normalize(value))
  )
}

function isPriority(value: Json, json: JsonObject): boolean {
  const lowest = `${json.username}/${json.name}` === SETTINGS_NAPP ? 0 : 1
  return typeof value === 'number' && Number.isInteger(value) && value >= lowest
}
