import type { TokenDesk } from '../stage.ts'

/*
 * What the stage and the process of its controller say to each other. Contents are JSON texts, so that
 * integers of any size survive.
 */

/** Where a process works, and as whom. */
export interface Assignment {
  readonly controller: string
  readonly port: number
  readonly store: string
  readonly state: string
  /** Keep the last known state there, and begin from it. */
  readonly snapshot: boolean
  /** Where every log gets a second name before anything is written into it. */
  readonly archive: string
  /** Where a loss of power finds what was not synced; none: nothing is noted. */
  readonly blackBox?: BlackBoxPlace
  /** For what the process chooses at random by itself. */
  readonly seed: number
}

/**
 * The notes of what reached the page cache and what the disk, and second names of files that were removed or
 * replaced.
 */
export interface BlackBoxPlace {
  readonly file: string
  readonly graveyard: string
}

/** How the disk fails: each action on a path that holds `within` fails so often with this error. */
export interface Trouble {
  readonly code: 'EACCES' | 'EIO' | 'ENOSPC'
  readonly actions: readonly ('create' | 'write' | 'sync' | 'truncate' | 'rename' | 'link' | 'remove')[]
  /** Part of the path, such as `/journal/`. */
  readonly within: string
  readonly chance: number
  /** A write does a part of its work before it fails. */
  readonly short: boolean
}

/** How far a controller is, and what it counted. */
export interface Status {
  readonly state: string
  readonly epoch: number
  readonly revision: string
  readonly resyncs: number
  readonly repairs: number
  readonly reconciles: number
}

export type Order =
  | { readonly type: 'start'; readonly assignment: Assignment }
  /**
   * Open the store as a second process would, without a service; answered with the error, or with `opened`
   * once it is closed again.
   */
  | { readonly type: 'intrude'; readonly id: number; readonly store: string }
  | { readonly type: 'ask'; readonly id: number; readonly name: string; readonly content: string }
  | { readonly type: 'status'; readonly id: number }
  /** One of the methods of a token desk, with its argument. */
  | { readonly type: 'token'; readonly id: number; readonly act: keyof TokenDesk; readonly argument: string }
  /**
   * Die by SIGKILL in place of the so many-th step from now on that changes the store; when it is a write,
   * after this share of it.
   */
  | { readonly type: 'doom'; readonly steps: number; readonly share: number }
  /** The disk fails like this from now on; undefined: it works. */
  | { readonly type: 'trouble'; readonly id: number; readonly trouble?: Trouble }

export type Report =
  /** Everything is loaded, an order is waited for. */
  | { readonly type: 'warm' }
  /** It begins with what a former process knew, up to this cursor. */
  | { readonly type: 'known'; readonly cursor: string }
  | { readonly type: 'open' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'answer'; readonly id: number; readonly text: string }
  | {
      readonly type: 'refusal'
      readonly id: number
      readonly code: string
      readonly message: string
      readonly details: string
    }
  /**
   * A fact that a listener on the bus heard; `at` is when it was said, by the monotonic clock that all
   * processes of a machine share.
   */
  | { readonly type: 'heard'; readonly name: string; readonly content: string; readonly at: string }
