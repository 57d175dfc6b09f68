import type { Backend, Supports } from '../../backends/backend.ts'

/** A backend whose answers can be lost. */
export interface Lossy {
  readonly backend: Backend
  /** The next commit that is applied is not answered, and nothing passes from then on. */
  loseAnswers(): void
  /** Everything passes again. */
  restore(): void
  close(): Promise<void>
}

/** One store under test: where backends are opened on, and what can happen to it. */
export interface Place {
  /** A backend on this store, not yet open. Unless `supports.sharing`, the one before was closed. */
  backend(): Backend
  /**
   * What a new process would find if this one died now: a backend, not yet open, on the store as it is at
   * this moment. Absent where that cannot be shown.
   */
  afterCrash?(): Promise<Backend>
  /** Drops the history of all steps up to now, as compaction does. */
  forget?(): Promise<void>
  /**
   * A backend on this store, not yet open, behind a line that can lose answers. Absent where a call and its
   * answer are one.
   */
  lossy?(): Promise<Lossy>
  remove(): Promise<void>
}

/** A kind of backend, as the suite needs to know it. */
export interface Subject {
  readonly title: string
  readonly supports: Omit<Supports, 'entryBytes'>
  /** What its places can do. */
  readonly crash: boolean
  readonly forget: boolean
  readonly lossy: boolean
  /** The shortest ttl it counts exactly, in seconds. */
  readonly ttl: number
  /** How long, in milliseconds, a thing that must happen may take before a case fails. */
  readonly patience: number
  /** A fresh, empty store. */
  create(): Promise<Place>
}

/** What a case may ask of a subject; without it the case is skipped. */
export type Need = 'sharing' | 'durability' | 'crash' | 'forget' | 'lossy'

/**
 * One promise of the contract. `run` fails by an AssertionError, or by an error that the backend should not
 * have thrown.
 */
export interface Case {
  readonly title: string
  readonly needs?: readonly Need[]
  run(context: Context): Promise<void>
}

/** What a case works with; everything it opened is closed after it. */
export interface Context {
  /** An open backend on a fresh, empty store. */
  readonly store: Backend
  readonly ttl: number
  readonly patience: number
  /** Another open backend on the same store. */
  second(): Promise<Backend>
  /** Closes `store` and opens the same store again. */
  reopen(): Promise<Backend>
  /** An open backend on what a crash at this moment would leave. */
  afterCrash(): Promise<Backend>
  forget(): Promise<void>
  /** Another open backend on the same store, whose answers can be lost. */
  lossy(): Promise<Lossy>
  /** Aborts when the case is over, however it ended. */
  readonly over: AbortSignal
}

/** True when the subject can do what a case needs. */
export function canRun({ needs = [] }: Case, subject: Subject): boolean {
  return needs.every(need =>
    need === 'crash' || need === 'forget' || need === 'lossy' ? subject[need] : subject.supports[need],
  )
}
