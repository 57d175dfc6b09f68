import { closestMatch } from 'leven'
import type { Actor } from '../model/actor.ts'
import { SettingsError, toSettingsError } from '../model/errors.ts'
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

/** Reports an internal error, with its stack. */
export type ReportBug = (message: string) => void

/**
 * Dispatches commands to their handlers, which run concurrently. A handler receives only fields of the
 * command's record.
 *
 * Invariant: the callback of a command is called exactly once. A command that fails without a callback
 * becomes a dead letter, and so does one whose callback throws.
 */
export class CommandDispatcher {
  readonly #handlers = new Map<string, Handler<CommandName>>()
  readonly #answerListeners = new Set<(answered: Answered) => void>()
  readonly #deadLetters: DeadLetterBox
  readonly #reportBug: ReportBug

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

  /** Calls the listener for every command that is answered. */
  onAnswer(listener: (answered: Answered) => void): Unsubscribe {
    this.#answerListeners.add(listener)
    return () => this.#answerListeners.delete(listener)
  }

  /** Accepts a command; its handler starts in a microtask. */
  dispatch(event: KytosEvent): void {
    queueMicrotask(() => void this.#handle(event))
  }

  async #handle(event: KytosEvent): Promise<void> {
    // The bus sets the actor when it copies the content.
    const { actor, callback, ...content } = event.content as CommandEnvelope
    try {
      const handler = this.#handlers.get(event.name)
      const command = findCommand(event.name)
      if (!handler || !command) throw unservedCommand(event.name)
      const known = command.ignoresOthers ? pickFields(content, command.fields) : content
      checkFields(event.name, known, command.fields)
      // The handler checks the values of the fields, because the content may come from untyped code.
      const answer = await handler(known as Parameters<Handler<CommandName>>[0], { actor, event })
      this.#answer(event, actor, callback, answer, null)
    } catch (thrown) {
      const error = toSettingsError(thrown)
      if (error.code === 'INTERNAL_ERROR') this.#reportBug(`${event.name} failed: ${stackOf(thrown)}`)
      this.#answer(event, actor, callback, false, error)
    }
  }

  #answer(
    event: KytosEvent,
    actor: Actor,
    callback: unknown,
    data: unknown,
    error: SettingsError | null,
  ): void {
    for (const listener of this.#answerListeners) listener({ event, actor, error })
    if (typeof callback !== 'function') {
      if (error) this.#deadLetters.add(actor.name, event, error, redelivered => this.#redeliver(redelivered))
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

  #redeliver(event: KytosEvent): boolean {
    this.dispatch(event)
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

function unknownCommand(name: string): SettingsError {
  const nearest = closestMatch(name, Object.keys(COMMANDS))
  return new SettingsError('COMMAND_NOT_FOUND', `Unknown command "${name}"; did you mean "${nearest}"?`, {
    details: { got: name, nearest },
  })
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
