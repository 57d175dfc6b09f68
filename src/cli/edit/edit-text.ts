import { differences } from '../../../events/differences.ts'
import type { Description, Settings } from '../../../events/nouns.ts'
import { escapeControls } from '../../../model/control-characters.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { isArray, isObject, type JsonObject } from '../../../model/value.ts'
import { showDifference } from '../print/show-difference.ts'
import { printKey } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'
import { sanitize } from '../terminal/terminal.ts'
import { declaredIn } from './declared-settings.ts'

/*
 * The text in the editor: comment lines that begin with `//`, then the overrides as JSON. Any line that
 * begins with `//` is a comment, because no part of a JSON string can start a line.
 */

const COMMENT_LINE = /^\s*\/\//

export interface Page {
  readonly namespace: string
  readonly scope: string
  readonly description: Description | undefined
  /** Errors of the previous text, or a conflict with another client; empty at first. */
  readonly problems: readonly string[]
  /** The overrides as edited. */
  readonly body: string
}

/** The text for an editor, without raw control characters. */
export function printPage({ namespace, scope, description, problems, body }: Page): string {
  const intro = [
    `Overrides of ${namespace}, scope ${scope}, as JSON. Save and close the editor to store them;`,
    'close it without a change to store nothing. Lines that begin with // are ignored.',
  ]
  const remarks = [...(problems.length > 0 ? [...problems, ''] : []), ...intro, ...guide(description)]
  // A line of a message that is no comment would become part of the text to store.
  const lines = remarks.flatMap(remark => remark.split(/\r?\n/))
  return escapeControls(`${lines.map(line => `// ${line}`.trimEnd()).join('\n')}\n${body.trimEnd()}\n`)
}

/** The text below the comment lines at the top. */
export function bodyOf(text: string): string {
  const lines = text.split(/\r?\n/)
  const first = lines.findIndex(line => line.trim() !== '' && !COMMENT_LINE.test(line))
  return first < 0 ? '' : lines.slice(first).join('\n')
}

/** The overrides in the edited text. @throws SettingsError JSON_MALFORMED or CONTENT_MALFORMED. */
export function parseBody(body: string): JsonObject {
  const value = parseUntrustedJson(withoutComments(body))
  if (isObject(value)) return value
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `The overrides must be one JSON object, {...}, not ${isArray(value) ? 'an array' : show(value)}.`,
  )
}

/** The errors of a body as lines for {@link printPage}. */
export function describeProblems(error: SettingsError, body: string): readonly string[] {
  const head =
    'NOT STORED. Correct the text below and save. To cancel, close the editor without a change: your text is kept in a file.'
  return [
    head,
    ...(isSettingsError(error, 'JSON_MALFORMED') ? describeSyntaxError(error, body) : messagesOf(error)).map(
      line => `  ${line}`,
    ),
  ]
}

/** The conflict with a change of another client, and the stored overrides, as lines for {@link printPage}. */
export function describeConflict(
  before: Settings,
  stored: Settings,
  comment: string | null,
): readonly string[] {
  const { namespace, version, updated_by, overrides } = stored
  return [
    `NOT STORED: ${updated_by?.name ?? 'another client'} changed ${namespace} meanwhile (version ${version}${comment === null ? '' : `, ${show(comment)}`}):`,
    ...differences(before.overrides, overrides).map(one => `  ${sanitize(showDifference(one))}`),
    'Stored now:',
    ...printJson(overrides, 2)
      .split('\n')
      .map(line => `  ${line}`),
    'Your text is below. Merge both versions in it, and save.',
    'To replace the stored version with your text, delete this line and save.',
  ]
}

function guide(description: Description | undefined): readonly string[] {
  if (!description) return ['', 'The NApp has no schema: any setting is allowed.']
  const declared = declaredIn(description)
  if (declared.length === 0) return []
  return declared.flatMap(one => [
    '',
    sanitize(
      `${printKey(one.path)}: ${one.type}, default ${one.default === undefined ? 'none' : show(one.default)}, applies ${one.apply}`,
    ),
    ...(one.description === '' ? [] : [`    ${sanitize(one.description)}`]),
  ])
}

/** The message, the line of the error, and a mark below the column. */
function describeSyntaxError(error: SettingsError, body: string): readonly string[] {
  const { line, column } = error.details
  const text = typeof line === 'number' ? body.split('\n')[line - 1] : undefined
  const message = error.message.replace(/ at line \d+, column \d+\.$/, text === undefined ? '.' : ', here:')
  return text === undefined || typeof column !== 'number'
    ? [message]
    : [message, text, `${' '.repeat(Math.max(0, column - 1))}^`]
}

function messagesOf({ message, details }: SettingsError): readonly string[] {
  const errors = isArray(details.errors as never)
    ? (details.errors as readonly { readonly message?: unknown }[])
    : []
  const messages = errors.flatMap(one => (typeof one.message === 'string' ? [one.message] : []))
  return messages.length > 0 ? messages : [message]
}

function withoutComments(body: string): string {
  return body
    .split('\n')
    .map(line => (COMMENT_LINE.test(line) ? '' : line))
    .join('\n')
}
