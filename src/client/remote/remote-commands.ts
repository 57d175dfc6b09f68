import type { AskOptions } from '../../../events/ask.ts'
import { findCommand } from '../../../events/names.ts'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { printFrame } from './remote-connection.ts'

/** The number of concurrent commands that the service accepts from one connection. */
const MAX_IN_FLIGHT = 64
/** The longest delay of a timer; a longer one fires at once in Node. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface PendingCommand {
  readonly name: string
  readonly frame: string
  /** True once the promise of the caller is settled. */
  isSettled: boolean
  readonly settle: (outcome: { readonly data: Json } | { readonly error: unknown }) => void
}

/**
 * The pending commands of one client.
 *
 * Invariants: each command is settled once. At most MAX_IN_FLIGHT commands are sent and unanswered, in the
 * order of their requests. A command that may change something is sent at most once, and its caller gets
 * OUTCOME_UNKNOWN if the response is lost.
 */
export class RemoteCommands {
  readonly #waiting = new Map<number, PendingCommand>()
  readonly #sent = new Map<number, PendingCommand>()
  readonly #send: (frame: string) => boolean
  #lastId = 0
  #endError: SettingsError | undefined

  /** `send` returns false while there is no connection. */
  constructor(send: (frame: string) => boolean) {
    this.#send = send
  }

  /**
   * Sends a command; `absent` returns the error for a command that was not sent before its timeout.
   * @throws SettingsError, see RemoteBus.
   */
  ask(
    name: string,
    content: object,
    { timeout = 30_000, signal }: AskOptions,
    absent: () => SettingsError,
  ): Promise<Json> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#endError) throw this.#endError
      const id = ++this.#lastId
      const command: PendingCommand = {
        name,
        frame: printFrame({ id, name, content }, name),
        isSettled: false,
        settle: outcome => {
          command.isSettled = true
          this.#waiting.delete(id)
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
          if ('data' in outcome) resolve(outcome.data)
          else reject(outcome.error)
        },
      }
      const abort = (): void => command.settle({ error: signal?.reason })
      // A sent command keeps its slot, because the service still executes it.
      const expire = (): void =>
        command.settle({ error: this.#sent.has(id) ? timeoutError(name, timeout) : absent() })
      const timer = setTimeout(expire, Math.min(timeout, MAX_TIMER_MS))
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(id, command)
      this.flush()
    })
  }

  /** Sends waiting commands up to the limit of the service. */
  flush(): void {
    for (const [id, command] of this.#waiting) {
      if (this.#sent.size >= MAX_IN_FLIGHT || !this.#send(command.frame)) return
      this.#waiting.delete(id)
      this.#sent.set(id, command)
    }
  }

  /** Settles a command with the response of the service. */
  respond(id: Json | undefined, { data = null, error }: JsonObject): void {
    // Ids are assigned here, so a response with any other id is for a command that was removed before.
    const command = this.#sent.get(id as number)
    if (!command) return
    this.#sent.delete(id as number)
    command.settle(error === undefined ? { data } : { error: errorOf(error) })
    this.flush()
  }

  /**
   * Handles the loss of the connection: commands that only read wait for the next connection; all others
   * fail with OUTCOME_UNKNOWN.
   */
  disconnected(): void {
    const sent = [...this.#sent]
    this.#sent.clear()
    const reads = sent.filter(([, { name, isSettled }]) => isRead(name) && !isSettled)
    // Sent reads precede the waiting commands, because they were requested earlier.
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [id, command] of [...reads, ...waiting]) this.#waiting.set(id, command)
    for (const [, { name, settle }] of sent) if (!isRead(name)) settle({ error: outcomeUnknown(name) })
  }

  /** Rejects all commands, future ones too, with this error, or OUTCOME_UNKNOWN if possibly applied. */
  end(error: SettingsError): void {
    this.#endError = error
    this.disconnected()
    for (const { settle } of [...this.#waiting.values()]) settle({ error })
  }
}

/** The error in a frame; an error with a code unknown to this version keeps its message. */
export function errorOf(error: Json): SettingsError {
  const { code, message, details } = isObject(error) ? error : {}
  // The cast is checked by `hasOwn`.
  const known =
    typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL_ERROR'
  return new SettingsError(known, String(message), {
    details: { ...(isObject(details) ? details : {}), ...(known !== code && { code }) },
  })
}

function isRead(name: string): boolean {
  return findCommand(name)?.effect === 'read'
}

function timeoutError(name: string, timeout: number): SettingsError {
  return new SettingsError(
    'TIMEOUT',
    `No response to "${name}" within ${timeout / 1_000} s; it may still be applied. ` +
      'Retrieve the settings before you retry.',
    { details: { command: name, timeout } },
  )
}

function outcomeUnknown(name: string): SettingsError {
  return new SettingsError(
    'OUTCOME_UNKNOWN',
    `The connection was lost before the response to "${name}"; it may have been applied. ` +
      'Retrieve the settings before you retry.',
    { details: { command: name } },
  )
}
