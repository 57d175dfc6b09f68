import type { AskOptions } from '../../../events/ask.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { equalJson, isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { errorOf, RemoteCommands } from './remote-commands.ts'
import { isFinal, printFrame, RemoteLine } from './remote-line.ts'

/** The bus of a service in another process or on another host; a connection that is lost is opened again by itself. */
export interface RemoteBus {
  /** False while the service is away. */
  readonly connected: boolean
  /** Where the subscription is: what to give as `since` after a restart of this process. */
  readonly cursor: string | undefined
  /**
   * Asks a command. What only reads is asked again when its connection is lost, anything else never.
   * @throws SettingsError the service's own; SERVICE_ABSENT when it was not sent within `timeout`, DOCUMENT_TOO_LARGE when it never can be: it was not done;
   * OUTCOME_UNKNOWN, TIMEOUT when it may have been.
   */
  ask<N extends CommandName>(name: N, content: CommandContent<N>, options?: AskOptions): Promise<CommandAnswer<N>>
  /**
   * Hears events from now on, or after `since`, in place of what was subscribed to before; resolves once nothing is missed any more. Facts with a cursor are
   * heard once each, in order, over any number of connections; what can no longer be told step by step comes as one `settings.snapshot`. Other events are
   * heard while there is a connection.
   * @throws SettingsError CONTENT_MALFORMED, CURSOR_MALFORMED.
   */
  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void>
  /** Publishes an ordinary event. What the service refuses of it is logged. @throws SettingsError SERVICE_ABSENT while there is no connection. */
  publish(name: string, content?: JsonObject): void
  /** Hangs up; what is not answered yet fails. */
  close(): Promise<void>
}

export interface RemoteSubscription {
  /** Exact names, or `prefix.*`. */
  readonly names: readonly string[]
  /** Facts of these only; of all when absent. */
  readonly namespaces?: readonly string[]
  /** The cursor to go on after. */
  readonly since?: string
}

/** Hears an event; what it throws is logged, and nothing waits for it. */
export type RemoteListener = (event: KytosEvent, cursor: string | undefined) => void | Promise<void>

export interface RemoteBusOptions {
  /** A token of the service, or a login token of Kytos; needed where the service asks for one. */
  readonly token?: string
  /** Headers of the handshake, such as what a proxy asks for. */
  readonly headers?: Readonly<Record<string, string>>
  /** Certificates to trust, as PEM, in place of those that Node knows. */
  readonly ca?: string | Buffer
  /** True takes any certificate: for a line that does not leave this host, where the service may have one for its name elsewhere. */
  readonly anyCertificate?: boolean
  /** Milliseconds between two signs of life; 15,000 by default. */
  readonly heartbeat?: number
  /** Milliseconds that the first connection may take; 10,000 by default. */
  readonly timeout?: number
  readonly log?: Pick<Log, 'warn'>
}

const PATH = '/api/kytos/settings/v1/bus'
/** The cursor before everything. */
const BEGINNING = '0'

/**
 * Connects to a service at its address, such as `http://127.0.0.1:8181`.
 * @throws SettingsError why it refuses, or SERVICE_ABSENT when it cannot be reached within `timeout`.
 */
export async function openRemoteBus(url: string, options: RemoteBusOptions = {}): Promise<RemoteBus> {
  const bus = new Remote(busUrl(url), options)
  try {
    await bus.ready
    return bus
  } catch (error) {
    await bus.close()
    throw error
  }
}

interface Subscribed {
  readonly wanted: RemoteSubscription
  readonly listener: RemoteListener
  cursor: string | undefined
}

interface Subscribing extends Subscribed {
  readonly settle: (error?: SettingsError) => void
}

class Remote implements RemoteBus {
  readonly ready: Promise<void>
  readonly #line: RemoteLine
  readonly #commands = new RemoteCommands(frame => this.#send(frame))
  readonly #log: Pick<Log, 'warn'> | undefined
  /** What is heard; what is asked for takes its place once the service has confirmed it. */
  #subscribed: Subscribed | undefined
  #subscribing: Subscribing | undefined
  /** The service knows of the subscription on the line that is open. */
  #isLive = false
  #refused: SettingsError | undefined
  #closed: SettingsError | undefined

  constructor(url: URL, { timeout = 10_000, heartbeat = 15_000, log, headers, token, ca, anyCertificate = false }: RemoteBusOptions) {
    this.#log = log
    let opened = (): void => {}
    let refused: (why: SettingsError) => void = () => {}
    this.ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#absent()), timeout)
      opened = () => {
        clearTimeout(timer)
        resolve()
      }
      refused = why => {
        clearTimeout(timer)
        reject(why)
      }
    })
    this.#line = new RemoteLine(
      url,
      { heartbeat, anyCertificate, headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }, ...(ca && { ca }) },
      {
        opened: () => {
          this.#refused = undefined
          this.#resubscribe()
          this.#commands.flush()
          opened()
        },
        heard: frame => this.#hear(frame),
        lost: () => {
          this.#isLive = false
          this.#commands.lost()
        },
        refused: why => {
          this.#refused = why
          if (isFinal(why)) refused(why)
        },
      },
    )
  }

  get connected(): boolean {
    return this.#line.isOpen
  }

  get cursor(): string | undefined {
    return this.#subscribed?.cursor
  }

  async ask<N extends CommandName>(name: N, content: CommandContent<N>, options: AskOptions = {}): Promise<CommandAnswer<N>> {
    // The service answers as the table of commands has it.
    return (await this.#commands.ask(name, content, options, () => this.#absent())) as CommandAnswer<N>
  }

  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed
      this.#subscribing?.settle(new SettingsError('CONTENT_MALFORMED', 'The subscription was replaced by another one before it was confirmed.'))
      const settle = (error?: SettingsError): void => (error ? reject(error) : resolve())
      this.#subscribing = { wanted, listener, cursor: wanted.since, settle }
      this.#resubscribe()
    })
  }

  publish(name: string, content: JsonObject = {}): void {
    if (!this.#send(printFrame({ publish: { name, content } }))) throw this.#absent()
  }

  async close(): Promise<void> {
    this.#closed ??= new SettingsError('SERVICE_ABSENT', 'This connection to the bus is closed. Open a new one.')
    await this.#line.close()
    this.#commands.end(this.#closed)
    this.#subscribing?.settle(this.#closed)
    this.#subscribing = undefined
  }

  #send(frame: string): boolean {
    if (!this.#line.isOpen) return false
    this.#line.send(frame)
    return true
  }

  #resubscribe(): void {
    const next = this.#subscribing ?? this.#subscribed
    if (!next) return
    const { names, namespaces } = next.wanted
    const frame = { subscribe: names, ...(namespaces && { namespaces }), ...(next.cursor !== undefined && { since: next.cursor }) }
    this.#send(printFrame(frame))
  }

  #hear(frame: JsonObject): void {
    if (isObject(frame.event)) this.#tell(frame.event, frame.cursor)
    else if (isArray(frame.subscribed)) this.#confirm(frame.subscribed, frame.cursor)
    else if (typeof frame.reply_to === 'number') this.#commands.answered(frame.reply_to, frame)
    else if (frame.error !== undefined) this.#refuse(errorOf(frame.error))
  }

  /** A subscription begins, or is told its place. */
  #confirm(names: readonly Json[], cursor: Json | undefined): void {
    const isNew = this.#subscribing && equalJson(names, [...new Set(this.#subscribing.wanted.names)])
    const begun = isNew ? this.#subscribing : this.#subscribed
    if (!begun) return
    // Before there is a state there is no cursor; what there is then must not be missed.
    begun.cursor = typeof cursor === 'string' ? cursor : BEGINNING
    this.#isLive = true
    if (!isNew) return
    this.#subscribed = begun
    this.#subscribing?.settle()
    this.#subscribing = undefined
  }

  #tell(event: JsonObject, cursor: Json | undefined): void {
    const subscribed = this.#subscribed
    if (!subscribed) return
    const place = typeof cursor === 'string' ? cursor : undefined
    // The service prints KytosEvents. Called at once, and what it throws caught, whether it is async or not.
    new Promise(resolve => resolve(subscribed.listener(event as unknown as KytosEvent, place))).catch(error => {
      this.#log?.warn(`A listener failed on "${event.name}": ${error instanceof Error ? error.message : String(error)}`)
    })
    subscribed.cursor = place ?? subscribed.cursor
  }

  /** The service refused something that is no command of ours. */
  #refuse(error: SettingsError): void {
    if (error.details.frame === 'subscribe' && this.#subscribing) {
      this.#subscribing.settle(error)
      this.#subscribing = undefined
      // The line may be another than the one that the subscription before was made on.
      if (!this.#isLive) this.#resubscribe()
    } else this.#log?.warn(`The service rejected a frame: ${error.message}`)
  }

  #absent(): SettingsError {
    const why = this.#refused
    const absent = `The service is not connected${why ? ` (${why.message})` : ''}; the command was not sent. Retry later.`
    const message = this.connected ? 'Too many commands are waiting for a response; this one was not sent. Retry later.' : absent
    return new SettingsError('SERVICE_ABSENT', message, isSettingsError(why) ? { cause: why } : {})
  }
}

function busUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^(?:http|ws)s?:$/.test(url.protocol)) {
    throw new SettingsError('CONTENT_MALFORMED', `${JSON.stringify(text)} is not the URL of a service. Use a URL such as http://127.0.0.1:8181.`)
  }
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = PATH
  return url
}
