import { resolve } from 'node:path'
import { isSettingsError } from '../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { defaultsOf } from '../schema/defaults.ts'
import { compileSchema } from '../schema/validator.ts'
import { unknownKey } from './config-check.ts'
import { configSections } from './config-schema.ts'
import { allowed, BOOLEAN } from './config-values.ts'
import type { IniOption } from './ini.ts'
import { type ConfigProblem, configInvalid } from './problems.ts'

type Options = ReadonlyMap<string, IniOption>

/** The source of the options of a backend. */
export interface OptionSource {
  /** The configuration file, for messages. */
  readonly file: string
  /** The base folder of relative paths. */
  readonly folder: string
  /** All `settings.*` sections not known to this package; only that of the backend is allowed. */
  readonly sections: ReadonlyMap<string, Options>
}

/**
 * The options in `[settings.<name>]`, parsed and validated by the schema of the backend, defaults filled in.
 * A string property takes the text unchanged and a boolean property the values of kytos.ini; any other
 * property is JSON.
 * @throws SettingsError CONFIG_INVALID with all problems, SCHEMA_MALFORMED for an invalid schema.
 */
export function readBackendOptions(
  name: string,
  schema: JsonObject,
  { file, folder, sections }: OptionSource,
): JsonObject {
  const validate = compileSchema(schema)
  const own = `settings.${name}`
  const problems: ConfigProblem[] = [...sections.keys()]
    .filter(section => section !== own)
    .map(section => unknownSection(section, own))
  const properties = isObject(schema.properties) ? schema.properties : {}
  const options = sections.get(own) ?? new Map<string, IniOption>()
  const set: JsonObject = {}
  for (const [key, option] of options) {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined) {
      // An inherited option is not a mistake, because [DEFAULT] applies to every section.
      if (!option.inherited)
        problems.push({ line: option.line, message: unknownKey(own, key, Object.keys(properties)) })
      continue
    }
    // An empty optional key counts as absent, as for the keys of this package.
    if (option.value === '') {
      const preset = isObject(property) ? property.default : undefined
      if (preset !== undefined) problems.push({ line: option.line, message: emptyOption(own, key, preset) })
      continue
    }
    const read = readValue(option.value, property, folder)
    if ('wrong' in read) problems.push({ line: option.line, message: `[${own}] ${key} ${read.wrong}.` })
    else setMember(set, key, read.value)
  }
  const values = { ...defaultsOf(schema), ...set }
  if (problems.length === 0) problems.push(...schemaProblems(own, validate(values), properties, options))
  if (problems.length > 0) throw configInvalid(file, problems)
  return values
}

/** The printable options: all but those that the schema marks as sensitive. */
export function publicOptions(options: JsonObject, schema: JsonObject): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {}
  return Object.fromEntries(Object.entries(options).filter(([key]) => !isSensitive(properties[key])))
}

function emptyOption(section: string, key: string, preset: Json): string {
  return (
    `[${section}] ${key} is empty: set a value, or remove the line for its default, ` +
    `${printJson(preset)}.`
  )
}

function unknownSection(section: string, own: string): ConfigProblem {
  const names = [
    ...configSections()
      .map(([name]) => name)
      .filter(name => name.startsWith('settings')),
    own,
  ]
  return { message: `Unknown section [${section}]: ${allowed(section, names)}.` }
}

function readValue(
  text: string,
  property: Json,
  folder: string,
): { readonly value: Json } | { readonly wrong: string } {
  const { type, format, enum: choices } = isObject(property) ? property : {}
  const isText =
    type === 'string' ||
    (type === undefined && isArray(choices) && choices.every(one => typeof one === 'string'))
  if (isText) return { value: format === 'path' ? resolve(folder, text) : text }
  if (type === 'boolean') return BOOLEAN.read(text)
  try {
    return { value: parseUntrustedJson(text) }
  } catch (error) {
    if (!isSettingsError(error)) throw error
    const example = type === 'integer' || type === 'number' ? 'a number' : 'JSON, such as 5, true or ["a"]'
    // The text is not repeated, because it may be a secret.
    return { wrong: `is not ${example}` }
  }
}

function schemaProblems(
  section: string,
  broken: ReturnType<ReturnType<typeof compileSchema>>,
  properties: JsonObject,
  options: Options,
): ConfigProblem[] {
  return broken.map(({ pointer, rule, message }) => {
    const key = pointer.split('/')[1] ?? ''
    const line = options.get(key)?.line
    const what = isSensitive(properties[key])
      ? `"${pointer}" does not keep the rule "${rule}" of its schema.`
      : message
    return { ...(line === undefined ? {} : { line }), message: `[${section}] ${what}` }
  })
}

function isSensitive(property: Json | undefined): boolean {
  return isObject(property) && property['x-sensitive'] === true
}
