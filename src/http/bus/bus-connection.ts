import type { WebSocket } from 'ws'
import { ask } from '../../../events/ask.ts'
import type { Bus } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { CommandContent, CommandName } from '../../../events/map.ts'
import { isCommand } from '../../../events/names.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { MAX_UNSENT } from '../events/fact-reader.ts'
import {
  type ClientFrame,
  type CommandId,
  idOf,
  kindOf,
  parseFrame,
  printAnswer,
  printRefusal,
  printSubscribed,
  readFrame,
  refuseLarge,
} from './bus-frames.ts'
import { checkCommandName } from './bus-names.ts'
import { BusSubscription } from './bus-subscription.ts'
import { SignsOfLife } from './signs-of-life.ts'

/*
 * One connection to the bus.
 *
 * Invariants:
 *  1. Frames are handled in their order, and each is answered or rejected; commands run concurrently, each
 *     answered once.
 *  2. Memory is bounded: MAX_COMMANDS pending commands, MAX_UNSENT bytes of events and one more event
 *     (fact-reader.ts). Nothing is read while pending frames exceed MAX_HELD bytes or more than MAX_UNSENT
 *     bytes are unsent.
 *  3. A connection without a sign of life between two beats (signs-of-life.ts) is dropped, unless it is not
 *     being read.
 *  4. When the service stops, pending commands are answered, new ones rejected, and the connection is closed
 *     after the last answer. The same applies when its credential ends; no event is sent from then on.
 */

/** Maximum number of pending commands of one connection. */
export const MAX_COMMANDS = 64
/** Bytes of pending command frames of one connection above which it is not read. */
export const MAX_HELD = 4 * 1_048_576

/** Close codes, as IANA registers them; those of broken frames (1002, 1007, 1009) are given by ws. */
const STOPPING = 1001
const NOT_TEXT = 1003
const NO_LONGER_ALLOWED = 1008
const SLOW = 1013

export interface BusConnectionOptions {
  /** The bus with the rights of the caller of the connection. */
  readonly bus: Bus
  readonly feed: Feed
  readonly log: Log
  /**
   * Rejects a caller without the right to read, or with a credential that has ended.
   * @throws SettingsError.
   */
  readonly checkReader: () => void
  /** The number of bytes received on the connection. */
  readonly received: () => number
  /** Called once when the connection is closed. */
  readonly left: () => void
}

/** The end of a connection: its close code and reason, and the error for new commands. */
interface Ending {
  readonly code: number
  readonly why: string
  readonly error: SettingsError
}

/** A WebSocket connection to the bus. */
export class BusConnection {
  readonly #line: WebSocket
  readonly #options: BusConnectionOptions
  /** Pending commands, each with the bytes of its frame. */
  readonly #commands = new Map<CommandId, number>()
  readonly #signs = new SignsOfLife()
  #subscription: BusSubscription | undefined
  #ending: Ending | undefined
  #unsentEvents = 0

  constructor(line: WebSocket, options: BusConnectionOptions) {
    this.#line = line
    this.#options = options
    line.on('message', (data, isBinary) => this.#hear(data as Buffer, isBinary)) // As binaryType has it by default.
    line.on('pong', () => this.#signs.heard())
    line.on('error', () => {}) // ws closes the connection itself, with a close code.
    line.on('close', () => {
      this.#subscription?.stop()
      options.left()
    })
  }

  /** Sends a ping and the cursor of the reader; drops a peer without a sign of life since the last beat. */
  beat(): void {
    if (this.#signs.isSilent(this.#line.bufferedAmount, this.#options.received()) && !this.#holdsMuch) {
      this.#line.terminate()
      return
    }
    if (this.#line.readyState !== this.#line.OPEN) return
    this.#line.ping()
    const { names, unseenCursor } = this.#subscription ?? {}
    if (names?.length && unseenCursor !== undefined) this.#tellPlace(names, unseenCursor)
  }

  /** Answers pending commands, rejects new ones, then closes the connection: the service stops. */
  stop(why: string): void {
    this.#end({
      code: STOPPING,
      why,
      error: new SettingsError('SERVICE_STOPPING', 'The service is stopping. Reconnect and retry.'),
    })
  }

  /**
   * Stops events, answers pending commands, rejects new ones, then closes the connection: the credential has
   * ended.
   */
  disconnect(why: string): void {
    this.#subscription?.stop()
    this.#end({
      code: NO_LONGER_ALLOWED,
      why,
      error: new SettingsError(
        'TOKEN_INVALID',
        'The token has expired or was revoked. Reconnect with a valid token.',
      ),
    })
  }

  #hear(data: Buffer, isBinary: boolean): void {
    this.#signs.heard()
    if (this.#line.readyState !== this.#line.OPEN) return
    if (isBinary) {
      this.#close(NOT_TEXT, 'CONTENT_MALFORMED: a frame must be JSON text, not binary')
      return
    }
    let id: CommandId | undefined
    let kind: ClientFrame['kind'] | undefined
    try {
      const frame = readFrame(data.toString())
      kind = kindOf(frame)
      const claimed = idOf(frame)
      // Two answers with one id would be indistinguishable, so the error answer of the second has none.
      if (claimed !== undefined && this.#commands.has(claimed)) throw taken(claimed)
      id = claimed
      this.#do(parseFrame(frame), data.length)
    } catch (error) {
      this.#send(this.#refusal(id, error, kind))
    }
    if (this.#isFull) this.#line.pause()
  }

  /** True while pending frames exceed MAX_HELD: nothing is read, signs of life included. */
  get #holdsMuch(): boolean {
    return [...this.#commands.values()].reduce((sum, bytes) => sum + bytes, 0) > MAX_HELD
  }

  /** True while nothing may be read. */
  get #isFull(): boolean {
    return this.#holdsMuch || this.#line.bufferedAmount > MAX_UNSENT
  }

  #do(frame: ClientFrame, bytes: number): void {
    if (this.#ending) throw this.#ending.error
    refuseLarge(frame, bytes)
    switch (frame.kind) {
      case 'command':
        this.#ask(frame, bytes)
        break
      case 'subscribe':
        this.#subscribe(frame)
        break
      case 'publish':
        this.#publish(frame.name, frame.content)
    }
  }

  #ask({ id, name, content }: Extract<ClientFrame, { kind: 'command' }>, bytes: number): void {
    checkCommandName(name)
    if (this.#commands.size >= MAX_COMMANDS) {
      throw new SettingsError(
        'CONNECTION_BUSY',
        `${MAX_COMMANDS} commands of this connection are pending, the maximum. Wait for an answer before the next command.`,
        {
          details: { max: MAX_COMMANDS },
        },
      )
    }
    this.#commands.set(id, bytes)
    // The bus rejects unknown commands, and each handler checks its content.
    ask(this.#options.bus, name as CommandName, content as CommandContent<CommandName>)
      // Every answer is JSON, by the table of commands; some commands have none.
      .then(answer => printAnswer(id, (answer ?? null) as Json))
      .catch(error => this.#refusal(id, error))
      .then(text =>
        this.#send(text, () => {
          this.#commands.delete(id)
          this.#closeWhenDone()
        }),
      )
  }

  #subscribe({ names, namespaces, since }: Extract<ClientFrame, { kind: 'subscribe' }>): void {
    const { bus, feed, checkReader } = this.#options
    checkReader()
    const next = new BusSubscription({
      bus,
      feed,
      names,
      namespaces: new Set(namespaces),
      since,
      unsent: () => this.#unsentEvents,
      say: frame => this.#sendEvent(frame),
      tooSlow: () =>
        this.#close(
          SLOW,
          `READER_SLOW: over ${MAX_UNSENT} bytes unsent; reconnect and subscribe with the last cursor`,
        ),
    })
    this.#subscription?.stop()
    this.#subscription = next
    this.#tellPlace(next.names, next.cursor)
    next.begin()
  }

  #publish(name: string, content: JsonObject): void {
    if (isCommand(name)) {
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `"${name}" is a command and cannot be published: send it as {"id", "name", "content"}.`,
      )
    }
    this.#options.bus.emit(name, content)
  }

  /** The error answer to a frame; an unexpected error that did not come over the bus is logged here. */
  #refusal(id: CommandId | undefined, thrown: unknown, kind?: ClientFrame['kind']): string {
    const error = toSettingsError(thrown)
    if (error !== thrown)
      this.#options.log.error(
        `A bus frame caused an unexpected error: ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
      )
    return printRefusal(id, error, kind)
  }

  #tellPlace(names: readonly string[], cursor: string | undefined): void {
    this.#subscription?.sawCursor(cursor)
    this.#send(printSubscribed(names, cursor))
  }

  #sendEvent(frame: Buffer): void {
    this.#unsentEvents += frame.length
    this.#send(frame, () => {
      this.#unsentEvents -= frame.length
    })
  }

  /** Sends a text frame, and calls `sent` once it was sent or was dropped. */
  #send(frame: string | Buffer, sent?: () => void): void {
    this.#line.send(frame, { binary: false }, () => {
      sent?.()
      if (!this.#line.isPaused || this.#isFull) return
      // Signs of life were not read either: a beat at this moment must not find the peer silent.
      this.#signs.heard()
      this.#line.resume()
    })
  }

  #end(ending: Ending): void {
    this.#ending ??= ending
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (!this.#ending || this.#commands.size > 0) return
    const { code, why, error } = this.#ending
    this.#close(code, `${error.code}: ${why}`)
  }

  /** Closes the connection after its queued frames. */
  #close(code: number, reason: string): void {
    this.#subscription?.stop()
    // Otherwise the answer of the peer to the close would not be read.
    this.#line.resume()
    this.#line.close(code, reason)
  }
}

function taken(id: CommandId): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    `A command with the id ${JSON.stringify(id)} is already pending on this connection: use a unique id per command.`,
    {
      details: { id },
    },
  )
}
