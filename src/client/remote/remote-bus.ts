import type { AskOptions } from '../../../events/ask.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { SettingsError } from '../../../model/errors.ts'
import { isArray, isObject, type JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { errorOf, RemoteCommands } from './remote-commands.ts'
import { isFinal, printFrame, RemoteConnection } from './remote-connection.ts'
import { type RemoteListener, type RemoteSubscription, RemoteSubscriptions } from './remote-subscriptions.ts'

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
  const bus = new SocketBus(busUrl(url), options)
  try {
    await bus.ready
    return bus
  } catch (error) {
    await bus.close()
    throw error
  }
}

class SocketBus implements RemoteBus {
  readonly ready: Promise<void>
  readonly #connection: RemoteConnection
  readonly #commands = new RemoteCommands(frame => this.#send(frame))
  readonly #subscriptions: RemoteSubscriptions
  #rejection: SettingsError | undefined
  #closeError: SettingsError | undefined

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
    this.#subscriptions = new RemoteSubscriptions(frame => this.#send(frame), log)
    let resolveReady = (): void => {}
    let rejectReady: (error: SettingsError) => void = () => {}
    this.ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#absentError()), timeout)
      resolveReady = () => {
        clearTimeout(timer)
        resolve()
      }
      rejectReady = error => {
        clearTimeout(timer)
        reject(error)
      }
    })
    this.#connection = new RemoteConnection(
      url,
      {
        heartbeat,
        anyCertificate,
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        ...(ca && { ca }),
      },
      {
        opened: () => {
          this.#rejection = undefined
          this.#subscriptions.opened()
          this.#commands.flush()
          resolveReady()
        },
        received: frame => this.#receive(frame),
        lost: () => {
          this.#subscriptions.disconnected()
          this.#commands.disconnected()
        },
        rejected: error => {
          this.#rejection = error
          if (isFinal(error)) rejectReady(error)
        },
      },
    )
  }

  get connected(): boolean {
    return this.#connection.isOpen
  }

  get cursor(): string | undefined {
    return this.#subscriptions.cursor
  }

  async ask<N extends CommandName>(
    name: N,
    content: CommandContent<N>,
    options: AskOptions = {},
  ): Promise<CommandAnswer<N>> {
    // The service answers according to the table of commands.
    return (await this.#commands.ask(name, content, options, () => this.#absentError())) as CommandAnswer<N>
  }

  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void> {
    if (this.#closeError) return Promise.reject(this.#closeError)
    return this.#subscriptions.subscribe(wanted, listener)
  }

  publish(name: string, content: JsonObject = {}): void {
    if (!this.#send(printFrame({ publish: { name, content } }))) throw this.#absentError()
  }

  async close(): Promise<void> {
    this.#closeError ??= new SettingsError(
      'SERVICE_ABSENT',
      'This connection to the bus is closed. Open a new one.',
    )
    await this.#connection.close()
    this.#commands.end(this.#closeError)
    this.#subscriptions.end(this.#closeError)
  }

  #send(frame: string): boolean {
    if (!this.#connection.isOpen) return false
    this.#connection.send(frame)
    return true
  }

  #receive(frame: JsonObject): void {
    if (isObject(frame.event)) this.#subscriptions.deliver(frame.event, frame.cursor)
    else if (isArray(frame.subscribed)) this.#subscriptions.confirm(frame.subscribed, frame.cursor)
    else if (typeof frame.reply_to === 'number') this.#commands.respond(frame.reply_to, frame)
    else if (frame.error !== undefined) this.#subscriptions.rejected(errorOf(frame.error))
  }

  #absentError(): SettingsError {
    const cause = this.#rejection
    const message = this.connected
      ? 'Too many commands are waiting for a response; this one was not sent. Retry later.'
      : `The service is not connected${cause ? ` (${cause.message})` : ''}; ` +
        'the command was not sent. Retry later.'
    return new SettingsError('SERVICE_ABSENT', message, cause ? { cause } : {})
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
