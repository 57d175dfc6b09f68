import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import { attemptMs, createClient } from './client.ts'
import type { Credentials } from './credentials.ts'
import { CallFailed, type Failure, readFailure } from './errors.ts'

/** What a call answered; `repeated`: an earlier attempt of it may have been carried out too. */
export interface Answer<T> {
  readonly value: T
  readonly repeated: boolean
}

/** What is asked of a call. */
export interface Before {
  /** An earlier attempt may have been carried out. */
  readonly repeated: boolean
  /** Until when attempts are made, of `performance.now`; else for the timeout. */
  readonly until?: number
  /** The call ends with the first attempt that may have been carried out. */
  readonly once?: boolean
}

/** What etcd answers to any call. */
export interface Answered {
  readonly header?: { readonly revision: string }
}

/** One attempt: calls this client, with these options. */
export type Attempt<T> = (client: Etcd3, options: { readonly deadline: number }) => Promise<T>

const FIRST_PAUSE = 20
const LONGEST_PAUSE = 500
/** What calls that are under way when the backend closes may still take, in ms. */
export const CLOSE_GRACE_MS = 1000

/**
 * The way to an etcd of several endpoints: one of them at a time, and the next one as soon as it fails.
 *
 * Invariant: an attempt that surely was not carried out is repeated until the call is answered, refused, or
 * out of time. One that may have been carried out is repeated too, unless the call says `once`: reads, and
 * writes of which at most one copy takes effect, may be repeated. Whoever asked learns whether an attempt may
 * have been carried out unseen.
 */
export class EndpointPool {
  readonly endpoints: string
  /** The watches that stand on this link; each leaves when it is cancelled. */
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
    // Any number of calls may pause at once while the endpoints are away.
    setMaxListeners(0, this.#closing.signal)
    // Controllers with the same list of endpoints should not all ask the same one.
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

  /** The highest revision that an answer to a call of this link named: the store is not behind it. */
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

  /** Attempts until one is answered, or as `before` says. @throws CallFailed. */
  async call<T extends Answered>(
    attempt: Attempt<T>,
    before: Before = { repeated: false },
  ): Promise<Answer<T>> {
    const end = before.until ?? performance.now() + this.#options.timeout * 1000
    let { repeated } = before
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const client = this.client
      const left = Math.min(end, this.#closedAt + CLOSE_GRACE_MS) - performance.now()
      try {
        const value = await attempt(client, {
          deadline: Date.now() + Math.max(1, Math.min(left, attemptMs(this.#options))),
        })
        this.#note(value)
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
   * Attempts each endpoint once, until one answers or this is closed.
   * @throws CallFailed: the failure a person must act on if there is one, with what each endpoint said.
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
   * What the failure of a call with this client means. Secrets that were refused are read again: when there
   * are newer ones, the failure is one that a new client repeats.
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
   * Turns from the endpoint of a client that failed to the next one, unless that has happened already;
   * `renew`: that client is of no more use.
   */
  leave(client: Etcd3, renew = false): void {
    const { endpoint } = this
    if (this.#clients.get(endpoint) !== client) return
    this.#at = (this.#at + 1) % this.#options.endpoints.length
    if (!renew) return
    this.#clients.delete(endpoint)
    client.close()
  }

  /** Lets calls under way have one more second. */
  hurry(): void {
    this.#closedAt = performance.now()
    this.#closing.abort()
  }

  close(): void {
    this.hurry()
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  #note({ header }: Answered): void {
    const revision = BigInt(header?.revision ?? 0)
    if (revision > (this.#seen ?? 0n)) this.#seen = revision
  }

  async #pause(ms: number): Promise<void> {
    const jitter = ms * (0.5 + Math.random() / 2)
    // A pause that is cut short by closing is over, which is all there is to know.
    await delay(jitter, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
