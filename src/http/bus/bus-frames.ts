import { messageBytes } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { nearest } from '../../../model/nearest.ts'
import { quote } from '../../../model/quote.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { rejectPrototype } from '../messages/client-json.ts'
import { toPrintable } from '../messages/problem.ts'

/*
 * The frames of the bus; docs/bus.md describes them for authors of clients.
 *
 *   {"id", "name", "content"?}                          a command       {"reply_to", "data" | "error"}
 *   {"subscribe": [...], "namespaces"?, "since"?}                       {"subscribed": [...], "cursor"}
 *                                                                       {"event", "cursor"?}
 *   {"publish": {"name", "content"?}}
 */

/** The id of a command, chosen by the client; its answer has the same id. */
export type CommandId = string | number

export type ClientFrame =
  | { readonly kind: 'command'; readonly id: CommandId; readonly name: string; readonly content: JsonObject }
  | {
      readonly kind: 'subscribe'
      readonly names: readonly string[]
      readonly namespaces: readonly string[]
      readonly since: string | undefined
    }
  | { readonly kind: 'publish'; readonly name: string; readonly content: JsonObject }

/** Maximum number of names in a subscription, because each event is compared with all of them. */
const MAX_NAMES = 100
/** Maximum number of namespaces in a subscription. */
const MAX_NAMESPACES = 1_000
/** Maximum length of the id of a command. */
const MAX_ID_CHARACTERS = 128

const MEMBERS = {
  command: ['id', 'name', 'content'],
  subscribe: ['subscribe', 'namespaces', 'since'],
  publish: ['publish'],
} as const
const PUBLISH_MEMBERS = ['name', 'content']

/** The object that a frame holds. @throws SettingsError JSON_MALFORMED, CONTENT_MALFORMED. */
export function readFrame(text: string): JsonObject {
  const frame = parseUntrustedJson(text, true)
  if (isObject(frame)) return frame
  throw malformed(`A frame must be a JSON object, not ${quote(frame)}`)
}

/** The id for the answer to a frame; undefined without a valid id. */
export function idOf({ id }: JsonObject): CommandId | undefined {
  if (typeof id === 'string') return id !== '' && id.length <= MAX_ID_CHARACTERS ? id : undefined
  return Number.isSafeInteger(id) ? (id as number) : undefined // The check does not narrow the type.
}

/** The kind of a frame. */
export function kindOf(frame: JsonObject): ClientFrame['kind'] {
  return Object.hasOwn(frame, 'subscribe')
    ? 'subscribe'
    : Object.hasOwn(frame, 'publish')
      ? 'publish'
      : 'command'
}

/**
 * Parses a frame.
 * @throws SettingsError CONTENT_MALFORMED, with the nearest member; JSON_MALFORMED for a member `__proto__`.
 */
export function parseFrame(frame: JsonObject): ClientFrame {
  const kind = kindOf(frame)
  // Without a member that decides the kind, the nearest member of any kind is the hint.
  const isGuess = kind === 'command' && !Object.hasOwn(frame, 'name')
  rejectUnknownMembers(frame, 'a frame', isGuess ? Object.values(MEMBERS).flat() : MEMBERS[kind])
  rejectPrototype(frame)
  switch (kind) {
    case 'subscribe':
      return {
        kind,
        names: listOf(frame, 'subscribe', MAX_NAMES),
        namespaces: listOf(frame, 'namespaces', MAX_NAMESPACES),
        since: textOf(frame, 'since'),
      }
    case 'publish':
      return { kind, ...eventOf(frame.publish, '"publish"') }
    case 'command': {
      const id = idOf(frame)
      if (id === undefined) {
        throw malformed(
          `"id" must be a string of 1 to ${MAX_ID_CHARACTERS} characters or an integer up to 2^53 - 1, not ${quote(frame.id)}`,
        )
      }
      return { kind, id, ...namedOf(frame, 'a command') }
    }
  }
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for a frame with more bytes than its kind allows. */
export function rejectLargeFrame(frame: ClientFrame, size: number): void {
  const max = messageBytes(frame.kind === 'command' ? frame.name : undefined)
  if (size <= max) return
  const message = `The frame has ${size} bytes, but ${max} are allowed. Only commands that create or update a box may be larger.`
  throw new SettingsError('DOCUMENT_TOO_LARGE', message, { details: { size, max } })
}

/** The answer to a command. */
export function printAnswerFrame(id: CommandId, data: Json): string {
  return printJson({ reply_to: id, data })
}

/**
 * The error answer to a command, or to a frame without an id, whose kind is then in the details. Unexpected
 * errors are not described to the client.
 */
export function printErrorFrame(
  id: CommandId | undefined,
  error: SettingsError,
  kind?: ClientFrame['kind'],
): string {
  const { code, status } = error
  const hidden = code === 'INTERNAL_ERROR'
  const message = hidden
    ? 'An unexpected error occurred. The log of the service has the details.'
    : error.message
  const details = {
    ...(hidden ? {} : toPrintable(error.details)),
    ...(id === undefined && kind !== undefined && { frame: kind }),
  }
  return printJson({ reply_to: id ?? null, error: { code, status, message, details } })
}

/** The confirmation of a subscription, with its cursor; null without state. */
export function printSubscribedFrame(names: readonly string[], cursor: string | undefined): string {
  return printJson({ subscribed: names, cursor: cursor ?? null })
}

function eventOf(
  value: Json | undefined,
  where: string,
): { readonly name: string; readonly content: JsonObject } {
  if (!isObject(value))
    throw malformed(`${where} must be an object with "name" and "content", not ${quote(value)}`)
  rejectUnknownMembers(value, where, PUBLISH_MEMBERS)
  return namedOf(value, where)
}

function namedOf(value: JsonObject, where: string): { readonly name: string; readonly content: JsonObject } {
  const { name, content = {} } = value
  if (typeof name !== 'string') throw malformed(`The "name" of ${where} must be a string, not ${quote(name)}`)
  if (!isObject(content))
    throw malformed(`The "content" of ${quote(name)} must be an object, not ${quote(content)}`)
  return { name, content }
}

function listOf(frame: JsonObject, member: string, max: number): readonly string[] {
  const list = frame[member] ?? []
  const isList = isArray(list) && frame[member] !== null && list.length <= max
  if (isList && list.every(item => typeof item === 'string' && item !== ''))
    return [...new Set(list as readonly string[])] // The check does not narrow the type.
  throw malformed(
    `"${member}" must be an array of at most ${max} non-empty strings, not ${quote(frame[member])}`,
  )
}

function textOf(frame: JsonObject, member: string): string | undefined {
  const text = frame[member]
  if (text === undefined || typeof text === 'string') return text
  throw malformed(`"${member}" must be a string, not ${quote(text)}`)
}

function rejectUnknownMembers(value: JsonObject, where: string, allowed: readonly string[]): void {
  const unknown = Object.keys(value).find(key => !allowed.includes(key))
  if (unknown === undefined) return
  const close = nearest(unknown, allowed)
  const hint = close ? `the nearest is "${close}"` : `allowed: ${allowed.map(name => `"${name}"`).join(', ')}`
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `The member ${quote(unknown)} in ${where} is not known; ${hint}.`,
    {
      details: { got: unknown.slice(0, 100), allowed, ...(close && { nearest: close }) },
    },
  )
}

function malformed(what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${what}.`)
}
