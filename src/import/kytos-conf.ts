import { isSettingsError } from '../../model/errors.ts'
import { FORBIDDEN_REASON, hasForbiddenName } from '../../model/forbidden-name.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isSealed, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { readIni } from '../boot/ini.ts'
import { CORE_OPTIONS, coreSchema } from './core-options.ts'
import { isSensitive } from './python/sensitive.ts'
import { showBriefly } from './report.ts'
import type { ReadProblem, ReadSetting, ReadSettings } from './settings-py.ts'

/** Whose settings a kytos.conf holds. */
export const CORE_NAMESPACE = 'kytos/core'
const SECTION = 'daemon'

/**
 * Reads `[daemon]` of a kytos.conf as Kytos does, each option with the type that Kytos makes of it. Never
 * throws; what cannot be read is in `problems`.
 */
export function readKytosConf(text: string): ReadSettings {
  const { sections, headers, problems: found } = readIni(text)
  const problems: ReadProblem[] = found
    .filter(({ section }) => section === undefined || section === SECTION)
    .map(({ line, key, message }) => ({
      message,
      ...(line === undefined ? {} : { line }),
      ...(key === undefined ? {} : { name: key }),
    }))
  for (const [section, line] of headers) {
    if (
      section !== SECTION &&
      section !== 'DEFAULT' &&
      section !== 'settings' &&
      !section.startsWith('settings.')
    )
      problems.push({ line, message: `the section [${section}] is skipped, because Kytos does not read it` })
  }
  const options = sections.get(SECTION)
  if (!options)
    return { settings: [], problems: [...problems, { message: `it has no section [${SECTION}]` }] }
  const settings: ReadSetting[] = []
  const more: JsonObject = {}
  for (const [name, { value: raw, line, inherited }] of options) {
    const known = Object.hasOwn(CORE_OPTIONS, name) ? CORE_OPTIONS[name] : undefined
    // What others refer to stands in [DEFAULT]; it was expanded where it is used.
    if (inherited && !known) continue
    const read = known ? readOption(known.kind, raw) : { value: raw }
    if ('wrong' in read) {
      problems.push({ line, name, message: read.wrong })
      continue
    }
    if (!known) {
      setMember(more, name, {
        type: 'string',
        $comment: 'Kytos does not document it.',
        ...(isSensitive(name, read.value) && { 'x-sensitive': true }),
      })
    }
    settings.push({ name, value: read.value, line })
  }
  return {
    settings,
    schema: coreSchema(more),
    problems: problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  }
}

/** A kytos.conf that Kytos reads to the same options; `left` names those that no such file can hold. */
export function renderKytosConf(settings: JsonObject): {
  readonly text: string
  readonly left: readonly ReadProblem[]
} {
  const left: ReadProblem[] = []
  const lines: string[] = []
  for (const [name, value] of Object.entries(settings)) {
    const line =
      value === null
        ? undefined
        : `${name} = ${writeOption(name, value).replaceAll('%', '%%').replaceAll('\n', '\n    ')}`
    if (isSealed(value))
      left.push({
        name,
        message:
          'the value is a secret and left out; export with --token-file and a token that has the right "secrets"',
      })
    else if (line === undefined)
      left.push({ name, message: 'the value is null; the option is omitted, and Kytos uses its default' })
    else if (readsBack(name, line, value)) lines.push(line)
    else
      left.push({
        name,
        message: 'kytos.conf cannot represent this name or value; Kytos would read a different one',
      })
  }
  return {
    text: `# Generated from the settings of ${CORE_NAMESPACE}. Change them there.\n[${SECTION}]\n${lines.map(line => `${line}\n`).join('')}`,
    left,
  }
}

function readOption(kind: string, raw: string): { readonly value: Json } | { readonly wrong: string } {
  switch (kind) {
    case 'integer':
      // A sign and spaces are allowed by int(), which Kytos reads it with.
      return /^[+-]?\d{1,15}$/.test(raw.trim())
        ? { value: Number(raw.trim()) }
        : { wrong: `${quoted(raw)} is not an integer; Kytos does not start with it` }
    case 'boolean':
      if (raw === 'True' || raw === 'False') return { value: raw === 'True' }
      return {
        wrong: `${quoted(raw)} is neither True nor False; Kytos reads it as False. Write True or False`,
      }
    case 'json':
      try {
        const value = parseJson(raw)
        return hasForbiddenName(value) ? { wrong: FORBIDDEN_REASON } : { value }
      } catch (error) {
        if (isSettingsError(error))
          return { wrong: `the value is not JSON; Kytos does not start with it: ${error.message}` }
        throw error
      }
    default:
      return { value: raw }
  }
}

/** A text that was meant otherwise, and why it may be what it is. */
function quoted(raw: string): string {
  return `${showBriefly(raw)}${/\s[;#]/.test(raw) ? ' (write a comment on its own line)' : ''}`
}

function writeOption(name: string, value: Json): string {
  const kind = Object.hasOwn(CORE_OPTIONS, name) ? CORE_OPTIONS[name]?.kind : undefined
  if (kind !== 'json' && typeof value === 'string') return value
  if (kind !== 'json' && typeof value === 'boolean') return value ? 'True' : 'False'
  return printJson(value)
}

/** Our reader is held against Python's by a test. */
function readsBack(name: string, line: string, value: Json): boolean {
  const { sections, problems } = readIni(`[${SECTION}]\n${line}\n`)
  const options = sections.get(SECTION)
  return problems.length === 0 && options?.size === 1 && options.get(name)?.value === writeOption(name, value)
}
