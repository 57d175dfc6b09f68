import type { Actor } from '../model/actor.ts'
import type { Json, JsonObject } from '../model/value.ts'
import type { Method, RejectedMember, ValueChange } from './changes.ts'
import {
  CODES,
  COMMON,
  type Command,
  type CommandsOf,
  optional,
  READ,
  required,
  type,
  WRITE,
} from './commands/command.ts'
import { CONFIRM_WITHIN, PENDING_COMMANDS } from './commands/pending-commands.ts'
import type { PendingFact } from './commands/pending-nouns.ts'
import { SECRETS_COMMANDS } from './commands/secrets-commands.ts'
import { HISTORY_COMMANDS } from './history-commands.ts'
import type * as Noun from './nouns.ts'

/*
 * Every command and every fact, each in one record. A command asks the service for a result and carries the
 * path of its answer. A fact reports a change, and only the watcher announces it:
 *
 *   command -> service -> backend -> watcher -> fact
 *
 * The bus, REST, OpenAPI and the command line read these records, so a new command is one record here, one
 * handler, one route, one CLI file. Revisions are decimal strings; `cursor` is `<epoch>.<revision>.<n>`;
 * names and fields are `snake_case` as in Kytos.
 */

/**
 * Every command: its content, its answer, its effect on the store, the permission that it requires, and its
 * errors.
 */
export const COMMANDS = {
  'kytos.settings.register': {
    ...WRITE,
    fields: {
      namespace: required<string>(),
      schema: required<JsonObject>(),
      seed: optional<JsonObject>(),
      napp_version: optional<string>(),
      ...COMMON,
    },
    answer: type<Noun.Settings>(),
    errors: [
      ...CODES.place,
      'JSON_MALFORMED',
      ...CODES.schema,
      ...CODES.creation,
      'SETTINGS_INVALID',
      'RATE_LIMITED',
    ],
  },
  'kytos.settings.create': {
    ...WRITE,
    fields: { namespace: required<string>(), data: required<JsonObject>(), ...COMMON },
    answer: type<Noun.Settings>(),
    errors: [...CODES.place, 'JSON_MALFORMED', ...CODES.creation, ...CODES.change, 'DOCUMENT_EXISTS'],
  },
  'kytos.settings.retrieve': {
    ...READ,
    fields: {
      namespace: required<string>(),
      explain: optional<boolean>(),
      /** Waits until the cache has the state of the store at the time of the call. */
      fresh: optional<boolean>(),
      ...COMMON,
    },
    answer: type<Noun.Settings>(),
    errors: [...CODES.named, 'STORE_STALE'],
  },
  'kytos.settings.update': {
    ...WRITE,
    fields: {
      namespace: required<string>(),
      data: required<Json>(),
      method: optional<Method>(),
      /** The expected revision in the scope: `<epoch>.<revision>`, or the revision alone. */
      revision: optional<string>(),
      /** Returns the effect of the change without writing it. */
      dry_run: optional<boolean>(),
      ...CONFIRM_WITHIN,
      ...COMMON,
    },
    answer: type<Noun.Settings>(),
    errors: [...CODES.place, 'JSON_MALFORMED', ...CODES.creation, ...CODES.change, ...CODES.patch],
  },
  'kytos.settings.delete': {
    ...WRITE,
    fields: { namespace: required<string>(), revision: optional<string>(), ...CONFIRM_WITHIN, ...COMMON },
    answer: type<Noun.Settings>(),
    errors: [...CODES.named, 'REVISION_MISMATCH', 'CHANGE_VETOED', 'PENDING'],
  },
  'kytos.settings.list': {
    ...READ,
    fields: {
      prefix: optional<string>(),
      /** Further members of each summary. */
      include: optional<readonly Noun.SummaryPart[]>(),
      ...COMMON,
    },
    answer: type<readonly Noun.Summary[]>(),
    errors: ['SCOPE_MALFORMED'],
  },
  'kytos.settings.describe': {
    ...READ,
    fields: { namespace: required<string>(), ...COMMON },
    answer: type<Noun.Description>(),
    errors: CODES.named,
  },
  'kytos.settings.remove_schema': {
    ...WRITE,
    fields: {
      namespace: required<string>(),
      /** All schemas of the namespace when absent. */
      digest: optional<string>(),
      /** Removes schemas that a controller may use. */
      force: optional<boolean>(),
      ...COMMON,
    },
    answer: type<Noun.RemovedSchemas>(),
    errors: [...CODES.named, 'SCHEMA_IN_USE', 'PENDING', 'DOCUMENT_TOO_LARGE', 'KEY_MISSING'],
  },
  'kytos.settings.transaction': {
    ...WRITE,
    fields: {
      operations: required<readonly Noun.TransactionOperation[]>(),
      dry_run: optional<boolean>(),
      ...CONFIRM_WITHIN,
      ...COMMON,
    },
    answer: type<Noun.TransactionResult>(),
    errors: [...CODES.named, 'JSON_MALFORMED', ...CODES.creation, ...CODES.change, ...CODES.patch],
  },
  'kytos.settings.history': {
    ...READ,
    fields: {
      namespace: required<string>(),
      limit: optional<number>(),
      version: optional<number>(),
      ...COMMON,
    },
    answer: type<readonly Noun.HistoryRecord[]>(),
    errors: [...CODES.named, 'VERSION_NOT_FOUND'],
  },
  ...HISTORY_COMMANDS,
  /**
   * `namespace` is a NApp id or a namespace of boxes, and limits the answer to its files; so does `scope`.
   */
  'kytos.settings.status': {
    ...READ,
    fields: { namespace: optional<string>(), ...COMMON },
    answer: type<Noun.Status>(),
    errors: [...CODES.named, 'BOX_MALFORMED'],
  },
  'kytos.settings.controllers': {
    ...READ,
    fields: COMMON,
    answer: type<Noun.Controllers>(),
    errors: ['SCOPE_MALFORMED'],
  },
  /**
   * Restores readable files that are missing although no person removed them: all, or those of a `namespace`
   * or `scope` as in `status`.
   */
  'kytos.settings.restore_files': {
    ...WRITE,
    fields: { namespace: optional<string>(), ...COMMON },
    answer: type<Noun.RestoredFiles>(),
    errors: [...CODES.named, 'BOX_MALFORMED'],
  },
  ...PENDING_COMMANDS,
  ...SECRETS_COMMANDS,
  'kytos.storehouse.create': {
    ...WRITE,
    carries: 'box',
    ignoresOthers: true,
    fields: {
      namespace: required<string>(),
      data: required<Json>(),
      box_id: optional<string>(),
      /** Ignored unless it is a non-empty string. */
      owner: optional<string>(),
      /**
       * The time of creation at the source, ISO 8601 in UTC. Only imports and people set it; that of a NApp
       * is ignored.
       */
      created_at: optional<string>(),
    },
    answer: type<Noun.Box>(),
    errors: ['BOX_MALFORMED', 'JSON_MALFORMED', 'DOCUMENT_TOO_LARGE', 'DOCUMENT_EXISTS'],
  },
  'kytos.storehouse.retrieve': {
    ...READ,
    unknown: false,
    ignoresOthers: true,
    fields: { namespace: required<string>(), box_id: required<string>() },
    /** False when the box does not exist. */
    answer: type<Noun.Box | false>(),
    errors: ['BOX_MALFORMED'],
  },
  'kytos.storehouse.update': {
    ...WRITE,
    carries: 'box',
    ignoresOthers: true,
    fields: {
      namespace: required<string>(),
      box_id: required<string>(),
      data: required<Json>(),
      method: optional<'PATCH' | 'PUT'>(),
      /** Ignored unless it is a string of digits. */
      revision: optional<string>(),
    },
    answer: type<Noun.Box>(),
    errors: [
      'BOX_MALFORMED',
      'JSON_MALFORMED',
      'METHOD_NOT_FOUND',
      'BOX_NOT_FOUND',
      'REVISION_MISMATCH',
      'DOCUMENT_TOO_LARGE',
    ],
  },
  'kytos.storehouse.delete': {
    ...WRITE,
    ignoresOthers: true,
    fields: { namespace: required<string>(), box_id: required<string>(), revision: optional<string>() },
    /** True when the box existed. */
    answer: type<boolean>(),
    errors: ['BOX_MALFORMED', 'REVISION_MISMATCH'],
  },
  'kytos.storehouse.list': {
    ...READ,
    unknown: [],
    ignoresOthers: true,
    fields: { namespace: required<string>() },
    /** Box ids in the order of creation. */
    answer: type<readonly string[]>(),
    errors: ['BOX_MALFORMED'],
  },
} satisfies Readonly<Record<`kytos.${string}`, Command>>

export type CommandName = keyof typeof COMMANDS
/** The content and the answer of each command. */
export type Commands = CommandsOf<typeof COMMANDS>
export type CommandContent<N extends CommandName> = Commands[N]['content']
export type CommandAnswer<N extends CommandName> = Commands[N]['answer']

/** Facts, which report changes. Only the watcher emits them. */
export interface Facts {
  'settings.changed': {
    readonly namespace: string
    /** `cluster`, `controller:<id>`, or `schema` when the defaults or rules changed. */
    readonly scope: string
    readonly kind: Noun.FactKind
    /** Effective settings here, after and before. */
    readonly data: JsonObject
    readonly previous: JsonObject
    readonly changes: readonly ValueChange[]
    readonly revision: string
    /** The version of the changed document; 0 for a schema. */
    readonly version: number
    readonly epoch: number
    readonly cursor: string
    readonly origin: Noun.Origin
    readonly actor: Actor | null
    readonly comment: string | null
  }
  'settings.rejected': {
    readonly namespace: string | null
    /** The key of the cluster's overrides for the list of a namespace; else a key or a file. */
    readonly source: string
    /** All rejected members of the namespace here, at most 100; or the reason why the source is rejected. */
    readonly rejected: readonly RejectedMember[]
    /** The number of rejected members that the list has no room for. */
    readonly more?: number
    readonly revision: string
    readonly origin: Noun.Origin
  }
  'settings.pending': PendingFact
  'settings.state': {
    readonly state: Noun.ServiceState
    readonly revision: string
    readonly epoch: number
    readonly since: string
    readonly reason: string | null
    /**
     * Seconds since the data here was last known to equal the store; null without data.
     */
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
    readonly kind: Noun.ChangeKind
    readonly revision: string
    readonly cursor: string
    readonly origin: Noun.Origin
    /** Null for a deletion, which does not record an actor. */
    readonly actor: Actor | null
  }
  'kytos/settings.loaded': Readonly<Record<string, never>>
}

export type FactName = keyof Facts
