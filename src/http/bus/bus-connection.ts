import type { WebSocket } from 'ws'
import { ask } from '../../../events/ask.ts'
import type { Bus } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { CommandContent, CommandName } from '../../../events/map.ts'
import { isCommand } from '../../../events/names.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import type { Visibility } from '../../../model/rights/visibility.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { type AnswerBudget, estimateAnswer } from '../connections/answer-budget.ts'
import { MAX_UNSENT_BYTES } from '../events/fact-reader.ts'
import { AdmissionQueue } from './admission-queue.ts'
import { CLOSE_CODES, type Closing, credentialEnded, serviceStopping } from './bus-closing.ts'
import {
  type ClientFrame,
  type CommandId,
  idOf,
  kindOf,
  parseFrame,
  printAnswerFrame,
  printErrorFrame,
  printSubscribedFrame,
  readFrame,
  rejectLargeFrame,
} from './bus-frames.ts'
import { checkCommandName } from './bus-names.ts'
import { BusSubscription } from './bus-subscription.ts'
import { PeerLiveness } from './peer-liveness.ts'
import { PendingCommands } from './pending-commands.ts'

/*
 * One connection to the bus.
 *
 * Invariants:
 *  1. Frames are handled in their order, and each is answered or rejected; commands run concurrently, each
 *     answered once.
 *  2. Memory is bounded: MAX_PENDING_COMMANDS pending commands, MAX_UNSENT_BYTES of events and one more event
 *     (fact-reader.ts), and answers within the budget of the caller. Nothing is read while a command waits for
 *     its share, pending frames exceed MAX_PENDING_BYTES, or more than MAX_UNSENT_BYTES are unsent.
 *  3. A connection without a sign of life between two beats (peer-liveness.ts) is dropped, unless it is not
 *     being read.
 *  4. When the service stops, pending commands are answered, new ones rejected, and the connection is closed
 *     after the last answer. The same applies when its credential ends; no event is sent from then on.
 */

export interface BusConnectionOptions {
  /** The bus with the permissions of the caller of the connection. */
  readonly bus: Bus
  readonly feed: Feed
  readonly log: Log
  /**
   * Rejects a caller without the permission to read these names, or with a credential that has ended.
   * @throws SettingsError.
   */
  readonly checkReader: (names: readonly string[]) => void
  /** The facts that the caller sees. */
  readonly visibility: Visibility
  /** The number of bytes received on the connection. */
  readonly receivedBytes: () => number
  /** Called once when the connection is closed. */
  readonly onClose: () => void
  /** The budget for answers that are not read, and the caller to whom they count. */
  readonly budget: AnswerBudget
  readonly caller: string
}

/** A WebSocket connection to the bus. */
export class BusConnection {
  readonly #socket: WebSocket
  readonly #options: BusConnectionOptions
  readonly #pending = new PendingCommands()
  readonly #liveness = new PeerLiveness()
  readonly #queue: AdmissionQueue
  #subscription: BusSubscription | undefined
  #closing: Closing | undefined
  #unsentEvents = 0

  constructor(socket: WebSocket, options: BusConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#queue = new AdmissionQueue(options.budget, options.caller, () => this.#resume())
    // The default binaryType makes every message a Buffer.
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('pong', () => this.#liveness.recordSign())
    socket.on('error', () => {}) // ws closes the connection itself, with a close code.
    socket.on('close', () => {
      this.#subscription?.stop()
      this.#queue.clear()
      options.onClose()
    })
  }

  /** Sends a ping and the cursor of the reader; drops a peer without a sign of life since the last beat. */
  beat(): void {
    const isSilent = this.#liveness.isSilent(this.#socket.bufferedAmount, this.#options.receivedBytes())
    // Nothing is read while commands wait, signs of life included; unread answers show a dead peer.
    const isUnread =
      this.#pending.exceedsBytes || (this.#queue.isWaiting && this.#socket.bufferedAmount === 0)
    if (isSilent && !isUnread) {
      this.#socket.terminate()
      return
    }
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.ping()
    const { names, unsentCursor } = this.#subscription ?? {}
    if (names?.length && unsentCursor !== undefined) this.#sendSubscribed(names, unsentCursor)
  }

  /**
   * Sends a ping while a command waits and nothing is read: only a write shows that such a peer has left. Its
   * other commands would be executed for no reader.
   */
  probe(): void {
    const { readyState, OPEN, bufferedAmount } = this.#socket
    if (this.#queue.isWaiting && readyState === OPEN && bufferedAmount === 0) this.#socket.ping()
  }

  /** Answers pending commands, rejects new ones, then closes the connection: the service stops. */
  stop(reason: string): void {
    this.#end(serviceStopping(reason))
  }

  /**
   * Stops events, answers pending commands, rejects new ones, then closes the connection: the credential has
   * ended.
   */
  disconnect(reason: string): void {
    this.#subscription?.stop()
    this.#end(credentialEnded(reason))
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#liveness.recordSign()
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (isBinary) {
      this.#close(CLOSE_CODES.notText, 'CONTENT_MALFORMED: a frame must be JSON text, not binary')
      return
    }
    let id: CommandId | undefined
    let kind: ClientFrame['kind'] | undefined
    try {
      const frame = readFrame(data.toString())
      kind = kindOf(frame)
      const claimed = idOf(frame)
      // Two answers with one id would be indistinguishable, so the error answer of the second has none.
      if (claimed !== undefined) this.#pending.checkId(claimed)
      id = claimed
      this.#handle(parseFrame(frame), data.length)
    } catch (error) {
      this.#send(this.#printError(id, error, kind))
    }
    if (this.#isFull) this.#socket.pause()
  }

  /** True while nothing may be read, signs of life included. */
  get #isFull(): boolean {
    const isUnsent = this.#socket.bufferedAmount > MAX_UNSENT_BYTES
    return this.#pending.exceedsBytes || this.#queue.isWaiting || isUnsent
  }

  #handle(frame: ClientFrame, bytes: number): void {
    if (this.#closing) throw this.#closing.error
    rejectLargeFrame(frame, bytes)
    switch (frame.kind) {
      case 'command':
        this.#sendCommand(frame, bytes)
        break
      case 'subscribe':
        this.#inOrder(frame, () => this.#subscribe(frame))
        break
      case 'publish':
        this.#inOrder(frame, () => this.#publish(frame.name, frame.content))
    }
  }

  /** Runs a frame without an answer after the commands before it. */
  #inOrder({ kind }: ClientFrame, run: () => void): void {
    this.#queue.add(undefined, () => {
      try {
        run()
      } catch (error) {
        this.#send(this.#printError(undefined, error, kind))
      }
    })
  }

  #sendCommand({ id, name, content }: Extract<ClientFrame, { kind: 'command' }>, bytes: number): void {
    checkCommandName(name)
    this.#pending.add(id, bytes)
    this.#queue.add(estimateAnswer([name]), share => {
      // Its close may be reported only after all frames of its peer.
      if (this.#socket.readyState !== this.#socket.OPEN) {
        share?.release()
        this.#pending.delete(id)
        return
      }
      // The bus rejects unknown commands, and each handler checks its content.
      new Promise(resolve =>
        resolve(ask(this.#options.bus, name as CommandName, content as CommandContent<CommandName>)),
      )
        // Every answer is JSON, by the table of commands; some commands have none.
        .then(answer => printAnswerFrame(id, (answer ?? null) as Json))
        .catch(error => this.#printError(id, error))
        .then(text => {
          share?.resize(Buffer.byteLength(text))
          this.#send(text, () => {
            this.#pending.delete(id)
            share?.release()
            this.#closeWhenDone()
          })
        })
    })
  }

  #subscribe({ names, namespaces, since }: Extract<ClientFrame, { kind: 'subscribe' }>): void {
    const { bus, feed, checkReader, visibility } = this.#options
    checkReader(names)
    const next = new BusSubscription({
      bus,
      feed,
      names,
      namespaces: new Set(namespaces),
      since,
      visibility,
      unsentBytes: () => this.#unsentEvents,
      send: frame => this.#sendEvent(frame),
      onTooSlow: () =>
        this.#close(
          CLOSE_CODES.slow,
          `READER_SLOW: over ${MAX_UNSENT_BYTES} bytes unsent; reconnect and subscribe with the last cursor`,
        ),
    })
    this.#subscription?.stop()
    this.#subscription = next
    this.#sendSubscribed(next.names, next.cursor)
    next.start()
  }

  #publish(name: string, content: JsonObject): void {
    if (isCommand(name))
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `"${name}" is a command and cannot be published: send it as {"id", "name", "content"}.`,
      )
    this.#options.bus.emit(name, content)
  }

  /** The error answer to a frame; an unexpected error that did not come over the bus is logged here. */
  #printError(id: CommandId | undefined, thrown: unknown, kind?: ClientFrame['kind']): string {
    const error = toSettingsError(thrown)
    if (error !== thrown)
      this.#options.log.error(
        `A bus frame caused an unexpected error: ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
      )
    return printErrorFrame(id, error, kind)
  }

  #sendSubscribed(names: readonly string[], cursor: string | undefined): void {
    this.#subscription?.recordSentCursor(cursor)
    this.#send(printSubscribedFrame(names, cursor))
  }

  #sendEvent(frame: Buffer): void {
    this.#unsentEvents += frame.length
    this.#send(frame, () => {
      this.#unsentEvents -= frame.length
    })
  }

  /** Sends a text frame, and calls `sent` once it was sent or was dropped. */
  #send(frame: string | Buffer, sent?: () => void): void {
    this.#socket.send(frame, { binary: false }, () => {
      sent?.()
      this.#resume()
    })
  }

  #resume(): void {
    if (!this.#socket.isPaused || this.#isFull) return
    // Signs of life were not read either: a beat at this moment must not find the peer silent.
    this.#liveness.recordSign()
    this.#socket.resume()
  }

  #end(closing: Closing): void {
    this.#closing ??= closing
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (!this.#closing || !this.#pending.isEmpty) return
    const { code, reason, error } = this.#closing
    this.#close(code, `${error.code}: ${reason}`)
  }

  /** Closes the connection after its queued frames. */
  #close(code: number, reason: string): void {
    this.#subscription?.stop()
    // Otherwise the answer of the peer to the close would not be read.
    this.#socket.resume()
    this.#socket.close(code, reason)
  }
}
