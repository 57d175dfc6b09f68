import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { reasonOf } from '../../../model/failure.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { isSecretAt, refuseTypedSecret } from '../keys/typed-secret.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { leavesIn, type Path, parseKey, printKey, valueAt } from '../terminal/key-path.ts'
import { setAt } from './overrides-edit.ts'
import { parseTyped } from './typed-value.ts'

/** One word of `set`: a KEY with the text of its VALUE, or an object of settings from standard input. */
export interface Assignment {
  readonly path: Path
  readonly typed: string
  /** True for `KEY+=VALUE`, which appends to a list. */
  readonly appends: boolean
  /** True for a VALUE from a file or from standard input, which no other user of the host can see. */
  readonly isHidden?: boolean
  /** True for a KEY without a VALUE, a secret that is asked for. */
  readonly isAsked?: boolean
}

/** The assignments to one NApp. */
export interface AssignmentGroup {
  readonly namespace: string
  readonly assignments: readonly Assignment[]
}

/** The word that reads an object of settings from standard input. */
const FROM_INPUT = '-'
/** The id of a NApp. In a KEY a slash is the first character, that of a JSON Pointer. */
const NAPP = /^[^/]+\//
/** The longest VALUE from a file or from standard input, in bytes: more than the largest document. */
const MAX_VALUE_BYTES = 16 * 1_024 * 1_024

/**
 * The words after the name of `set`: each NApp is followed by its assignments. `--` between two NApps is
 * optional. A KEY without VALUE is asked for; it comes after those with one, because the name of a NApp may
 * have no slash.
 * @throws SettingsError CONTENT_MALFORMED.
 */
export function parseAssignments(words: readonly string[]): readonly AssignmentGroup[] {
  const groups = new Map<string, Assignment[]>()
  let current: Assignment[] | undefined
  for (const [i, word] of words.entries()) {
    if (word === '--') continue
    if (word.startsWith('--'))
      throw malformed(`${word} comes before the second NApp: options are not read there`)
    const assignment = parseAssignment(word)
    if (assignment && current) current.push(assignment)
    else if (current && isKey(word, words[i + 1]))
      current.push({ path: parseKey(word), typed: '', appends: false, isAsked: true })
    else if (assignment) throw malformed(`a NApp comes before ${JSON.stringify(word)}`)
    else {
      current = groups.get(word) ?? []
      groups.set(word, current)
    }
  }
  for (const [namespace, { length }] of groups)
    if (length === 0) throw malformed(`${namespace} is followed by KEY=VALUE, such as polling_time=5`)
  return [...groups].map(([namespace, assignments]) => ({ namespace, assignments }))
}

/** True for a word that is a KEY and no NApp, which a word with `=` follows. */
function isKey(word: string, next: string | undefined): boolean {
  return !NAPP.test(word) && (next === undefined || next === '--' || parseAssignment(next) === undefined)
}

function parseAssignment(word: string): Assignment | undefined {
  if (word === FROM_INPUT) return { path: [], typed: '@-', appends: false }
  const end = word.indexOf('=')
  if (end === -1) return undefined
  const appends = word[end - 1] === '+'
  const key = word.slice(0, appends ? end - 1 : end)
  if (key === '') throw malformed(`${JSON.stringify(word)} has no KEY: use KEY=VALUE, such as polling_time=5`)
  return { path: parseKey(key), typed: word.slice(end + 1), appends }
}

/** Replaces `@FILE` and `@-` by the text that they name, and `@@` by `@`. */
export async function readValues(
  groups: readonly AssignmentGroup[],
  context: CliContext,
): Promise<readonly AssignmentGroup[]> {
  const all: AssignmentGroup[] = []
  let input: string | undefined
  for (const { namespace, assignments } of groups) {
    const read: Assignment[] = []
    for (const assignment of assignments) {
      const { typed } = assignment
      if (!typed.startsWith('@')) read.push(assignment)
      else if (typed.startsWith('@@')) read.push({ ...assignment, typed: typed.slice(1) })
      else if (typed === '@-') {
        if (input !== undefined) throw malformed('standard input can be only one VALUE')
        input = decode('standard input', await readInput(context.stdin))
        read.push({ ...assignment, typed: withoutLineEnd(input), isHidden: true })
      } else {
        const text = await readText(typed.slice(1), context.cwd)
        read.push({ ...assignment, typed: withoutLineEnd(text), isHidden: true })
      }
    }
    all.push({ namespace, assignments: read })
  }
  return all
}

async function readText(name: string, cwd: string): Promise<string> {
  const file = resolve(cwd, name)
  try {
    return decode(file, await readInput(createReadStream(file)))
  } catch (cause) {
    if (isSettingsError(cause)) throw cause
    throw new SettingsError('CONTENT_MALFORMED', `${file} cannot be read: ${reasonOf(cause)}.`, { cause })
  }
}

async function readInput(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of input) {
    bytes += chunk.length
    if (bytes > MAX_VALUE_BYTES) throw malformed(`a VALUE has at most ${MAX_VALUE_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decode(source: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed(`${source} is not UTF-8`)
  }
}

/** A text file ends with a line feed that its author does not mean. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}

/**
 * The overrides with all assignments, in their order.
 * @throws SettingsError SETTINGS_INVALID for a VALUE that the schema does not allow at its KEY;
 * CONTENT_MALFORMED for a secret among the words of the command.
 */
export function assign(
  overrides: JsonObject,
  effective: JsonObject,
  schema: JsonObject | undefined,
  assignments: readonly Assignment[],
): JsonObject {
  return assignments.reduce((data, assignment) => {
    refuseTypedSecret(schema, assignment)
    const { path, typed, appends } = assignment
    if (path.length === 0) return assignObject(data, effective, typed)
    if (!appends) return setAt(data, effective, path, parseWord(schema, path, typed))
    const list = valueAt(data, path) ?? valueAt(effective, path) ?? []
    if (!isArray(list))
      throw new SettingsError(
        'SETTINGS_INVALID',
        `${printKey(path)} is not a list: "+=" appends to lists only.`,
      )
    const item = parseWord(schema, [...path, String(list.length)], typed)
    return setAt(data, effective, path, [...list, item])
  }, overrides)
}

/** The value of a word; the error for a secret does not quote it. */
function parseWord(schema: JsonObject | undefined, path: Path, typed: string): Json {
  try {
    return parseTyped(schema, path, typed)
  } catch (error) {
    if (!isSettingsError(error) || !isSecretAt(schema, path)) throw error
    const key = printKey(path)
    const { expected } = error.details
    throw new SettingsError(
      'SETTINGS_INVALID',
      `${key} must be JSON of type ${[expected].flat().join(' or ')}. Its value is a secret and is not shown here.`,
      { details: { pointer: key, expected } },
    )
  }
}

/** Sets every value of an object of settings; objects are merged, and null is stored as null. */
function assignObject(overrides: JsonObject, effective: JsonObject, text: string): JsonObject {
  const given = parseUntrustedJson(text)
  if (!isObject(given)) throw malformed('standard input must hold a JSON object of settings')
  return leavesIn(given).reduce((data, path) => {
    const value = valueAt(given, path)
    return path.length === 0 || value === undefined ? data : setAt(data, effective, path, value)
  }, overrides)
}

function malformed(what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${what}.`)
}
