import { closestMatch } from 'leven'
import type { Actor } from '../model/actor.ts'
import { SettingsError, toSettingsError } from '../model/errors.ts'
import { findHidden } from '../model/rights/command-rules.ts'
import { EVERYTHING_VISIBLE, runVisible, type Visibility } from '../model/rights/visibility.ts'
import type { Command } from './commands/command.ts'
import { checkFields, pickFields } from './content.ts'
import type { DeadLetterBox } from './dead-letters.ts'
import type { Answered, Callback, Handler, KytosEvent, Unsubscribe } from './event.ts'
import { isThenable } from './inbox.ts'
import { COMMANDS, type CommandName } from './map.ts'
import { findCommand } from './names.ts'

/** The members of a command's event beside its fields. */
interface CommandEnvelope {
  readonly actor: Actor
  readonly callback?: unknown
}

/** A command with its sender. */
interface Dispatched {
  readonly event: KytosEvent
  readonly actor: Actor
  readonly callback: unknown
  readonly visibility: Visibility
}

/** The error with which a command answers about an unknown name. */
export type DescribeUnknown = (command: string, name: string) => SettingsError

/** A command as it was sent. */
interface Sending {
  readonly sent?: unknown
  readonly mayReadSecrets?: boolean
  readonly visibility?: Visibility
}

/** Reports an internal error, with its stack. */
export type ReportBug = (message: string) => void

/**
 * Dispatches commands to their handlers, which run concurrently. A handler receives only fields of the
 * command's record.
 *
 * Invariants: the callback of a command is called exactly once. A command that fails without a callback
 * becomes a dead letter, and so does one whose callback throws. The handler runs only for names that the
 * caller sees.
 */
export class CommandDispatcher {
  readonly #handlers = new Map<string, Handler<CommandName>>()
  readonly #answerListeners = new Set<(answered: Answered) => void>()
  readonly #deadLetters: DeadLetterBox
  readonly #reportBug: ReportBug
  #describeUnknown: DescribeUnknown = describeUnknown

  constructor(deadLetters: DeadLetterBox, reportBug: ReportBug) {
    this.#deadLetters = deadLetters
    this.#reportBug = reportBug
  }

  get size(): number {
    return this.#handlers.size
  }

  serve<N extends CommandName>(name: N, handler: Handler<N>): Unsubscribe {
    if (!findCommand(name)) throw unknownCommand(name)
    if (this.#handlers.has(name))
      throw new SettingsError('INTERNAL_ERROR', `"${name}" already has a handler; a command has exactly one.`)
    // The map calls a handler only with a command of the name it is stored under.
    const stored = handler as unknown as Handler<CommandName>
    this.#handlers.set(name, stored)
    return () => {
      if (this.#handlers.get(name) === stored) this.#handlers.delete(name)
    }
  }

  /** Sets the error for a read of a hidden name, which must be that for a read of an unknown one. */
  describeUnknown(describe: DescribeUnknown): void {
    this.#describeUnknown = describe
  }

  /** Calls the listener for every command that is answered. */
  onAnswer(listener: (answered: Answered) => void): Unsubscribe {
    this.#answerListeners.add(listener)
    return () => this.#answerListeners.delete(listener)
  }

  /**
   * Accepts a command; its handler starts in a microtask. `sent` is the content as it was sent, where that of
   * the event lacks the secrets.
   */
  dispatch(event: KytosEvent, sending: Sending = {}): void {
    queueMicrotask(() => void this.#handle(event, sending))
  }

  async #handle(event: KytosEvent, sending: Sending): Promise<void> {
    const { sent = event.content, mayReadSecrets = false, visibility = EVERYTHING_VISIBLE } = sending
    // The bus sets the actor when it copies the content.
    const { actor, callback, ...content } = sent as CommandEnvelope
    try {
      const handler = this.#handlers.get(event.name)
      const command = findCommand(event.name)
      if (!handler || !command) throw unservedCommand(event.name)
      const known = command.ignoresOthers ? pickFields(content, command.fields) : content
      checkFields(event.name, known, command.fields)
      const answer = await runVisible(visibility, () => {
        const { effect } = command
        const asked = { name: event.name, effect, content: { ...known }, caller: actor.name }
        const hidden = findHidden(asked, visibility)
        if (hidden !== undefined) return this.#answerHidden(command, event.name, hidden)
        // The handler checks the values of the fields, because the content may come from untyped code.
        return handler(known as Parameters<Handler<CommandName>>[0], { actor, event, mayReadSecrets })
      })
      this.#answer({ event, actor, callback, visibility }, answer, null)
    } catch (thrown) {
      const error = toSettingsError(thrown)
      if (error.code === 'INTERNAL_ERROR') this.#reportBug(`${event.name} failed: ${stackOf(thrown)}`)
      this.#answer({ event, actor, callback, visibility }, false, error)
    }
  }

  /** Answers a read of a hidden name as one of an unknown name. */
  #answerHidden({ unknown }: Command, name: string, hidden: string): unknown {
    if (unknown !== undefined) return unknown
    throw this.#describeUnknown(name, hidden)
  }

  #answer(
    { event, actor, callback, visibility }: Dispatched,
    data: unknown,
    error: SettingsError | null,
  ): void {
    for (const listener of this.#answerListeners) listener({ event, actor, error })
    if (typeof callback !== 'function') {
      const redeliver = (redelivered: KytosEvent): boolean => this.#redeliver(redelivered, visibility)
      if (error) this.#deadLetters.add(actor.name, event, error, redeliver)
      return
    }
    const call = (delivered: KytosEvent): boolean => {
      const failed = (thrown: unknown): void => this.#deadLetters.add(actor.name, delivered, thrown, call)
      try {
        const settled: unknown = (callback as Callback)(delivered, data, error)
        if (isThenable(settled)) Promise.resolve(settled).catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
      return true
    }
    call(event)
  }

  #redeliver(event: KytosEvent, visibility: Visibility): boolean {
    this.dispatch(event, { visibility })
    return true
  }
}

function unservedCommand(name: string): SettingsError {
  if (!findCommand(name)) return unknownCommand(name)
  return new SettingsError(
    'SERVICE_ABSENT',
    `"${name}" has no handler: the Settings NApp is starting or has stopped. Retry later.`,
    {
      details: { command: name },
    },
  )
}

function describeUnknown(_command: string, namespace: string): SettingsError {
  return new SettingsError('NAMESPACE_NOT_FOUND', `The namespace "${namespace}" does not exist.`, {
    details: { namespace },
  })
}

function unknownCommand(name: string): SettingsError {
  const nearest = closestMatch(name, Object.keys(COMMANDS))
  return new SettingsError('COMMAND_NOT_FOUND', `Unknown command "${name}"; did you mean "${nearest}"?`, {
    details: { got: name, nearest },
  })
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
