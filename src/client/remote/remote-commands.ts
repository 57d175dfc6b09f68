import type { AskOptions } from '../../../events/ask.ts'
import { findCommand } from '../../../events/names.ts'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { printFrame } from './remote-line.ts'

/** How many commands the service takes from one connection at a time. */
const MAX_SENT = 64
/** What a timer can hold; beyond it Node's fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

interface Asked {
  readonly name: string
  readonly frame: string
  /** Nobody waits for it any more. */
  isOver: boolean
  readonly settle: (how: { readonly data: Json } | { readonly error: unknown }) => void
}

/**
 * The commands of one client that are not answered yet.
 *
 * Invariants: each is settled once; at most MAX_SENT are on the line, in the order they were asked; one that
 * may change something is sent once at most, and whoever asked hears OUTCOME_UNKNOWN when its answer was
 * lost.
 */
export class RemoteCommands {
  readonly #waiting = new Map<number, Asked>()
  readonly #sent = new Map<number, Asked>()
  readonly #send: (frame: string) => boolean
  #ids = 0
  #ended: SettingsError | undefined

  /** `send` is false when there is no line to send on. */
  constructor(send: (frame: string) => boolean) {
    this.#send = send
  }

  /**
   * Asks a command; `absent` says why there is no line, once it was waited for in vain.
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
      if (this.#ended) throw this.#ended
      const id = ++this.#ids
      const asked: Asked = {
        name,
        frame: printFrame({ id, name, content }, name),
        isOver: false,
        settle: how => {
          asked.isOver = true
          this.#waiting.delete(id)
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
          if ('data' in how) resolve(how.data)
          else reject(how.error)
        },
      }
      const abort = (): void => asked.settle({ error: signal?.reason })
      // What is on the line keeps its place there: the service is still at it.
      const expire = (): void => asked.settle({ error: this.#sent.has(id) ? late(name, timeout) : absent() })
      const timer = setTimeout(expire, Math.min(timeout, LONGEST_TIMEOUT))
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(id, asked)
      this.flush()
    })
  }

  /** Sends what waits, as far as the service takes it. */
  flush(): void {
    for (const [id, asked] of this.#waiting) {
      if (this.#sent.size >= MAX_SENT || !this.#send(asked.frame)) return
      this.#waiting.delete(id)
      this.#sent.set(id, asked)
    }
  }

  /** Takes the answer to a command. */
  answered(id: Json | undefined, { data = null, error }: JsonObject): void {
    // Ids are ours, so an answer to anything else was given up before.
    const asked = this.#sent.get(id as number)
    if (!asked) return
    this.#sent.delete(id as number)
    asked.settle(error === undefined ? { data } : { error: errorOf(error) })
    this.flush()
  }

  /**
   * The line was lost: what only reads waits for the next one, of what may have changed something nobody
   * knows.
   */
  lost(): void {
    const sent = [...this.#sent]
    this.#sent.clear()
    const reads = sent.filter(([, { name, isOver }]) => isRead(name) && !isOver)
    // Before what has waited longer.
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [id, asked] of [...reads, ...waiting]) this.#waiting.set(id, asked)
    for (const [, { name, settle }] of sent) if (!isRead(name)) settle({ error: unknown(name) })
  }

  /** Settles all with this error, those to come too, or OUTCOME_UNKNOWN where it may have been done. */
  end(error: SettingsError): void {
    this.#ended = error
    this.lost()
    for (const { settle } of [...this.#waiting.values()]) settle({ error })
  }
}

/** The error that a frame tells of; one that this version does not know keeps its message. */
export function errorOf(error: Json): SettingsError {
  const { code, message, details } = isObject(error) ? error : {}
  const known =
    typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL_ERROR' // Checked in this line.
  return new SettingsError(known, String(message), {
    details: { ...(isObject(details) ? details : {}), ...(known !== code && { code }) },
  })
}

function isRead(name: string): boolean {
  return findCommand(name)?.effect === 'read'
}

function late(name: string, timeout: number): SettingsError {
  return new SettingsError(
    'TIMEOUT',
    `No response to "${name}" within ${timeout / 1_000} s; it may still be applied. Retrieve the settings before you retry.`,
    { details: { command: name, timeout } },
  )
}

function unknown(name: string): SettingsError {
  return new SettingsError(
    'OUTCOME_UNKNOWN',
    `The connection was lost before the response to "${name}"; it may have been applied. Retrieve the settings before you retry.`,
    {
      details: { command: name },
    },
  )
}
