import type { Entry, Revision } from '../model/document.ts'
import type { Key, Prefix } from '../model/key.ts'

/*
 * What a store is to us. One suite (conformance/) runs against every backend, and mutants of this contract
 * must fail it.
 *
 * Invariants:
 *  1. The store has one counter, the revision. A commit that changes something gets a revision above all
 *     earlier ones. Commits of different callers may share one, but a key changes at most once in a revision.
 *     Nothing ever goes back within one store.
 *  2. A commit is all or nothing, and durable when it resolves. One that loses changes nothing and fails
 *     nobody else's. It takes effect at most once.
 *  3. `get` and `list` see every commit that resolved before they were called (linearizable).
 *  4. `watch` gives every revision that changed a key of ours once, whole, in order.
 *  5. A backend keeps no picture of the world for its callers: who wants one lists, then watches from the
 *     list's revision.
 *
 * Errors are SettingsErrors. STORE_UNREACHABLE: surely not applied, the same call may succeed later.
 * OUTCOME_UNKNOWN: a commit that may or may not have been applied. HISTORY_LOST: a watch that cannot continue
 * without a gap. STORE_REFUSED, STORE_OVERLAP, STORE_FORMAT, STORE_LOCKED, STORE_DAMAGED, STORE_UNWRITABLE: a
 * person has to act.
 */

/**
 * What a key must be for a commit to succeed: anything, not there, or last changed at exactly this revision.
 */
export type Expected = 'any' | 'absent' | Revision

/**
 * One step of a commit. A key stands in at most one operation of a commit. `ttl`, in seconds, has the store
 * itself delete the key that long after the put (again counted by a later put with a ttl; ended by one
 * without). A `check` guards a key that is not written.
 *
 * Three members say what a backend may do and conclude when the answer to a commit was lost:
 *  - `marker` on a put: no other commit can contain this text. With it a commit that was applied is told from
 *    a lost race.
 *  - `lasting` on a put: no other commit deletes the key, or none that leaves the other guards of this commit
 *    valid. Only then does a guard by absence stay false once the put was applied. Without it the key may be
 *    absent, present and absent again.
 *  - `marker` on a delete: only a deletion by this very commit counts. Without it the absence of the key is
 *    all that is wanted.
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
 * How a commit ended. `committed: true`: at that revision; when nothing was to be done (only checks, or
 * deletes of absent keys) it is the revision at which that was seen. `committed: false`: a guard failed,
 * nothing was written; `found` is what each guarded key holds instead, absent keys left out.
 */
export type Outcome =
  | { readonly committed: true; readonly revision: Revision }
  | { readonly committed: false; readonly found: readonly Entry[] }

/** What happened to one key. A key that expired is a delete. */
export type Change =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: Key; readonly revision: Revision }

/**
 * All changes of one revision, in byte order of their keys. Without changes it is progress: everything up to
 * `revision` has been given, which says that the line is alive; it is never a reason to start a later watch
 * at that revision.
 */
export interface Batch {
  readonly revision: Revision
  readonly changes: readonly Change[]
}

/**
 * A consistent picture: all entries below a prefix at one revision, in byte order of their keys (`newest`:
 * the last ones, in reverse order).
 */
export interface Listing {
  readonly revision: Revision
  readonly pages: AsyncIterable<readonly Entry[]>
}

export interface ListOptions {
  /** Only the last this many keys, largest key first: the newest history records. */
  readonly newest?: number
}

/** What a backend is able to do; the only thing that a caller or a test may branch on. */
export interface Supports {
  /** More than one process may have the store open. */
  readonly sharing: boolean
  /** Data outlives the process. */
  readonly durability: boolean
  /** People can edit documents with other tools while the store is open. */
  readonly handEdits: boolean
  /**
   * The largest text of one entry, in bytes; a larger one is refused with DOCUMENT_TOO_LARGE before anything
   * is written.
   */
  readonly entryBytes: number
}

/**
 * Something a person should know of that is not the answer to a call: a broken hand-edited file, a torn
 * journal tail, an old server.
 */
export interface Problem {
  readonly code:
    | 'FILE_MISSING'
    | 'FILE_REJECTED'
    | 'FILE_UNWRITABLE'
    | 'JOURNAL_TORN'
    | 'KEY_FOREIGN'
    | 'SERVER_OUTDATED'
    | 'STORE_IMPORTED'
    | 'STORE_OVERLAP'
  /** One sentence for people: what, where, what to do. */
  readonly message: string
  /** The document it is about. */
  readonly key?: Key
  /** The file or endpoint it is about. */
  readonly source?: string
}

/** A readable file that does not show its document, for as long as that lasts. */
export interface FileProblem extends Problem {
  readonly code: 'FILE_MISSING' | 'FILE_REJECTED' | 'FILE_UNWRITABLE'
  readonly key: Key
  readonly source: string
}

/** Everything a backend is built with, besides its own options. Constructors do no I/O. */
export interface BackendContext {
  /** Called once per finding; never throws. */
  readonly report: (problem: Problem) => void
}

export interface Backend {
  readonly name: string
  readonly supports: Supports

  /**
   * Acquires the store.
   * @throws SettingsError STORE_UNREACHABLE (may be tried again), or one that a person has to act on.
   */
  open(): Promise<void>

  /** The entry, or undefined when the key is absent. */
  get(key: Key): Promise<Entry | undefined>

  /**
   * All entries below `prefix` (a prefix is whole segments: `settings/net/` never gives `settings/netops/x`),
   * at one revision, in pages.
   */
  list(prefix: Prefix, options?: ListOptions): Promise<Listing>

  /**
   * Applies the operations if every guard holds, once. Callers in flight at the same time share one round
   * trip or one fsync, each with its own outcome. A commit whose answer was lost is sent again only if at
   * most one of its copies can ever take effect ({@link mayRepeat}): `committed: false` and STORE_UNREACHABLE
   * then still say that none has, and none will. Any other is looked up once: `committed: true` when the
   * store shows it, else OUTCOME_UNKNOWN. A caller must not make a commit anew after OUTCOME_UNKNOWN, unless
   * both may take effect.
   * @throws SettingsError STORE_UNREACHABLE, OUTCOME_UNKNOWN, DOCUMENT_TOO_LARGE, CONTENT_MALFORMED (no
   * operation, a key twice), STORE_FULL.
   */
  commit(operations: readonly Operation[]): Promise<Outcome>

  /**
   * Every batch after `since` (exclusive), then live ones as they come, until `signal` aborts (the iteration
   * then just ends). When it has given everything up to the revision the store had when the watch was made,
   * it says so with progress (a batch without changes), also when there was nothing to give. It does not
   * reconnect: a cut line ends it with STORE_UNREACHABLE, and the caller watches again from what it was given
   * last. It buffers for a slow consumer without stopping the store.
   * @throws SettingsError HISTORY_LOST when steps after `since` are gone (compaction) or the store is behind
   * `since` or another one (wipe, restore).
   */
  watch(since: Revision, signal: AbortSignal): AsyncIterable<Batch>

  /**
   * The readable files that do not show their documents now, in byte order of their keys; none where
   * documents have no files.
   */
  fileProblems(): readonly FileProblem[]

  /**
   * Writes missing readable files again, of these documents or of all, and resolves with the keys whose files
   * are there again, in byte order.
   * @throws SettingsError STORE_UNWRITABLE when a file cannot be written.
   */
  restoreFiles(keys?: readonly Key[]): Promise<readonly Key[]>

  /**
   * Releases everything: pending commits finish or fail, watches end. The process can then end by itself. A
   * closed backend stays closed.
   */
  close(): Promise<void>
}
