import type { ErrorCode } from '../../model/errors.ts'
import type { Permission } from '../../model/permissions.ts'

/* The type of a command's record in map.ts. */

/** The effect of a command on the store; a `read` changes nothing and may be repeated. */
export type CommandEffect = 'read' | 'write'

/** A type without a value at run time. */
export interface Type<Value = unknown> {
  readonly type?: () => Value
}

/** A member of a command's content. */
export interface Field<Value = unknown, Required extends boolean = boolean> extends Type<Value> {
  readonly required: Required
}

export type Fields = Readonly<Record<string, Field>>

/** The effect and the permission of a command that only reads. */
export const READ = { effect: 'read', permission: 'read' } as const
/** The effect and the permission of a command that may write. */
export const WRITE = { effect: 'write', permission: 'write' } as const

/** Errors of every command, from its content, its handler or the store. */
const COMMAND_ERRORS = [
  'CONTENT_MALFORMED',
  'SERVICE_ABSENT',
  'TIMEOUT',
  'STORE_UNREACHABLE',
  'STORE_REFUSED',
  'STORE_DAMAGED',
] as const
/** Additional errors of every command that writes. */
const WRITE_ERRORS = [
  'STORE_STALE',
  'STORE_FULL',
  'STORE_OVERLAP',
  'STORE_UNWRITABLE',
  'CONTENTION',
  'OUTCOME_UNKNOWN',
] as const satisfies readonly ErrorCode[]

type CommandError = (typeof COMMAND_ERRORS)[number]
type WriteError = (typeof WRITE_ERRORS)[number]

interface Definition {
  /** The permission that a caller needs; without it the answer is PERMISSION_DENIED. */
  readonly permission: Permission
  /** The members of the content, in the order in which messages list them. */
  readonly fields: Fields
  readonly answer: Type
  /** Set when the content contains the data of a box, so that its messages may be larger. */
  readonly carries?: 'box'
  /** The answer about a name that does not exist; an error when absent. */
  readonly unknown?: false | readonly never[]
  /** Set when members of the content that are no fields are ignored, as storehouse 1.3.2 does. */
  readonly ignoresOthers?: true
}

/** The record of a command. `errors` lists its own codes, beside those of its effect. */
export type Command = Definition &
  (
    | { readonly effect: 'read'; readonly errors: readonly Exclude<ErrorCode, CommandError>[] }
    | { readonly effect: 'write'; readonly errors: readonly Exclude<ErrorCode, CommandError | WriteError>[] }
  )

/** A field that a command requires. */
export function required<Value>(): Field<Value, true> {
  return { required: true }
}

/** A field that a command accepts and does not require. */
export function optional<Value>(): Field<Value, false> {
  return { required: false }
}

/** The type of an answer. */
export function type<Value>(): Type<Value> {
  return {}
}

/** Fields that every command of settings accepts. */
export const COMMON = {
  /** `cluster` (default), `controller` or `controller:<id>`. */
  scope: optional<string>(),
  /** Stored in the history. */
  comment: optional<string>(),
}

/** Errors that several commands share. */
export const CODES = {
  /** Of a command with a namespace or a scope. */
  place: ['NAMESPACE_MALFORMED', 'SCOPE_MALFORMED'],
  /** Of a command with a namespace that must exist. */
  named: ['NAMESPACE_MALFORMED', 'SCOPE_MALFORMED', 'NAMESPACE_NOT_FOUND'],
  /** Of a command with a schema. */
  schema: ['SCHEMA_MALFORMED', 'SCHEMA_TOO_COSTLY'],
  /** Of a command that may create a namespace. */
  creation: ['NAMESPACE_CONFLICT', 'DOCUMENT_TOO_LARGE'],
  /** Of a command that changes overrides. */
  change: [
    'SETTINGS_INVALID',
    'SCHEMA_REQUIRED',
    'CHANGE_VETOED',
    'PENDING',
    'SECRET_NOT_FOUND',
    'SECRET_MISPLACED',
    'KEY_MISSING',
    'RATE_LIMITED',
  ],
  /** Of a command that changes existing overrides. */
  patch: ['METHOD_NOT_FOUND', 'PATCH_CONFLICT', 'REVISION_MISMATCH', 'PERMISSION_DENIED'],
} as const satisfies Readonly<Record<string, readonly ErrorCode[]>>

/** The type of a content with these fields. */
export type ContentOf<F extends Fields> = {
  readonly [Name in keyof F as F[Name] extends Field<unknown, true> ? Name : never]: AnswerOf<F[Name]>
} & {
  readonly [Name in keyof F as F[Name] extends Field<unknown, true> ? never : Name]?: AnswerOf<F[Name]>
}

/** The value type of a {@link Type}. */
export type AnswerOf<T extends Type> = T extends Type<infer Value> ? Value : never

/** The content and the answer of each command of a table. */
export type CommandsOf<Table extends Readonly<Record<string, Command>>> = {
  readonly [Name in keyof Table]: {
    readonly content: ContentOf<Table[Name]['fields']>
    readonly answer: AnswerOf<Table[Name]['answer']>
  }
}

/** Every error code of a command, except INTERNAL_ERROR. */
export function errorsOf({ effect, errors }: Command): readonly ErrorCode[] {
  return [...COMMAND_ERRORS, ...(effect === 'write' ? WRITE_ERRORS : []), ...errors]
}
