import type { Json, JsonObject } from '../../model/value.ts'
import { setMember } from '../../model/value.ts'
import { type Comments, cleanDocstring, findComments } from './python/comments.ts'
import { Converter, type Data } from './python/data.ts'
import { readModule } from './python/module.ts'
import { findLines } from './python/syntax/lines.ts'
import type { SyntaxNode } from './python/syntax/node.ts'
import { parsePython } from './python/syntax/parser.ts'
import { decodeSource } from './python/syntax/source-text.ts'
import { InvalidPython } from './python/syntax/tokens.ts'
import { readToken, resolveEscapes } from './python/values/text.ts'
import { NotData, NotPython } from './python/values/value.ts'

/** Something that was not read: where, which setting it would be (where it is one), and why. */
export interface ReadProblem {
  readonly line?: number
  readonly name?: string
  readonly message: string
}

/** One setting of a file. */
export interface ReadSetting {
  readonly name: string
  readonly value: Json
  readonly line: number
  readonly description?: string
}

/**
 * What a file says. With a `schema`, it is the one that the file's values imply; values of secrets are no
 * defaults of it.
 */
export interface ReadSettings {
  readonly settings: readonly ReadSetting[]
  readonly schema?: JsonObject
  readonly problems: readonly ReadProblem[]
}

export interface PythonOptions {
  /** Variables that `os.environ` has; none when absent, so that the file's own defaults count. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What the settings of one namespace may take; no settings.py is nearly as large. */
const MOST_BYTES = 256 * 1024

/**
 * Reads a settings.py by parsing it: Python is neither executed nor needed. Never throws; what cannot be read
 * is in `problems`, and the rest is there.
 */
export function readSettingsPy(bytes: Uint8Array, options: PythonOptions = {}): ReadSettings {
  if (bytes.length > MOST_BYTES)
    return refused(`the file has ${bytes.length} bytes; ${MOST_BYTES} are allowed`)
  const decoded = decodeSource(bytes)
  if ('reason' in decoded) return refused(decoded.reason)
  const { text } = decoded
  const zero = text.indexOf('\0')
  if (zero >= 0)
    return refused(
      'the file is not valid Python: it contains a zero byte',
      text.slice(0, zero).split('\n').length,
    )
  const lines = findLines(text)
  try {
    const syntax = parsePython(text)
    const comments = findComments(syntax.comments, text, lines)
    const environment = (name: string): string | undefined => options.environment?.[name]
    const { bindings, remarks } = readModule(syntax.script, text, lines, environment)
    const converter = new Converter()
    const settings: ReadSetting[] = []
    const problems: ReadProblem[] = remarks.map(({ at, reason }) => ({
      line: lines.lineOf(at.from),
      message: reason,
    }))
    const found = new Map<string, Data>()
    for (const [name, binding] of bindings) {
      const line = lines.lineOf(binding.statement.from)
      // Names of Python itself, and of the file alone.
      if (name.startsWith('_')) continue
      if (binding.kind === 'code') {
        if (binding.statement.name === 'ImportStatement' && /^[A-Z][A-Z\d_]*$/.test(name))
          problems.push({ line, name, message: 'it is imported from another file' })
      } else if (binding.kind === 'unknown')
        problems.push({ line: lines.lineOf(binding.at.from), name, message: binding.reason })
      else {
        try {
          const data = converter.convert(name, binding.value)
          found.set(name, data)
          const description = describe(binding.statement, text, comments)
          settings.push({
            name,
            value: data.json,
            line,
            ...(description === undefined ? {} : { description }),
          })
        } catch (error) {
          if (!(error instanceof NotData)) throw error
          problems.push({ line, name, message: error.message })
        }
      }
    }
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    const title = docstring(syntax.script.children[0], text)
    return {
      settings,
      schema: inferSchema(
        settings,
        found,
        title,
        problems.some(({ name }) => name !== undefined) || remarks.length > 0,
      ),
      problems,
    }
  } catch (error) {
    if (error instanceof NotPython)
      return refused(
        `the file is not valid Python: ${error.message}`,
        error instanceof InvalidPython ? lines.lineOf(error.offset) : undefined,
      )
    throw error
  }
}

function inferSchema(
  settings: readonly ReadSetting[],
  found: ReadonlyMap<string, Data>,
  title: string | undefined,
  open: boolean,
): JsonObject {
  const properties: JsonObject = {}
  for (const { name, value, line, description } of settings) {
    const { schema = {} } = found.get(name) ?? {}
    const preset = withoutSecrets(value, schema)
    setMember(properties, name, {
      ...schema,
      ...(description !== undefined && { description }),
      ...(preset !== undefined && { default: preset }),
      $comment: `settings.py:${line}`,
    })
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(title !== undefined && { description: title }),
    type: 'object',
    properties,
    // A name that could not be read may still be set.
    ...(!open && { additionalProperties: false }),
    'x-inferred-from': 'settings.py',
  }
}

/** What of a value may stand in a schema, which everybody may read. */
export function withoutSecrets(value: Json, schema: Json | undefined): Json | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return value
  const { properties, ...own } = schema as JsonObject
  if (own['x-sensitive'] === true) return value === null || value === '' ? value : undefined
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    typeof properties !== 'object' ||
    properties === null
  )
    return value
  const rest: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const shown = withoutSecrets(member, (properties as JsonObject)[key])
    if (shown !== undefined) setMember(rest, key, shown)
  }
  return rest
}

function describe(statement: SyntaxNode, text: string, comments: Comments): string | undefined {
  const around = comments.describe(statement)
  const below = statement.name === 'AssignStatement' ? docstring(statement.nextSibling, text) : undefined
  const told = [around, below].filter(one => one !== undefined && one !== '')
  return told.length > 0 ? told.join('\n') : undefined
}

/** The text of a statement that is nothing but a literal. */
function docstring(statement: SyntaxNode | undefined, text: string): string | undefined {
  const string = statement?.name === 'ExpressionStatement' ? statement.children[0] : undefined
  if (string?.name !== 'String') return undefined
  const token = text.slice(string.from, string.to)
  const parts = readToken(token)
  if (!parts || parts.bytes) return undefined
  try {
    return cleanDocstring(resolveEscapes(token.slice(parts.from, parts.to), parts))
  } catch (error) {
    if (error instanceof NotData) return undefined
    throw error
  }
}

function refused(message: string, line?: number): ReadSettings {
  return { settings: [], problems: [line === undefined ? { message } : { line, message }] }
}
