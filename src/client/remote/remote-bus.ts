import type { AskOptions } from '../../../events/ask.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { equalJson, isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { errorOf, RemoteCommands } from './remote-commands.ts'
import { isFinal, printFrame, RemoteLine } from './remote-line.ts'

/** The bus of a service in another process or on another host; reconnects automatically. */
export interface RemoteBus {
  /** False while the service is disconnected. */
  readonly connected: boolean
  /** The position of the subscription, usable as `since` after a restart of this process. */
  readonly cursor: string | undefined
  /**
   * Sends a command and returns its answer. After a lost connection, only commands that read are resent.
   * @throws SettingsError the service's own; SERVICE_ABSENT (not sent within `timeout`) and
   * DOCUMENT_TOO_LARGE mean: not applied; OUTCOME_UNKNOWN and TIMEOUT mean: possibly applied.
   */
  ask<N extends CommandName>(
    name: N,
    content: CommandContent<N>,
    options?: AskOptions,
  ): Promise<CommandAnswer<N>>
  /**
   * Subscribes to events from now on, or after `since`, and replaces the previous subscription; resolves once
   * no event can be missed. Facts with a cursor are delivered once each, in order, across reconnects; if the
   * history is lost, one `settings.snapshot` is delivered instead. Other events are delivered while
   * connected.
   * @throws SettingsError CONTENT_MALFORMED, CURSOR_MALFORMED.
   */
  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void>
  /**
   * Publishes an ordinary event; a rejection by the service is logged.
   * @throws SettingsError SERVICE_ABSENT while disconnected.
   */
  publish(name: string, content?: JsonObject): void
  /** Closes the connection; pending commands fail. */
  close(): Promise<void>
}

export interface RemoteSubscription {
  /** Exact names, or `prefix.*`. */
  readonly names: readonly string[]
  /** Facts of these namespaces only; of all when absent. */
  readonly namespaces?: readonly string[]
  /** The cursor after which to resume. */
  readonly since?: string
}

/** Called with each event; an error it throws is logged. It is not awaited. */
export type RemoteListener = (event: KytosEvent, cursor: string | undefined) => void | Promise<void>

export interface RemoteBusOptions {
  /** A token of the service, or a login token of Kytos, if the service requires one. */
  readonly token?: string
  /** Additional headers of the handshake, for example for a proxy. */
  readonly headers?: Readonly<Record<string, string>>
  /** Trusted certificate authorities (PEM), instead of those of Node. */
  readonly ca?: string | Buffer
  /**
   * True accepts any certificate: only for connections within this host, where the certificate may name
   * another host.
   */
  readonly anyCertificate?: boolean
  /** Milliseconds between two heartbeats; 15,000 by default. */
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
 * @throws SettingsError the reason of a rejection, or SERVICE_ABSENT if it cannot be reached within
 * `timeout`.
 * @example
 * const bus = await openRemoteBus('http://127.0.0.1:8181', { token: process.env.TOKEN })
 * const { data } = await bus.ask('kytos.settings.retrieve', { namespace: 'kytos/of_lldp' })
 * await bus.close()
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

  constructor(
    url: URL,
    {
      timeout = 10_000,
      heartbeat = 15_000,
      log,
      headers,
      token,
      ca,
      anyCertificate = false,
    }: RemoteBusOptions,
  ) {
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
      {
        heartbeat,
        anyCertificate,
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        ...(ca && { ca }),
      },
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

  async ask<N extends CommandName>(
    name: N,
    content: CommandContent<N>,
    options: AskOptions = {},
  ): Promise<CommandAnswer<N>> {
    // The service answers as the table of commands has it.
    return (await this.#commands.ask(name, content, options, () => this.#absent())) as CommandAnswer<N>
  }

  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed
      this.#subscribing?.settle(
        new SettingsError(
          'CONTENT_MALFORMED',
          'The subscription was replaced by another one before it was confirmed.',
        ),
      )
      const settle = (error?: SettingsError): void => (error ? reject(error) : resolve())
      this.#subscribing = { wanted, listener, cursor: wanted.since, settle }
      this.#resubscribe()
    })
  }

  publish(name: string, content: JsonObject = {}): void {
    if (!this.#send(printFrame({ publish: { name, content } }))) throw this.#absent()
  }

  async close(): Promise<void> {
    this.#closed ??= new SettingsError(
      'SERVICE_ABSENT',
      'This connection to the bus is closed. Open a new one.',
    )
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
    const frame = {
      subscribe: names,
      ...(namespaces && { namespaces }),
      ...(next.cursor !== undefined && { since: next.cursor }),
    }
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
    new Promise(resolve => resolve(subscribed.listener(event as unknown as KytosEvent, place))).catch(
      error => {
        this.#log?.warn(
          `A listener failed on "${event.name}": ${error instanceof Error ? error.message : String(error)}`,
        )
      },
    )
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
    const message = this.connected
      ? 'Too many commands are waiting for a response; this one was not sent. Retry later.'
      : absent
    return new SettingsError('SERVICE_ABSENT', message, isSettingsError(why) ? { cause: why } : {})
  }
}

function busUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^(?:http|ws)s?:$/.test(url.protocol)) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `${JSON.stringify(text)} is not the URL of a service. Use a URL such as http://127.0.0.1:8181.`,
    )
  }
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = PATH
  return url
}
