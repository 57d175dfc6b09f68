import type { Actor } from '../model/actor.ts'
import type { Json, JsonObject } from '../model/value.ts'
import type { ApplyMode, Explanation, Method, Preview, RuleBroken, ValueChange } from './changes.ts'

/*
 * Everything that is said on the bus. A command asks for something and carries its answer path; a fact says what happened, and only the watcher says it:
 *
 *   command -> service -> backend -> watcher -> fact
 *
 * Revisions are decimal strings; `cursor` is `<epoch>.<revision>.<n>`; names and fields are `snake_case` as in Kytos.
 */

export type ServiceState = 'READY' | 'STALE' | 'OFFLINE'

/** What every command may carry: `scope` is `cluster` (default), `controller` or `controller:<id>`; `comment` goes into the history. */
export interface Common {
  readonly scope?: string
  readonly comment?: string
}

/** The settings of one namespace as this controller sees them. */
export interface Settings {
  readonly namespace: string
  /** Effective: all layers merged. */
  readonly data: JsonObject
  /** What is stored in the scope that was asked for. */
  readonly overrides: JsonObject
  readonly revision: string
  /** Of the document in the scope that was asked for; 0 before the first. */
  readonly version: number
  readonly epoch: number
  readonly state: ServiceState
  /** ISO 8601, the committing controller's clock: for people, never for order. */
  readonly updated_at: string | null
  readonly updated_by: Actor | null
  readonly schema: boolean
  /** False when the watch was down and the change, though durable, was not yet seen here. */
  readonly observed?: boolean
  /** Pointers of this change that a higher layer hides here. */
  readonly shadowed?: readonly string[]
  /** Pointers of this change that set what its schema calls deprecated. */
  readonly deprecated?: readonly string[]
  /** Where each value of `data` comes from, by JSON Pointer: every leaf, an array and an empty object being one too. When asked for. */
  readonly explain?: Readonly<Record<string, Explanation>>
  /** What the change would do; with a dry run only, whose `data` and `overrides` are as they would be, everything else as it is. */
  readonly preview?: Preview
}

/** One step of a transaction. Several may change one document: each goes on from what the one before it made. */
export interface TransactionOperation {
  readonly namespace: string
  /** That of the whole transaction when absent. */
  readonly scope?: string
  /** PATCH when absent. */
  readonly method?: Method | 'DELETE'
  /** A JSON object; for JSON_PATCH an array of operations; for DELETE absent. */
  readonly data?: Json
  /** Refuses the whole transaction unless the namespace is at this revision before it. */
  readonly revision?: string
}

/** What a transaction left, or, with a dry run, would leave: one for each document, in the order in which its operations first name it. */
export interface TransactionResult {
  readonly settings: readonly (Settings & { readonly scope: string })[]
}

export interface Summary {
  readonly namespace: string
  readonly revision: string
  readonly version: number
  readonly state: ServiceState
  readonly schema: boolean
  readonly overrides: boolean
  readonly pending: boolean
  /** How its readable files differ from its documents, in any scope; absent where they do not. The status names the files. */
  readonly files?: readonly FileCode[]
}

/** Why a readable file does not show its document: absent without a person's removal, not understood, or not writable. */
export type FileCode = 'FILE_MISSING' | 'FILE_REJECTED' | 'FILE_UNWRITABLE'

/** A document that has a readable file: the overrides of a namespace in a scope, or a box. */
export type DocumentName = { readonly namespace: string; readonly scope: string } | { readonly namespace: string; readonly box_id: string }

/** A readable file that does not show its document. */
export type FileState = DocumentName & {
  /** The path of the file. */
  readonly source: string
  readonly code: FileCode
  /** One sentence for people: what is wrong, and what to do. */
  readonly message: string
}

/** How the service and its store are. Later releases add members. */
export interface Status {
  readonly controller: string
  /** The name of the backend: `filesystem`, `etcd`, ... */
  readonly backend: string
  readonly state: ServiceState
  readonly revision: string
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
  /** Seconds since the data here was last known to equal the store; null when there is none. */
  readonly age: number | null
  /** The readable files that do not show their documents, in byte order of the documents' keys; at most 500. */
  readonly files: readonly FileState[]
  /** How many more there are; absent when `files` names all. */
  readonly more_files?: number
}

/** Documents whose missing readable files were written again. */
export interface RestoredFiles {
  /** In byte order of the documents' keys; at most 500. */
  readonly restored: readonly DocumentName[]
  /** How many more there are; absent when `restored` names all. */
  readonly more?: number
}

export interface Description {
  readonly namespace: string
  readonly schema: JsonObject
  readonly digest: string
  readonly napp_version: string | null
  readonly defaults: JsonObject
  /** Apply mode of every property, by pointer. */
  readonly apply: Readonly<Record<string, ApplyMode>>
}

/** One change of one document. `data` is what it held afterwards, null once deleted. */
export interface HistoryRecord {
  readonly version: number
  readonly kind: ChangeKind
  readonly data: JsonObject | null
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | null
  readonly at: string
  readonly write_id: string
  /** The revision of the commit it tells of. */
  readonly revision: string
}

export interface Box {
  readonly namespace: string
  readonly box_id: string
  readonly data: Json
  readonly created_at: string
  readonly owner: string | null
  readonly revision: string
}

export type ChangeKind = 'created' | 'updated' | 'deleted'
export type Origin = 'live' | 'replay' | 'resync'

/** Commands of settings and boxes: content and answer of each. */
export interface Commands {
  'kytos.settings.register': {
    content: Common & { readonly namespace: string; readonly schema: JsonObject; readonly seed?: JsonObject; readonly napp_version?: string }
    answer: Settings
  }
  'kytos.settings.create': { content: Common & { readonly namespace: string; readonly data: JsonObject }; answer: Settings }
  'kytos.settings.retrieve': {
    content: Common & { readonly namespace: string; readonly explain?: boolean; readonly fresh?: boolean }
    answer: Settings
  }
  'kytos.settings.update': {
    content: Common & {
      readonly namespace: string
      readonly data: Json
      readonly method?: Method
      readonly revision?: string
      /** Answers what would be, and writes nothing. */
      readonly dry_run?: boolean
    }
    answer: Settings
  }
  'kytos.settings.delete': { content: Common & { readonly namespace: string; readonly revision?: string }; answer: Settings }
  'kytos.settings.list': { content: Common & { readonly prefix?: string }; answer: readonly Summary[] }
  'kytos.settings.describe': { content: Common & { readonly namespace: string }; answer: Description }
  'kytos.settings.transaction': {
    content: Common & { readonly operations: readonly TransactionOperation[]; readonly dry_run?: boolean }
    answer: TransactionResult
  }
  'kytos.settings.history': {
    content: Common & { readonly namespace: string; readonly limit?: number; readonly version?: number }
    answer: readonly HistoryRecord[]
  }
  /** `namespace` is a NApp id or a namespace of boxes, and limits the answer to its files; so does `scope`. */
  'kytos.settings.status': { content: Common & { readonly namespace?: string }; answer: Status }
  /** Writes readable files again that are missing although nobody removed them: all, or those of a `namespace` or `scope` as in `status`. */
  'kytos.settings.restore_files': { content: Common & { readonly namespace?: string }; answer: RestoredFiles }
  'kytos.storehouse.create': {
    content: {
      readonly namespace: string
      readonly data: Json
      readonly box_id?: string
      readonly owner?: string
      /** When it was made where it comes from, ISO 8601 in UTC; from an import or a person, never from a NApp, whose boxes are made now. */
      readonly created_at?: string
    }
    answer: Box
  }
  /** False when there is no such box. */
  'kytos.storehouse.retrieve': { content: { readonly namespace: string; readonly box_id: string }; answer: Box | false }
  'kytos.storehouse.update': {
    content: {
      readonly namespace: string
      readonly box_id: string
      readonly data: Json
      readonly method?: 'PATCH' | 'PUT'
      readonly revision?: string
    }
    answer: Box
  }
  'kytos.storehouse.delete': { content: { readonly namespace: string; readonly box_id: string }; answer: boolean }
  /** Box ids in the order of creation. */
  'kytos.storehouse.list': { content: { readonly namespace: string }; answer: readonly string[] }
}

export type CommandName = keyof Commands
export type CommandContent<N extends CommandName> = Commands[N]['content']
export type CommandAnswer<N extends CommandName> = Commands[N]['answer']

/** Facts: what happened. Each is emitted by the watcher and by nobody else. */
export interface Facts {
  'settings.changed': {
    readonly namespace: string
    /** `cluster`, `controller:<id>`, or `schema` when the defaults or rules changed. */
    readonly scope: string
    readonly kind: ChangeKind
    /** Effective settings here, after and before. */
    readonly data: JsonObject
    readonly previous: JsonObject
    readonly changes: readonly ValueChange[]
    readonly revision: string
    /** Of the document changed; 0 for a schema. */
    readonly version: number
    readonly epoch: number
    readonly cursor: string
    readonly origin: Origin
    readonly actor: Actor | null
    readonly comment: string | null
  }
  'settings.rejected': {
    readonly namespace: string | null
    /** Where it stands: a key, or a file. */
    readonly source: string
    readonly errors: readonly RuleBroken[]
  }
  'settings.state': {
    readonly state: ServiceState
    readonly revision: string
    readonly epoch: number
    readonly since: string
    readonly reason: string | null
    /** Seconds since what is answered here was last known to be what the store holds; null when there is nothing. */
    readonly age: number | null
  }
  'settings.snapshot': {
    readonly namespaces: Readonly<Record<string, { readonly data: JsonObject; readonly revision: string }>>
    readonly revision: string
    readonly epoch: number
    readonly cursor: string
  }
  'box.changed': {
    readonly namespace: string
    readonly box_id: string
    readonly kind: ChangeKind
    readonly revision: string
    readonly cursor: string
    readonly origin: Origin
    /** Null for a deletion, which leaves nobody's name. */
    readonly actor: Actor | null
  }
  'kytos/settings.loaded': Readonly<Record<string, never>>
}

export type FactName = keyof Facts

/** What a command does to the store: nothing, or it may change something. */
export type CommandEffect = 'read' | 'write'

/** All commands and what each does; a table, so that a name missing here or there fails to compile. */
export const COMMANDS: Readonly<Record<CommandName, CommandEffect>> = {
  'kytos.settings.register': 'write',
  'kytos.settings.create': 'write',
  'kytos.settings.retrieve': 'read',
  'kytos.settings.update': 'write',
  'kytos.settings.delete': 'write',
  'kytos.settings.list': 'read',
  'kytos.settings.describe': 'read',
  'kytos.settings.transaction': 'write',
  'kytos.settings.history': 'read',
  'kytos.settings.status': 'read',
  'kytos.settings.restore_files': 'write',
  'kytos.storehouse.create': 'write',
  'kytos.storehouse.retrieve': 'read',
  'kytos.storehouse.update': 'write',
  'kytos.storehouse.delete': 'write',
  'kytos.storehouse.list': 'read',
}

/** True for a name that only the watcher may say. */
export function isReserved(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.') || name.startsWith('kytos/settings.')
}

/** True for a command of ours, whether there is such a one or not. */
export function isCommand(name: string): boolean {
  return name.startsWith('kytos.settings.') || name.startsWith('kytos.storehouse.')
}
