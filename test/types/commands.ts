import { type Command, optional, READ, required, type, WRITE } from '../../events/commands/command.ts'
import type { Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'

/* What must not compile about commands and their records (events/map.ts); tsc holds it. */

export const content: CommandContent<'kytos.settings.delete'> = {
  namespace: 'kytos/x',
  revision: '1',
  scope: 'cluster',
}
// @ts-expect-error a field that is needed is missing
export const lacking: CommandContent<'kytos.settings.delete'> = { revision: '1' }
// @ts-expect-error a field that there is not
export const unknownField: CommandContent<'kytos.settings.delete'> = { namespace: 'kytos/x', version: 1 }
// @ts-expect-error a field of another type
export const wrongType: CommandContent<'kytos.settings.history'> = { namespace: 'kytos/x', limit: '1' }
// @ts-expect-error a command that there is not
export type Unknown = CommandContent<'kytos.settings.remove'>

const whole = { ...WRITE, fields: { a: required<string>(), b: optional<number>() }, answer: type<boolean>() }
export const record = { ...whole, errors: ['DOCUMENT_EXISTS'] } satisfies Command
// @ts-expect-error a record without its errors
export const silent = whole satisfies Command
// @ts-expect-error a code that there is not
export const misspelt = { ...whole, errors: ['DOCUMENT_EXIST'] } satisfies Command
// @ts-expect-error a code that every command has
export const common = { ...whole, errors: ['TIMEOUT'] } satisfies Command
// @ts-expect-error a code that every command that writes has
export const writes = { ...whole, errors: ['STORE_FULL'] } satisfies Command
export const reads = { ...whole, ...READ, errors: ['STORE_STALE'] } satisfies Command
// @ts-expect-error a record without a permission
export const open = { effect: 'read', fields: {}, answer: type<boolean>(), errors: [] } satisfies Command

// @ts-expect-error a table of handlers that lacks a command
export const lackingOne = (handlers: Omit<Handlers, 'kytos.settings.list'>): Handlers => handlers
// @ts-expect-error a handler of a command that there is not
export const strange = { 'kytos.settings.lists': () => [] } satisfies Partial<Handlers>
// @ts-expect-error a handler that answers something else
export const otherAnswer = { 'kytos.settings.list': () => true } satisfies Partial<Handlers>
