import { closestMatch } from 'leven'
import type { Actor } from '../model/actor.ts'
import { SettingsError, toSettingsError } from '../model/errors.ts'
import { checkFields } from './content.ts'
import type { DeadLetterBox } from './dead-letters.ts'
import type { Answered, Callback, Handler, KytosEvent, Unsubscribe } from './event.ts'
import { isThenable } from './inbox.ts'
import { COMMANDS, type CommandName } from './map.ts'
import { findCommand } from './names.ts'

/** What a command's event holds besides its fields. */
interface CommandEnvelope {
  readonly actor: Actor
  readonly callback?: unknown
}

/** Where the desk tells of a failure that is our own, with what a developer needs. */
export type Mishap = (message: string) => void

/**
 * Answers commands, each as it comes: handlers of different events run at the same time, with the fields that
 * the command's record has and no others. Whoever asked hears of it exactly once, through the callback; where
 * there is none, or it throws, the command goes to the dead letters.
 */
export class CommandDispatcher {
  readonly #handlers = new Map<string, Handler<CommandName>>()
  readonly #watchers = new Set<(answered: Answered) => void>()
  readonly #deadLetters: DeadLetterBox
  readonly #mishap: Mishap

  constructor(deadLetters: DeadLetterBox, mishap: Mishap) {
    this.#deadLetters = deadLetters
    this.#mishap = mishap
  }

  get size(): number {
    return this.#handlers.size
  }

  serve<N extends CommandName>(name: N, handler: Handler<N>): Unsubscribe {
    if (!findCommand(name)) throw unknownCommand(name)
    if (this.#handlers.has(name))
      throw new SettingsError('INTERNAL_ERROR', `"${name}" already has a handler; a command has exactly one.`)
    // Stored under its own name, and only ever called with a command of that name.
    const stored = handler as unknown as Handler<CommandName>
    this.#handlers.set(name, stored)
    return () => {
      if (this.#handlers.get(name) === stored) this.#handlers.delete(name)
    }
  }

  /** Has every command told as it is answered. */
  onAnswer(listener: (answered: Answered) => void): Unsubscribe {
    this.#watchers.add(listener)
    return () => this.#watchers.delete(listener)
  }

  /** Takes a command in; its handler starts in a microtask. */
  take(event: KytosEvent): void {
    queueMicrotask(() => void this.#work(event))
  }

  async #work(event: KytosEvent): Promise<void> {
    // The bus stamped the actor when it copied the content.
    const { actor, callback, ...content } = event.content as CommandEnvelope
    try {
      const handler = this.#handlers.get(event.name)
      const command = findCommand(event.name)
      if (!handler || !command) throw unservedCommand(event.name)
      checkFields(event.name, content, command.fields)
      // The sender's types vouch for what the fields hold, and the handler checks it: content may come from
      // untyped code.
      const answer = await handler(content as Parameters<Handler<CommandName>>[0], { actor, event })
      this.#answer(event, actor, callback, answer, null)
    } catch (thrown) {
      const error = toSettingsError(thrown)
      if (error.code === 'INTERNAL_ERROR') this.#mishap(`${event.name} failed: ${stackOf(thrown)}`)
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
    for (const tell of this.#watchers) tell({ event, actor, error })
    if (typeof callback !== 'function') {
      if (error) this.#deadLetters.add(actor.name, event, error, again => this.#again(again))
      return
    }
    const call = (of: KytosEvent): boolean => {
      const failed = (thrown: unknown): void => this.#deadLetters.add(actor.name, of, thrown, call)
      try {
        const settled: unknown = (callback as Callback)(of, data, error)
        if (isThenable(settled)) Promise.resolve(settled).catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
      return true
    }
    call(event)
  }

  #again(event: KytosEvent): boolean {
    this.take(event)
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
