import { messageBytes } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { nearest } from '../../../model/nearest.ts'
import { quote } from '../../../model/quote.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { refusePrototype } from '../messages/outside-json.ts'
import { printable } from '../messages/problem.ts'

/*
 * The frames of the bus: docs/bus.md describes them for whoever writes a client.
 *
 *   {"id", "name", "content"?}                          a command       {"reply_to", "data" | "error"}
 *   {"subscribe": [...], "namespaces"?, "since"?}                       {"subscribed": [...], "cursor"}   {"event", "cursor"?}
 *   {"publish": {"name", "content"?}}
 */

/** What a client calls a command by; its answer carries the same. */
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

/** How many names one subscription may hold; each event is compared with them. */
const MAX_NAMES = 100
/** How many namespaces. */
const MAX_NAMESPACES = 1_000
/** The longest id of a command, in characters. */
const MAX_ID = 128

const MEMBERS = {
  command: ['id', 'name', 'content'],
  subscribe: ['subscribe', 'namespaces', 'since'],
  publish: ['publish'],
} as const
const PUBLISHED = ['name', 'content']

/** The object that a frame holds. @throws SettingsError JSON_MALFORMED, CONTENT_MALFORMED. */
export function readFrame(text: string): JsonObject {
  const frame = parseUntrustedJson(text)
  if (isObject(frame)) return frame
  throw malformed(`A frame is a JSON object, not ${quote(frame)}`)
}

/** What the answer to a frame must carry; undefined when there is no such id in it. */
export function idOf({ id }: JsonObject): CommandId | undefined {
  if (typeof id === 'string') return id !== '' && id.length <= MAX_ID ? id : undefined
  return Number.isSafeInteger(id) ? (id as number) : undefined // Checked in this line.
}

/** Which kind of frame is meant. */
export function kindOf(frame: JsonObject): ClientFrame['kind'] {
  return Object.hasOwn(frame, 'subscribe') ? 'subscribe' : Object.hasOwn(frame, 'publish') ? 'publish' : 'command'
}

/** What a frame asks for. @throws SettingsError CONTENT_MALFORMED, naming the nearest member; JSON_MALFORMED for one named `__proto__` anywhere in it. */
export function parseFrame(frame: JsonObject): ClientFrame {
  const kind = kindOf(frame)
  // Which frame was meant is not known when none of these is there.
  const isGuess = kind === 'command' && !Object.hasOwn(frame, 'name')
  refuseUnknown(frame, 'a frame', isGuess ? Object.values(MEMBERS).flat() : MEMBERS[kind])
  refusePrototype(frame)
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
          `"id" must be a text of 1 to ${MAX_ID} characters or an integer up to 2^53 - 1, not ${quote(frame.id)}: its answer carries it`,
        )
      }
      return { kind, id, ...namedOf(frame, 'a command') }
    }
  }
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for a frame of more bytes than what it asks for may have. */
export function refuseLarge(frame: ClientFrame, size: number): void {
  const max = messageBytes(frame.kind === 'command' ? frame.name : undefined)
  if (size <= max) return
  const message = `A frame of ${size} bytes is refused: ${max} are allowed, more only where a box is created or updated.`
  throw new SettingsError('DOCUMENT_TOO_LARGE', message, { details: { size, max } })
}

/** The answer to a command. */
export function printAnswer(id: CommandId, data: Json): string {
  return printJson({ reply_to: id, data })
}

/** The refusal of a command, or of a frame that has no id; its details say then which kind it was. What is unexpected is only named to the client. */
export function printRefusal(id: CommandId | undefined, error: SettingsError, kind?: ClientFrame['kind']): string {
  const { code, status } = error
  const hidden = code === 'INTERNAL_ERROR'
  const message = hidden ? 'An unexpected error; the log of the service says more.' : error.message
  const details = { ...(hidden ? {} : printable(error.details)), ...(id === undefined && kind !== undefined && { frame: kind }) }
  return printJson({ reply_to: id ?? null, error: { code, status, message, details } })
}

/** What a connection hears from now on, and where it is; null as long as there is no state. */
export function printSubscribed(names: readonly string[], cursor: string | undefined): string {
  return printJson({ subscribed: names, cursor: cursor ?? null })
}

function eventOf(value: Json | undefined, where: string): { readonly name: string; readonly content: JsonObject } {
  if (!isObject(value)) throw malformed(`${where} must be an object with "name" and "content", not ${quote(value)}`)
  refuseUnknown(value, where, PUBLISHED)
  return namedOf(value, where)
}

function namedOf(value: JsonObject, where: string): { readonly name: string; readonly content: JsonObject } {
  const { name, content = {} } = value
  if (typeof name !== 'string') throw malformed(`The "name" of ${where} must be a text, not ${quote(name)}`)
  if (!isObject(content)) throw malformed(`The "content" of ${quote(name)} must be an object, not ${quote(content)}`)
  return { name, content }
}

function listOf(frame: JsonObject, member: string, max: number): readonly string[] {
  const list = frame[member] ?? []
  const isList = isArray(list) && frame[member] !== null && list.length <= max
  if (isList && list.every(item => typeof item === 'string' && item !== '')) return [...new Set(list as readonly string[])] // Checked in this line.
  throw malformed(`"${member}" must be an array of at most ${max} texts, none of them empty, not ${quote(frame[member])}`)
}

function textOf(frame: JsonObject, member: string): string | undefined {
  const text = frame[member]
  if (text === undefined || typeof text === 'string') return text
  throw malformed(`"${member}" must be a text, not ${quote(text)}`)
}

function refuseUnknown(value: JsonObject, where: string, allowed: readonly string[]): void {
  const unknown = Object.keys(value).find(key => !allowed.includes(key))
  if (unknown === undefined) return
  const close = nearest(unknown, allowed)
  const hint = close ? `the nearest is "${close}"` : `there is ${allowed.map(name => `"${name}"`).join(', ')}`
  throw new SettingsError('CONTENT_MALFORMED', `There is no member ${quote(unknown)} in ${where}; ${hint}.`, {
    details: { got: unknown.slice(0, 100), allowed, ...(close && { nearest: close }) },
  })
}

function malformed(what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${what}.`)
}
