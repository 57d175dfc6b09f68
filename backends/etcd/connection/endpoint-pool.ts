import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import type { Revision } from '../../../model/document.ts'
import { attemptMs, createClient } from './client.ts'
import type { Credentials } from './credentials.ts'
import { CallFailed, type Failure, readFailure } from './errors.ts'

/** The result of a call; `repeated`: an earlier attempt of it may have been applied too. */
export interface CallResult<T> {
  readonly value: T
  readonly repeated: boolean
}

/** Options of a call. */
export interface CallOptions {
  /** An earlier attempt may have been applied. */
  readonly repeated: boolean
  /** The end of all attempts, by `performance.now`; absent: after the timeout. */
  readonly until?: number
  /** The call ends with the first attempt that may have been applied. */
  readonly once?: boolean
}

/** The part that all responses of etcd share. */
export interface EtcdResponse {
  readonly header?: { readonly revision: string }
}

/** Makes one attempt: calls this client with these options. */
export type Attempt<T> = (client: Etcd3, options: { readonly deadline: number }) => Promise<T>

/** The delay before the second attempt, in ms; it doubles with each attempt up to the largest one. */
const FIRST_RETRY_MS = 20
const MAX_RETRY_MS = 500
/** The time that calls in flight still have when the backend closes, in ms. */
export const CLOSE_GRACE_MS = 1000

/**
 * The endpoints of an etcd, of which one is used at a time; the next one is used as soon as it fails.
 *
 * Invariant: an attempt that was certainly not applied is repeated until the call is answered, rejected, or
 * out of time. An attempt that may have been applied is repeated too, unless the call has `once`: reads, and
 * writes of which at most one copy takes effect, may be repeated. The caller learns whether an attempt may
 * have been applied without an answer.
 */
export class EndpointPool {
  readonly endpoints: string
  /** The open watch streams; each removes itself when it is cancelled. */
  readonly streams = new Set<{ cancel(failure?: Error): void }>()
  readonly #credentials: Credentials
  readonly #clients = new Map<string, Etcd3>()
  /** The version of the credentials of each client. */
  readonly #versions = new WeakMap<Etcd3, number>()
  readonly #closing = new AbortController()
  #at: number
  #seen: Revision | undefined
  #closedAt = Number.POSITIVE_INFINITY

  constructor(credentials: Credentials) {
    const { options } = credentials
    this.#credentials = credentials
    this.endpoints = options.endpoints.join(', ')
    // Any number of calls may pause at the same time while no endpoint is reachable.
    setMaxListeners(0, this.#closing.signal)
    // Random, so that controllers with the same list of endpoints do not all use the same one.
    this.#at = Math.floor(Math.random() * options.endpoints.length)
  }

  /** The client of the endpoint in use. */
  get client(): Etcd3 {
    const endpoint = this.endpoint
    const known = this.#clients.get(endpoint)
    if (known) return known
    const client = createClient(this.#options, endpoint)
    this.#clients.set(endpoint, client)
    this.#versions.set(client, this.#credentials.version)
    return client
  }

  /** The highest revision in a response to a call of this pool: the store is not behind it. */
  get seen(): Revision | undefined {
    return this.#seen
  }

  get #options(): Credentials['options'] {
    return this.#credentials.options
  }

  get endpoint(): string {
    // The index is always taken modulo the length of a list that is not empty.
    return this.#options.endpoints[this.#at] as string
  }

  /** Makes attempts until one is answered, or within the limits of `before`. @throws CallFailed. */
  async call<T extends EtcdResponse>(
    attempt: Attempt<T>,
    before: CallOptions = { repeated: false },
  ): Promise<CallResult<T>> {
    const end = before.until ?? performance.now() + this.#options.timeout * 1000
    let { repeated } = before
    for (let pause = FIRST_RETRY_MS; ; pause = Math.min(2 * pause, MAX_RETRY_MS)) {
      const client = this.client
      const left = Math.min(end, this.#closedAt + CLOSE_GRACE_MS) - performance.now()
      try {
        const value = await attempt(client, {
          deadline: Date.now() + Math.max(1, Math.min(left, attemptMs(this.#options))),
        })
        this.#noteRevision(value)
        return { value, repeated }
      } catch (error) {
        const failure = await this.explain(client, error)
        repeated ||= failure.kind === 'unknown'
        if (failure.kind === 'refused') throw new CallFailed(failure, repeated, error)
        this.leave(client, failure.renew)
        if (before.once && failure.kind === 'unknown') throw new CallFailed(failure, repeated, error)
        if (performance.now() + pause >= Math.min(end, this.#closedAt + CLOSE_GRACE_MS))
          throw new CallFailed(failure, repeated, error)
      }
      await this.#pause(pause)
    }
  }

  /**
   * Tries each endpoint once, until one answers or the pool closes.
   * @throws CallFailed: preferably a failure that needs an operator, with the reason of each endpoint.
   */
  async tryEach<T>(attempt: Attempt<T>): Promise<T> {
    const failed: { endpoint: string; failure: ReturnType<typeof readFailure>; error: unknown }[] = []
    let left = this.#options.endpoints.length
    let renewed = false
    while (left-- > 0) {
      const { client, endpoint } = this
      try {
        return await attempt(client, { deadline: Date.now() + attemptMs(this.#options) })
      } catch (error) {
        const failure = await this.explain(client, error)
        failed.push({ endpoint, failure, error })
        this.leave(client, failure.renew)
        if (this.#closing.signal.aborted) break
        if (!failure.renew || renewed) continue
        // One more round, because no endpoint has seen the newer secrets.
        renewed = true
        left = this.#options.endpoints.length
        failed.length = 0
      }
    }
    const worst = failed.find(({ failure }) => failure.code !== 'STORE_UNREACHABLE') ?? failed[0]
    if (!worst)
      throw new CallFailed(
        readFailure('no endpoint is configured; set endpoints in [settings.etcd]'),
        false,
        undefined,
      )
    const reason = failed
      .map(({ endpoint, failure }) => (failed.length > 1 ? `${endpoint}: ${failure.reason}` : failure.reason))
      .join('; ')
    throw new CallFailed({ ...worst.failure, reason }, false, worst.error)
  }

  /**
   * The meaning of a failed call of this client. Rejected secrets are read again: if there are newer ones, the
   * failure is one after which a new client repeats the call.
   */
  async explain(client: Etcd3, error: unknown): Promise<Failure> {
    const failure = readFailure(error)
    const version = this.#versions.get(client)
    if (!failure.secrets || version === undefined) return failure
    if (await this.#credentials.renew(version))
      return { kind: 'unsent', code: 'STORE_UNREACHABLE', reason: failure.reason, renew: true }
    const { result } = this.#credentials
    // An error that was explained before has the clause.
    if (result === '' || error instanceof CallFailed) return failure
    return { ...failure, reason: `${failure.reason}; ${result}` }
  }

  /**
   * Changes from the endpoint of a client that failed to the next one, unless that has happened already;
   * `renew`: the client cannot be used any more.
   */
  leave(client: Etcd3, renew = false): void {
    const { endpoint } = this
    if (this.#clients.get(endpoint) !== client) return
    this.#at = (this.#at + 1) % this.#options.endpoints.length
    if (!renew) return
    this.#clients.delete(endpoint)
    client.close()
  }

  /** Gives the calls in flight {@link CLOSE_GRACE_MS} to end. */
  startClosing(): void {
    this.#closedAt = performance.now()
    this.#closing.abort()
  }

  close(): void {
    this.startClosing()
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  #noteRevision({ header }: EtcdResponse): void {
    const revision = BigInt(header?.revision ?? 0)
    if (revision > (this.#seen ?? 0n)) this.#seen = revision
  }

  async #pause(ms: number): Promise<void> {
    const jitter = ms * (0.5 + Math.random() / 2)
    // Closing ends the pause early, with an error that has no meaning here.
    await delay(jitter, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
