import type { Backend, Supports } from '../../backends/backend.ts'

/** A backend that can lose the answers to its commits. */
export interface Lossy {
  readonly backend: Backend
  /** Drops the answer to the next commit that is applied, and all traffic after it. */
  loseAnswers(): void
  /** Lets all traffic pass again. */
  restore(): void
  close(): Promise<void>
}

/** One store under test, and the events that can happen to it. */
export interface Place {
  /** Creates a backend on this store, not open yet. Unless `supports.sharing`, the one before was closed. */
  backend(): Backend
  /**
   * Creates a backend, not open yet, on the store as a new process would find it if this one died now. Absent
   * when that cannot be simulated.
   */
  afterCrash?(): Promise<Backend>
  /** Drops the history of all revisions up to now, as compaction does. */
  forget?(): Promise<void>
  /**
   * Creates a backend on this store, not open yet, over a connection that can lose answers. Absent when there
   * is no connection.
   */
  lossy?(): Promise<Lossy>
  remove(): Promise<void>
}

/** A kind of backend, as the suite tests it. */
export interface Subject {
  readonly title: string
  readonly supports: Omit<Supports, 'entryBytes'>
  /** True when its places have `afterCrash`. */
  readonly crash: boolean
  /** True when its places have `forget`. */
  readonly forget: boolean
  /** True when its places have `lossy`. */
  readonly lossy: boolean
  /** The shortest ttl that it counts exactly, in seconds. */
  readonly ttl: number
  /** The milliseconds that an expected event may take before a case fails. */
  readonly timeoutMs: number
  /** Creates a fresh, empty store. */
  create(): Promise<Place>
}

/** A feature that a case may need of a subject; without it the case is skipped. */
export type Need = 'sharing' | 'durability' | 'crash' | 'forget' | 'lossy'

/**
 * One requirement of the contract. `run` fails with an AssertionError, or with an error that the backend
 * should not have thrown.
 */
export interface Case {
  readonly title: string
  readonly needs?: readonly Need[]
  run(context: Context): Promise<void>
}

/** Everything that a case works with; what it opened is closed after it. */
export interface Context {
  /** An open backend on a fresh, empty store. */
  readonly store: Backend
  readonly ttl: number
  readonly timeoutMs: number
  /** Opens another backend on the same store. */
  second(): Promise<Backend>
  /** Closes `store` and opens the same store again. */
  reopen(): Promise<Backend>
  /** Opens a backend on the store as a crash at this moment would leave it. */
  afterCrash(): Promise<Backend>
  forget(): Promise<void>
  /** Opens another backend on the same store, whose answers can be lost. */
  lossy(): Promise<Lossy>
  /** Aborts when the case ends, in any way. */
  readonly over: AbortSignal
}

/** True when the subject has all features that a case needs. */
export function canRun({ needs = [] }: Case, subject: Subject): boolean {
  return needs.every(need =>
    need === 'crash' || need === 'forget' || need === 'lossy' ? subject[need] : subject.supports[need],
  )
}
