import type { Actor } from '../model/actor.ts'
import type { SettingsError } from '../model/errors.ts'
import type { JsonObject } from '../model/value.ts'
import type { ValueChange, Verdict } from './changes.ts'
import type { ConsumerReport, NamedReport } from './commands/consumer-nouns.ts'
import type { CommandAnswer, CommandContent, CommandName, FactName, Facts } from './map.ts'
import type { ProtectedSecrets, ViewOptions } from './secrets/secrets-on-bus.ts'

/** An event as Kytos has it. `timestamp` is ISO 8601 in UTC; `priority` is carried and never reorders. */
export interface KytosEvent<Content = unknown> {
  readonly id: string
  readonly name: string
  readonly content: Content
  readonly timestamp: string
  readonly priority: number
  /** The number of redeliveries to a listener that failed. */
  readonly reinjections: number
}

/**
 * Called with one event at a time, after the promise of the previous call has settled. An error it throws
 * makes a dead letter.
 */
export type Listener<Content = unknown> = (event: KytosEvent<Content>) => void | Promise<void>

export type Unsubscribe = () => void

/** The callback of a command, as in storehouse: on failure `data` is false and `error` is the reason. */
export type Callback<Answer = unknown> = (
  event: KytosEvent,
  data: Answer | false,
  error: Error | null,
) => void

export interface EmitOptions {
  readonly priority?: number
}

export interface ListenOptions {
  /** Only facts of this namespace. */
  readonly namespace?: string
  /** The name of the listener in dead letters, a NApp id; the view's own name by default. */
  readonly name?: string
}

/** A change before its commit, with its effect on this controller. */
export interface AdmissionRequest {
  readonly namespace: string
  /** The effective settings after and before the change. */
  readonly data: JsonObject
  readonly previous: JsonObject
  /** The differences; never empty. */
  readonly changes: readonly ValueChange[]
  readonly actor: Actor
  readonly comment: string | null
  /** True for a dry run, which writes nothing. */
  readonly dry_run: boolean
}

/**
 * Returns undefined to accept, or a reason to reject; throwing also rejects. The signal aborts at the
 * deadline.
 */
export type ChangingHook = (
  request: AdmissionRequest,
  signal: AbortSignal,
) => undefined | string | Promise<undefined | string>

export interface Consumer {
  readonly changing?: ChangingHook
  /** States which settings the consumer uses now; never throws. */
  readonly report?: () => ConsumerReport
}

/** The response of one NApp to an admission request. */
export interface AdmissionResponse {
  readonly napp: string
  readonly verdict: Verdict
  readonly reason: string | null
}

/** The consumers of settings in this process, and their responses to changes. */
export interface AdmissionHooks {
  /** The NApps that use a namespace, sorted. */
  of(namespace: string): readonly string[]
  /** The number of registrations in all namespaces. */
  readonly size: number
  /** The reports of all consumers that make one, by namespace and then by NApp. */
  reports(): readonly NamedReport[]
  /** The response of each NApp, sorted by name; always within a deadline. */
  admit(request: AdmissionRequest): Promise<readonly AdmissionResponse[]>
}

/**
 * The view of the bus of one NApp or request: it stamps its actor on commands and rejects events reserved for
 * the service.
 */
export interface Bus {
  readonly actor: Actor
  /** @throws SettingsError EVENT_RESERVED for `settings.*`, `box.*` and `kytos/settings.*`. */
  emit<N extends CommandName>(
    name: N,
    content: CommandContent<N> & { readonly callback?: Callback<CommandAnswer<N>> },
    options?: EmitOptions,
  ): KytosEvent
  emit<Name extends string>(
    name: Exclude<Name, CommandName>,
    content?: object,
    options?: EmitOptions,
  ): KytosEvent
  /** Listens by exact name, or by a regular expression against the whole name. */
  on<N extends FactName>(name: N, listener: Listener<Facts[N]>, options?: ListenOptions): Unsubscribe
  on(name: string | RegExp, listener: Listener, options?: ListenOptions): Unsubscribe
  /**
   * Registers a consumer of a namespace: previews list it, and its hook is called before a change is
   * committed here.
   */
  consume(namespace: string, consumer?: Consumer): Unsubscribe
  /** The settings of the namespace of this view's NApp with the values of their secrets. */
  reveal?(data: JsonObject): JsonObject
}

/** The implementation of a command: `event` is the command itself, `actor` its sender. */
export type Handler<N extends CommandName> = (
  content: CommandContent<N>,
  context: { readonly actor: Actor; readonly event: KytosEvent; readonly mayReadSecrets: boolean },
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
  /**
   * Hands the event again to the listener that failed, and to no other.
   * @throws SettingsError DEAD_LETTER_NOT_FOUND.
   */
  reinject(id: string): void
  /** @throws SettingsError DEAD_LETTER_NOT_FOUND. */
  drop(id: string): void
}

/** The outcome of a command, without its answer. */
export interface Answered {
  /** The command; its content is the sender's and may contain anything. */
  readonly event: KytosEvent
  readonly actor: Actor
  /** Null when it succeeded. */
  readonly error: SettingsError | null
}

/** The bus itself, for the Settings NApp and the host only. */
export interface RootBus extends Bus {
  /** The view of an actor; that of a limited caller handles what it sees. */
  view(actor: Actor, options?: ViewOptions): Bus
  /** Keeps secrets out of the events of commands, and reveals them to the views that may read them. */
  protect(secrets: ProtectedSecrets): void
  /** Publishes a fact; for the watcher, and for the loaded fact of the host. */
  announce<N extends FactName>(name: N, content: Facts[N]): KytosEvent<Facts[N]>
  /** Registers the only handler of a command; handlers run concurrently. */
  serve<N extends CommandName>(name: N, handler: Handler<N>): Unsubscribe
  /** Sets the error of commands about an unknown name, with which reads of hidden names are answered. */
  describeUnknown(describe: (command: string, name: string) => SettingsError): void
  /** Calls the listener for every command that is answered; it must not throw. */
  onAnswer(listener: (answered: Answered) => void): Unsubscribe
  /** The number of queued events by the name of the listener. */
  backlog(): ReadonlyMap<string, number>
  readonly deadLetters: DeadLetters
  readonly consumers: AdmissionHooks
}
