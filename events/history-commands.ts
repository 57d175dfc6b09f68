import { CODES, COMMON, optional, READ, required, type, WRITE } from './commands/command.ts'
import { CONFIRM_WITHIN } from './commands/pending-commands.ts'
import type * as Past from './history-nouns.ts'
import type { Settings, TransactionResult } from './nouns.ts'

/** Errors of every rollback. */
const ROLLBACK_CODES = [
  ...CODES.named,
  ...CODES.creation,
  ...CODES.change,
  'REVISION_MISMATCH',
  'VERSION_NOT_FOUND',
  'VERSION_PRUNED',
] as const

/** The commands that look back and go back; a part of the table in map.ts. */
export const HISTORY_COMMANDS = {
  /** All changes of all namespaces from the oldest kept record, in the order of the store, in pages. */
  'kytos.settings.audit': {
    ...READ,
    fields: {
      /** The cursor `next` of the page before. */
      after: optional<string>(),
      /** ISO 8601: starts at the first entry of this time or later. */
      from: optional<string>(),
      /** The number of entries after which a page ends; it contains revisions as a whole. */
      limit: optional<number>(),
      ...COMMON,
    },
    answer: type<Past.AuditPage>(),
    errors: ['SCOPE_MALFORMED', 'CURSOR_MALFORMED'],
  },
  /** The overrides at a time: of one namespace in a scope, or without a namespace of all in all scopes. */
  'kytos.settings.as_of': {
    ...READ,
    fields: { at: required<string>(), namespace: optional<string>(), ...COMMON },
    answer: type<Past.AsOf>(),
    errors: CODES.named,
  },
  /** Commits the overrides of an earlier version, or some of their keys. */
  'kytos.settings.rollback': {
    ...WRITE,
    fields: {
      namespace: required<string>(),
      /** 0 is the state before the first version: without overrides. */
      version: required<number>(),
      /** JSON Pointers: only these settings return to the version. */
      keys: optional<readonly string[]>(),
      revision: optional<string>(),
      dry_run: optional<boolean>(),
      ...CONFIRM_WITHIN,
      ...COMMON,
    },
    answer: type<Settings>(),
    errors: [...ROLLBACK_CODES, 'SETTING_NOT_FOUND'],
  },
  /** Undoes a whole transaction, or returns several documents to earlier versions: all of them or none. */
  'kytos.settings.rollback_transaction': {
    ...WRITE,
    fields: {
      /** The transaction: each of its documents returns to the version before it. */
      write_id: optional<string>(),
      documents: optional<readonly Past.RollbackDocument[]>(),
      /** With `write_id`: also undoes the changes that were made since. */
      force: optional<boolean>(),
      dry_run: optional<boolean>(),
      ...CONFIRM_WITHIN,
      ...COMMON,
    },
    answer: type<TransactionResult>(),
    errors: ROLLBACK_CODES,
  },
} as const
