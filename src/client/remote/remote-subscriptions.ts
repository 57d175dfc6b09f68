import type { KytosEvent } from '../../../events/event.ts'
import { SettingsError } from '../../../model/errors.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import { printFrame } from './remote-connection.ts'

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

/** The cursor before all facts. */
const BEGINNING = '0'

interface Subscription {
  readonly wanted: RemoteSubscription
  readonly listener: RemoteListener
  cursor: string | undefined
}

interface PendingSubscription extends Subscription {
  readonly settle: (error?: SettingsError) => void
}

/**
 * The subscription of one client, across reconnects.
 *
 * Invariants: the active subscription stays in force until the service confirms the pending one. The cursor
 * of an event is recorded only after the listener was called with it. Each pending subscription is settled
 * once.
 */
export class RemoteSubscriptions {
  readonly #send: (frame: string) => boolean
  readonly #log: Pick<Log, 'warn'> | undefined
  /** The confirmed subscription; the pending one replaces it once the service confirms it. */
  #active: Subscription | undefined
  #pending: PendingSubscription | undefined
  /** True once the service has confirmed a subscription on the current connection. */
  #isLive = false

  /** `send` returns false while there is no connection. */
  constructor(send: (frame: string) => boolean, log: Pick<Log, 'warn'> | undefined) {
    this.#send = send
    this.#log = log
  }

  /** The position of the active subscription. */
  get cursor(): string | undefined {
    return this.#active?.cursor
  }

  /** Requests a subscription in place of the previous one; resolves once the service confirms it. */
  subscribe(wanted: RemoteSubscription, listener: RemoteListener): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending?.settle(
        new SettingsError(
          'CONTENT_MALFORMED',
          'The subscription was replaced by another one before it was confirmed.',
        ),
      )
      const settle = (error?: SettingsError): void => (error ? reject(error) : resolve())
      this.#pending = { wanted, listener, cursor: wanted.since, settle }
      this.#request()
    })
  }

  /** Requests the newest subscription again on a new connection. */
  opened(): void {
    this.#request()
  }

  /** Handles the loss of the connection; the subscription is kept. */
  disconnected(): void {
    this.#isLive = false
  }

  /** Handles the confirmation of a pending subscription, or of the active one with its cursor. */
  confirm(names: readonly Json[], cursor: Json | undefined): void {
    const isNew = this.#pending && equalJson(names, [...new Set(this.#pending.wanted.names)])
    const confirmed = isNew ? this.#pending : this.#active
    if (!confirmed) return
    // A service without a state has no cursor yet; the subscription must not miss its first facts.
    confirmed.cursor = typeof cursor === 'string' ? cursor : BEGINNING
    this.#isLive = true
    if (!isNew) return
    this.#active = confirmed
    this.#pending?.settle()
    this.#pending = undefined
  }

  /** Passes an event to the listener; an error of the listener is logged. */
  deliver(event: JsonObject, cursor: Json | undefined): void {
    const active = this.#active
    if (!active) return
    const position = typeof cursor === 'string' ? cursor : undefined
    // The service sends KytosEvents. The listener is called at once; the promise catches synchronous and
    // asynchronous errors.
    new Promise(resolve => resolve(active.listener(event as unknown as KytosEvent, position))).catch(
      error => {
        this.#log?.warn(
          `A listener failed on "${event.name}": ${error instanceof Error ? error.message : String(error)}`,
        )
      },
    )
    active.cursor = position ?? active.cursor
  }

  /** Handles an error that is not the response to a command. */
  rejected(error: SettingsError): void {
    if (error.details.frame === 'subscribe' && this.#pending) {
      this.#pending.settle(error)
      this.#pending = undefined
      // The connection may be newer than the active subscription.
      if (!this.#isLive) this.#request()
    } else this.#log?.warn(`The service rejected a frame: ${error.message}`)
  }

  /** Rejects the pending subscription. */
  end(error: SettingsError): void {
    this.#pending?.settle(error)
    this.#pending = undefined
  }

  #request(): void {
    const next = this.#pending ?? this.#active
    if (!next) return
    const { names, namespaces } = next.wanted
    const frame = {
      subscribe: names,
      ...(namespaces && { namespaces }),
      ...(next.cursor !== undefined && { since: next.cursor }),
    }
    this.#send(printFrame(frame))
  }
}
