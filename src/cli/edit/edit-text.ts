import { differences } from '../../../events/differences.ts'
import type { Description, Settings } from '../../../events/map.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { isArray, isObject, type JsonObject } from '../../../model/value.ts'
import { showDifference } from '../print/show-difference.ts'
import { printKey } from '../terminal/key-path.ts'
import { harmless } from '../terminal/paper.ts'
import { show } from '../terminal/print-answer.ts'
import { declaredIn } from './declared-settings.ts'

/*
 * What a person edits: remarks, each line led by `//`, then the overrides as JSON. A line that begins with `//` is a remark wherever it stands: a text of JSON
 * has no line break in it, so no such line is part of one.
 */

const REMARK = /^\s*\/\//

export interface Page {
  readonly namespace: string
  readonly scope: string
  readonly description: Description | undefined
  /** What is wrong with what was typed before, or what happened meanwhile; none at first. */
  readonly trouble: readonly string[]
  /** The overrides as they were typed. */
  readonly body: string
}

/** The text for an editor. */
export function printPage({ namespace, scope, description, trouble, body }: Page): string {
  const intro = [
    `The overrides of ${namespace}, scope ${scope}, as JSON. Save and leave the editor to store them;`,
    'leave without a change to store nothing. Lines that begin with // do not count.',
  ]
  const remarks = [...(trouble.length > 0 ? [...trouble, ''] : []), ...intro, ...guide(description)]
  return `${remarks.map(line => `// ${line}`.trimEnd()).join('\n')}\n${body.trimEnd()}\n`
}

/** What stands below the remarks at the top. */
export function bodyOf(text: string): string {
  const lines = text.split(/\r?\n/)
  const first = lines.findIndex(line => line.trim() !== '' && !REMARK.test(line))
  return first < 0 ? '' : lines.slice(first).join('\n')
}

/** The overrides that a person typed. @throws SettingsError JSON_MALFORMED or CONTENT_MALFORMED. */
export function parseBody(body: string): JsonObject {
  const value = parseUntrustedJson(withoutRemarks(body))
  if (isObject(value)) return value
  throw new SettingsError('CONTENT_MALFORMED', `The overrides are one JSON object, {...}, and this is ${isArray(value) ? 'an array' : show(value)}.`)
}

/** What was wrong with a body, line by line, for {@link printPage}. */
export function describeTrouble(error: SettingsError, body: string): readonly string[] {
  const head = 'NOT STORED. Mend it below and save; leave without a change to give up, and what you typed is kept in a file.'
  return [head, ...(isSettingsError(error, 'JSON_MALFORMED') ? pointAt(error, body) : problemsIn(error)).map(line => `  ${line}`)]
}

/** That somebody else changed the overrides, and what is stored now, for {@link printPage}. */
export function describeConflict(before: Settings, theirs: Settings, comment: string | null): readonly string[] {
  const { namespace, version, updated_by, overrides } = theirs
  return [
    `NOT STORED: ${updated_by?.name ?? 'somebody'} changed ${namespace} meanwhile (version ${version}${comment === null ? '' : `, ${show(comment)}`}):`,
    ...differences(before.overrides, overrides).map(one => `  ${harmless(showDifference(one))}`),
    'This is stored now:',
    ...printJson(overrides, 2)
      .split('\n')
      .map(line => `  ${line}`),
    'Below is what you typed. Change it so that it holds what both of you want, and save.',
    'To store it as it is, in place of theirs, delete this line.',
  ]
}

function guide(description: Description | undefined): readonly string[] {
  if (!description) return ['', 'There is no schema: any setting is allowed.']
  const declared = declaredIn(description)
  if (declared.length === 0) return []
  return declared.flatMap(one => [
    '',
    harmless(`${printKey(one.path)}: ${one.type}, default ${one.default === undefined ? 'none' : show(one.default)}, applies ${one.apply}`),
    ...(one.description === '' ? [] : [`    ${harmless(one.description)}`]),
  ])
}

/** The message, and where it is about: the line, and a mark below the place. */
function pointAt(error: SettingsError, body: string): readonly string[] {
  const { line, column } = error.details
  const text = typeof line === 'number' ? body.split('\n')[line - 1] : undefined
  const message = error.message.replace(/ at line \d+, column \d+\.$/, text === undefined ? '.' : ', here:')
  return text === undefined || typeof column !== 'number' ? [message] : [message, text, `${' '.repeat(Math.max(0, column - 1))}^`]
}

function problemsIn({ message, details }: SettingsError): readonly string[] {
  const errors = isArray(details.errors as never) ? (details.errors as readonly { readonly message?: unknown }[]) : []
  const told = errors.flatMap(one => (typeof one.message === 'string' ? [one.message] : []))
  return told.length > 0 ? told : [message]
}

function withoutRemarks(body: string): string {
  return body
    .split('\n')
    .map(line => (REMARK.test(line) ? '' : line))
    .join('\n')
}
