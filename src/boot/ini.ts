import { parse } from 'ini'
import { interpolate } from './ini-interpolation.ts'
import { DEFAULT_SECTION, type RawIni, readLines } from './ini-lines.ts'
import { type ConfigProblem, configInvalid, quote } from './problems.ts'

/*
 * Reads kytos.ini exactly like Kytos, which uses Python's ConfigParser(): strict, BasicInterpolation, values
 * over several lines, no inline comments.
 *
 *   text -> pre-pass (ini-lines.ts) -> escaped text -> `ini` -> names and values -> interpolation
 *
 * Invariant: `ini` returns every name and value of the pre-pass unchanged, whatever its characters;
 * test/integration/ini-python.test.ts compares the whole with python3.
 */

/** One option: its value after interpolation, the line of its key, and whether it is from `[DEFAULT]`. */
export interface IniOption {
  readonly value: string
  readonly line: number
  readonly inherited: boolean
}

/**
 * The options by lower-case name, by section; `[DEFAULT]` is merged into every section and not one itself.
 */
export type IniSections = ReadonlyMap<string, ReadonlyMap<string, IniOption>>

/**
 * A problem in an ini text. With a section and key, only that value is invalid (its `%`), and Python rejects
 * it when a program reads it.
 */
export interface IniProblem extends ConfigProblem {
  readonly section?: string
  readonly key?: string
  readonly inherited?: boolean
}

export interface Ini {
  readonly sections: IniSections
  /** The line of each section's first header. */
  readonly headers: ReadonlyMap<string, number>
  readonly problems: readonly IniProblem[]
}

/**
 * Parses an ini text without problems.
 * @throws SettingsError CONFIG_INVALID with `source:line` of every error of Python, in any section.
 */
export function parseIni(text: string, source: string): IniSections {
  const { sections, problems } = readIni(text)
  if (problems.length > 0) throw configInvalid(source, problems)
  return sections
}

/** Reads an ini text with problems: invalid options are omitted from `sections` and listed in `problems`. */
export function readIni(text: string): Ini {
  if (!text.isWellFormed())
    return {
      sections: new Map(),
      headers: new Map(),
      problems: [{ message: 'the text is not valid Unicode. Save the file as UTF-8.' }],
    }
  const raw = readLines(text)
  const problems: IniProblem[] = [...raw.problems]
  const values = parseWithIniPackage(raw)
  const defaults = values.get(DEFAULT_SECTION) ?? new Map<string, string>()
  const sections = new Map<string, ReadonlyMap<string, IniOption>>()
  for (const [section, own] of values) {
    if (section === DEFAULT_SECTION) continue
    const options = new Map<string, IniOption>()
    const lookup = (name: string): string | undefined => own.get(name) ?? defaults.get(name)
    for (const key of new Set([...own.keys(), ...defaults.keys()])) {
      const inherited = !own.has(key)
      const line = raw.sections.get(inherited ? DEFAULT_SECTION : section)?.get(key)?.line ?? 0
      const expanded = interpolate(lookup(key) ?? '', lookup)
      if ('value' in expanded) options.set(key, { value: expanded.value, line, inherited })
      else
        problems.push({
          line,
          section,
          key,
          inherited,
          message: `[${section}] ${quote(key)}: ${expanded.wrong}`,
        })
    }
    sections.set(section, options)
  }
  return { sections, headers: raw.headers, problems }
}

/**
 * Parses the folded lines with the `ini` package; names and values are escaped before and unescaped after.
 */
function parseWithIniPackage({ sections }: RawIni): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const lines: string[] = []
  for (const [section, options] of sections) {
    lines.push(`[${escapeName(section)}]`)
    for (const [key, { value }] of options) lines.push(`${escapeName(key)}=${escapeValue(value)}`)
  }
  const parsed: Record<string, Record<string, string>> = parse(lines.join('\n'))
  return new Map(
    Object.entries(parsed).map(([section, options]) => [
      unescapeName(section),
      new Map(Object.entries(options).map(([key, value]) => [unescapeName(key), value.slice(1)])),
    ]),
  )
}

/**
 * Percent-encodes a name, because `ini` interprets some characters. The prefix ":" keeps `__proto__` from
 * being dropped and `10` from moving to the front.
 */
function escapeName(name: string): string {
  return `:${encodeURIComponent(name).replaceAll('.', '%2E')}`
}

function unescapeName(name: string): string {
  return decodeURIComponent(name.slice(1))
}

/**
 * Writes a value as a JSON string, which `ini` accepts unchanged. The prefix "=" keeps `true` and `null`
 * text; U+2028 and U+2029 are escaped, because the line pattern of `ini` stops at them.
 */
function escapeValue(value: string): string {
  return JSON.stringify(`=${value}`).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}
