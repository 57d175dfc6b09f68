import type { Entry, Revision } from '../model/document.ts'
import type { Key, Prefix } from '../model/key.ts'
import type { JsonObject } from '../model/value.ts'

/*
 * The contract of a store. One conformance suite (conformance/) runs against every backend, and rejects
 * backends that break the contract on purpose (test/conformance/mutants).
 *
 * Invariants:
 *  1. A store has one counter, the revision. A commit that changes something gets a revision above all
 *     earlier ones. Commits of several callers may share a revision, but a key changes at most once in a
 *     revision. Within one store the revision never decreases.
 *  2. A commit applies all of its operations or none, and is durable when it resolves. A commit whose guards
 *     fail changes nothing, and fails no commit of another caller. A commit takes effect at most once.
 *  3. `get` and `list` see every commit that resolved before they were called (linearizable).
 *  4. `watch` yields every revision that changed a key of this store once, as a whole, and in order.
 *  5. A backend keeps no cache for its callers. A caller that wants one calls `list`, then `watch` with the
 *     revision of the listing.
 *
 * Every error is a SettingsError:
 *  - STORE_UNREACHABLE: the call was certainly not applied; the same call may succeed later.
 *  - OUTCOME_UNKNOWN: the commit may or may not have been applied.
 *  - HISTORY_LOST: the watch cannot continue without a gap.
 *  - STORE_REFUSED, STORE_OVERLAP, STORE_FORMAT, STORE_LOCKED, STORE_DAMAGED, STORE_UNWRITABLE: an operator
 *    has to act.
 */

/**
 * What an operation expects of its key: `any` state, that the key is `absent`, or that it was last changed at
 * exactly this revision.
 */
export type Expected = 'any' | 'absent' | Revision

/**
 * One operation of a commit: a put, a delete, or a check, which guards a key that is not written. A key
 * occurs in at most one operation of a commit. An absent `expected` is `any`.
 *
 * A put with a `ttl`, in seconds, makes the store delete the key that long after the put. A later put with a
 * ttl starts the time again; one without a ttl ends it.
 *
 * Three members tell a backend what it may do, and conclude, when the answer to a commit was lost:
 *  - `marker` on a put: no other commit can contain this text. It distinguishes a commit that was applied
 *    from one that lost a race.
 *  - `lasting` on a put: no other commit deletes the key, except one that makes another guard of this commit
 *    fail. Only then does a guard that expects absence stay false once the put was applied. Without it, the
 *    key may be absent, present and absent again.
 *  - `marker` on a delete: only a deletion by this commit counts as success. Without it, success is that the
 *    key is absent.
 */
export type Operation =
  | {
      readonly key: Key
      readonly put: string
      readonly expected?: Expected
      readonly ttl?: number
      readonly marker?: true
      readonly lasting?: true
    }
  | { readonly key: Key; readonly delete: true; readonly expected?: Expected; readonly marker?: true }
  | { readonly key: Key; readonly check: true; readonly expected: Expected }

/**
 * The outcome of a commit. `committed: true`: it was applied at `revision`. When it had nothing to change
 * (only checks, or deletes of absent keys), `revision` is the one at which that was seen. `committed: false`:
 * a guard failed and nothing was written; `found` has the entries of all guarded keys, without absent keys.
 */
export type Outcome =
  | { readonly committed: true; readonly revision: Revision }
  | { readonly committed: false; readonly found: readonly Entry[] }

/** The change of one key. A key that expired is a delete. */
export type Change =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: Key; readonly revision: Revision }

/**
 * All changes of one revision, in byte order of their keys. A batch without changes is progress: everything
 * up to `revision` has been yielded. Progress shows that the connection works; a later watch must never start
 * at its revision.
 */
export interface Batch {
  readonly revision: Revision
  readonly changes: readonly Change[]
}

/**
 * All entries below a prefix at one revision, in pages and in byte order of their keys. With `newest`: the
 * last of them, in reverse order.
 */
export interface Listing {
  readonly revision: Revision
  readonly pages: AsyncIterable<readonly Entry[]>
}

/** Options of `list`. */
export interface ListOptions {
  /** List only this many keys, the largest first: for the newest records of a history. */
  readonly newest?: number
}

/** The features of a backend; a caller or a test may depend on nothing else that differs between backends. */
export interface Supports {
  /** Several processes may have the store open. */
  readonly sharing: boolean
  /** Data remains after the process ends. */
  readonly durability: boolean
  /** People can edit documents with other tools while the store is open. */
  readonly handEdits: boolean
  /** The largest text of one entry, in bytes; a commit with a larger one fails with DOCUMENT_TOO_LARGE. */
  readonly entryBytes: number
}

/**
 * A condition that an operator should know of and that is not the result of a call: an invalid hand-edited
 * file, an unfinished write in the journal, an outdated server.
 */
export interface Problem {
  readonly code:
    | 'FILE_MISSING'
    | 'FILE_REJECTED'
    | 'FILE_UNWRITABLE'
    | 'JOURNAL_REMOVED'
    | 'JOURNAL_TORN'
    | 'KEY_FOREIGN'
    | 'SERVER_OUTDATED'
    | 'STORE_IMPORTED'
    | 'STORE_OVERLAP'
  /** The text for the operator: what is wrong, where, and what to do. */
  readonly message: string
  /** The document that is affected. */
  readonly key?: Key
  /** The file or endpoint that is affected. */
  readonly source?: string
}

/** A readable file that does not show its document; a problem for as long as that is so. */
export interface FileProblem extends Problem {
  readonly code: 'FILE_MISSING' | 'FILE_REJECTED' | 'FILE_UNWRITABLE'
  readonly key: Key
  readonly source: string
}

/** Everything that a backend is created with, besides its own options. Creating a backend does no I/O. */
export interface BackendContext {
  /** Called by the backend once per problem; never throws. */
  readonly report: (problem: Problem) => void
  /** Seals what a person typed into a readable file, before it enters the store; absent where nothing is sealed. */
  readonly seal?: SealEdit
}

/** Lists entries of the store, for the schemas that mark secrets. */
export type ReadEntries = (prefix: Prefix) => Iterable<Entry>

/** Seals the secrets in what a person typed. */
export interface SealEdit {
  /**
   * Returns settings with their secrets sealed; the same object when there is nothing to seal.
   * @throws SettingsError when a secret cannot be sealed now; the edit is then rejected and kept in its file.
   */
  settings(key: Key, value: JsonObject, read: ReadEntries): JsonObject
  /**
   * Returns the text to be kept in place of one that cannot be read, and that may have secrets; undefined to
   * keep it as it is.
   */
  text(key: Key, text: string, read: ReadEntries): string | undefined
}

/** A store, as its callers use it. */
export interface Backend {
  readonly name: string
  readonly supports: Supports

  /**
   * Acquires the store.
   * @throws SettingsError STORE_UNREACHABLE (the call may be retried), or a code that needs an operator.
   */
  open(): Promise<void>

  /** Returns the entry of a key, or undefined when the key is absent. */
  get(key: Key): Promise<Entry | undefined>

  /**
   * Returns the seconds until the store deletes a key that was put with a ttl, by the clock of the store;
   * undefined when the key is absent or does not expire.
   */
  timeToLive(key: Key): Promise<number | undefined>

  /**
   * Lists all entries below `prefix` at one revision, in pages. A prefix consists of whole segments:
   * `settings/net/` never lists `settings/netops/x`.
   */
  list(prefix: Prefix, options?: ListOptions): Promise<Listing>

  /**
   * Applies the operations once, if every guard holds. Callers in flight at the same time share one round
   * trip or one fsync; each gets its own outcome.
   *
   * When the answer to a commit was lost, a backend sends the commit again only if at most one of its copies
   * can ever take effect ({@link mayRepeat}). So `committed: false` and STORE_UNREACHABLE still mean that no
   * copy was applied, and that none will be. Any other commit is looked up once: the outcome is
   * `committed: true` when the store shows the commit, else the call fails with OUTCOME_UNKNOWN. After
   * OUTCOME_UNKNOWN a caller must not make the commit again, unless both may take effect.
   * @throws SettingsError STORE_UNREACHABLE, OUTCOME_UNKNOWN, DOCUMENT_TOO_LARGE, CONTENT_MALFORMED (no
   * operation, a key twice), STORE_FULL.
   */
  commit(operations: readonly Operation[]): Promise<Outcome>

  /**
   * Yields every batch after `since` (exclusive), then new ones as they are committed, until `signal` aborts;
   * the iteration then ends without an error.
   *
   * Once everything up to the revision that the store had when the watch started is yielded, the watch yields
   * progress (a batch without changes), also when there was nothing before it. A watch does not reconnect: a
   * broken connection ends it with STORE_UNREACHABLE, and the caller watches again from the last batch with
   * changes. For a slow consumer it buffers, without stopping the store.
   * @throws SettingsError HISTORY_LOST when revisions after `since` are no longer kept (compaction), or when
   * the store is behind `since` or is another store (wipe, restore).
   */
  watch(since: Revision, signal: AbortSignal): AsyncIterable<Batch>

  /**
   * Returns the readable files that do not show their documents now, in byte order of their keys; an empty
   * array when documents have no files.
   */
  fileProblems(): readonly FileProblem[]

  /**
   * Writes missing readable files again, of these documents or of all. Resolves with the keys whose files
   * exist again, in byte order.
   * @throws SettingsError STORE_UNWRITABLE when a file cannot be written.
   */
  restoreFiles(keys?: readonly Key[]): Promise<readonly Key[]>

  /**
   * Releases everything: pending commits resolve or fail, watches end, and nothing keeps the process running.
   * A closed backend cannot be opened again; `close` may be called again.
   */
  close(): Promise<void>
}
