import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import type { Final, HandChange, Listener, Removal, StoreLife, TokenSight } from './history.ts'
import type { Random } from './random.ts'

/** A controller at work, in this process or in one of its own. */
export interface Player {
  readonly id: string
  /** Where its REST answers, the same over restarts. */
  readonly url: string
  /**
   * @throws SettingsError as the command does; {@link PlayerGone} when its process ended before it answered.
   */
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  readonly tokens: TokenDesk
}

/** The tokens of the store at one controller. Every method throws as {@link Player.ask} does. */
export interface TokenDesk {
  make(name: string): Promise<MadeToken>
  revoke(id: string): Promise<void>
  /** Never asks the store: decides from what the controller knows. */
  check(token: string): Promise<TokenSight>
}

/** A new token: `token` is its text, which is shown once. */
export interface MadeToken {
  readonly id: string
  readonly token: string
}

/** The process of a controller ended, or was not there: what it was asked may or may not have been done. */
export class PlayerGone extends Error {}

/** One kind of trouble. */
export interface Fault {
  /** As it stands in the table: `kill -9`, `black hole`. */
  readonly name: string
  /** How often it is chosen, beside the others. */
  readonly weight: number
  /**
   * Makes the trouble, lets it last, ends it. Resolves when the store can be reached again; recovery goes on.
   */
  strike(random: Random): Promise<void>
}

/** What a client that is not ours lost of the same history under the same faults. */
export interface Rival {
  /** Events of the store's history that it should have seen, and those that it never did. */
  readonly owed: number
  readonly lost: number
}

/** A fresh store with controllers on it, and what can befall them. */
export interface Stage {
  /** As it stands in the table: `one etcd, lines`, `three etcds`. */
  readonly name: string
  readonly players: readonly Player[]
  readonly faults: readonly Fault[]
  /** The faults take something from the store: steps may be gone. */
  readonly mayResync: boolean
  /**
   * Longest pause of a writer between two commands, in ms; short when absent. Where it is long, documents get
   * few versions while a fault lasts.
   */
  readonly pause?: number
  /**
   * All trouble is over: resolves when every controller is READY at the store's newest revision.
   * @throws when they do not get there in 60 s.
   */
  calm(): Promise<void>
  /**
   * After {@link calm}, with nobody writing any more: what the store and everybody in its processes saw.
   * Called once.
   */
  collect(): Promise<{
    readonly lives: readonly StoreLife[]
    readonly listeners: readonly Listener[]
    readonly finals: readonly Final[]
    /** What other clients changed in the store itself; absent where files are edited instead. */
    readonly hands?: readonly HandChange[]
    readonly removals?: readonly Removal[]
    readonly rival?: Rival
  }>
  /** Ends everything; also after a failure. */
  close(): Promise<void>
}
