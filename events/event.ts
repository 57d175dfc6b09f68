import type { Actor } from '../model/actor.ts'
import type { SettingsError } from '../model/errors.ts'
import type { JsonObject } from '../model/value.ts'
import type { ValueChange, Verdict } from './changes.ts'
import type { CommandAnswer, CommandContent, CommandName, FactName, Facts } from './map.ts'

/** An event as Kytos has it. `timestamp` is ISO 8601 in UTC; `priority` is carried and never reorders. */
export interface KytosEvent<Content = unknown> {
  readonly id: string
  readonly name: string
  readonly content: Content
  readonly timestamp: string
  readonly priority: number
  /** How often it was handed again to a listener that had failed. */
  readonly reinjections: number
}

/** Hears events, one at a time: the next one waits until the promise of this one has settled. What it throws goes to the dead letters. */
export type Listener<Content = unknown> = (event: KytosEvent<Content>) => void | Promise<void>

export type Unsubscribe = () => void

/** The answer path of a command, as in storehouse: on failure `data` is false and `error` says why. */
export type Callback<Answer = unknown> = (event: KytosEvent, data: Answer | false, error: Error | null) => void

export interface EmitOptions {
  readonly priority?: number
}

export interface ListenOptions {
  /** Only facts of this namespace. */
  readonly namespace?: string
  /** Who listens, for the dead letters: a NApp id. The view's own name by default. */
  readonly name?: string
}

/** A change that is about to be committed, as it would look here. */
export interface Proposal {
  readonly namespace: string
  /** Effective settings, after and before. */
  readonly data: JsonObject
  readonly previous: JsonObject
  /** What differs; never empty. */
  readonly changes: readonly ValueChange[]
  readonly actor: Actor
  readonly comment: string | null
  /** True when somebody only wants to know: nothing will be written. */
  readonly dry_run: boolean
}

/** Gives nothing to accept, a reason to refuse; throwing refuses too. The signal aborts at the deadline. */
export type ChangingHook = (proposal: Proposal, signal: AbortSignal) => undefined | string | Promise<undefined | string>

export interface Consumer {
  readonly changing?: ChangingHook
}

/** What one NApp says to a proposal. */
export interface Opinion {
  readonly napp: string
  readonly verdict: Verdict
  readonly reason: string | null
}

/** Who uses which settings in this process, and what they say to a change. */
export interface Consultation {
  /** The NApps that use a namespace, sorted. */
  of(namespace: string): readonly string[]
  /** How many there are in all, each hook counted. */
  readonly size: number
  /** What each of them says, sorted by name; always within a deadline. */
  consult(proposal: Proposal): Promise<readonly Opinion[]>
}

/** One NApp's (or one request's) view of the bus: it stamps its actor on commands and refuses to emit what only the watcher may say. */
export interface Bus {
  readonly actor: Actor
  /** @throws SettingsError EVENT_RESERVED for `settings.*`, `box.*` and `kytos/settings.*`. */
  emit<N extends CommandName>(
    name: N,
    content: CommandContent<N> & { readonly callback?: Callback<CommandAnswer<N>> },
    options?: EmitOptions,
  ): KytosEvent
  emit<Name extends string>(name: Exclude<Name, CommandName>, content?: object, options?: EmitOptions): KytosEvent
  /** Listens by exact name, or by a regular expression against the whole name. */
  on<N extends FactName>(name: N, listener: Listener<Facts[N]>, options?: ListenOptions): Unsubscribe
  on(name: string | RegExp, listener: Listener, options?: ListenOptions): Unsubscribe
  /** Uses the settings of a namespace, in the view's own name: previews tell of it, and its hook is asked before a change of them is committed here. */
  consume(namespace: string, consumer?: Consumer): Unsubscribe
}

/** How the service answers a command: `event` is the command itself, its stamped actor in `actor`. */
export type Handler<N extends CommandName> = (
  content: CommandContent<N>,
  context: { readonly actor: Actor; readonly event: KytosEvent },
) => Promise<CommandAnswer<N>> | CommandAnswer<N>

/** The handler of every command. */
export type Handlers = { readonly [N in CommandName]: Handler<N> }

/** An event that a listener failed on. */
export interface DeadLetter {
  readonly id: string
  readonly listener: string
  readonly event: KytosEvent
  readonly error: { readonly message: string; readonly code?: string }
  readonly at: string
}

export interface DeadLetters {
  readonly size: number
  list(): readonly DeadLetter[]
  /** Hands the event again to the listener that failed, and to no other. @throws SettingsError DEAD_LETTER_NOT_FOUND. */
  reinject(id: string): void
  /** @throws SettingsError DEAD_LETTER_NOT_FOUND. */
  drop(id: string): void
}

/** How a command ended, without what it asked and answered. */
export interface Answered {
  /** The command; its content is the sender's, which may hold anything. */
  readonly event: KytosEvent
  readonly actor: Actor
  /** Null when it was done. */
  readonly error: SettingsError | null
}

/** The bus itself, held by the Settings NApp and the host only. */
export interface RootBus extends Bus {
  view(actor: Actor): Bus
  /** Says a fact; for the watcher (and the loaded fact of the host). */
  announce<N extends FactName>(name: N, content: Facts[N]): KytosEvent<Facts[N]>
  /** Answers a command; handlers of different events run at the same time. One handler a command. */
  serve<N extends CommandName>(name: N, handler: Handler<N>): Unsubscribe
  /** Hears of every command as it is answered; must not throw. */
  onAnswer(listener: (answered: Answered) => void): Unsubscribe
  /** How many events wait for each who listens, by name. */
  backlog(): ReadonlyMap<string, number>
  readonly deadLetters: DeadLetters
  readonly consumers: Consultation
}
