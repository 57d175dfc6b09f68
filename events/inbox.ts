import { SettingsError } from '../model/errors.ts'
import { coalesceFacts, type QueuedEvent } from './coalesce.ts'
import type { KytosEvent, Listener } from './event.ts'
import { Fifo } from './queues/fifo.ts'
import type { RoundRobin, Worker } from './queues/round-robin.ts'

/*
 * The queue of one listener.
 *
 * Invariants:
 *  1. Events are delivered one at a time, in order of emission. The next is delivered only after the promise
 *     of the previous one has settled.
 *  2. An error that the listener throws goes to `onFailure` and affects nothing else.
 *  3. The queue is bounded: at most twice as many facts as subjects (or MAX_QUEUED_FACTS), and at most
 *     MAX_QUEUED_EVENTS other events. Facts are coalesced, never dropped; a dropped event goes to
 *     `onFailure`.
 *  4. A closed inbox delivers nothing, also no queued event.
 */

/** The number of queued facts above which they are coalesced. */
export const MAX_QUEUED_FACTS = 1_000
/** The number of other queued events above which the oldest are dropped. */
export const MAX_QUEUED_EVENTS = 10_000

export interface InboxOptions {
  /** The name of the listener, for logs and dead letters. */
  readonly name: string
  readonly listener: Listener
  readonly namespace: string | undefined
  readonly roundRobin: RoundRobin
  readonly onFailure: (inbox: Inbox, event: KytosEvent, error: unknown) => void
  /** Called once each time the listener falls behind, with a message for the log. */
  readonly onBehind: (message: string) => void
}

/** One subscription: a listener and its queue. */
export class Inbox implements Worker {
  readonly name: string
  readonly #options: InboxOptions
  readonly #facts = new Fifo<QueuedEvent>()
  readonly #others = new Fifo<QueuedEvent>()
  #coalesceAbove = MAX_QUEUED_FACTS
  #busy = false
  #closed = false
  #isBehind = false

  constructor(options: InboxOptions) {
    this.name = options.name
    this.#options = options
  }

  get closed(): boolean {
    return this.#closed
  }

  get size(): number {
    return this.#facts.size + this.#others.size
  }

  post(queued: QueuedEvent): void {
    if (this.#closed || !this.#wants(queued.event)) return
    if (queued.canCoalesce) {
      this.#facts.push(queued)
      if (this.#facts.size > this.#coalesceAbove) this.#coalesce()
    } else {
      this.#others.push(queued)
      if (this.#others.size > MAX_QUEUED_EVENTS) this.#dropOldest()
    }
    if (this.#busy) return
    this.#busy = true
    this.#options.roundRobin.add(this)
  }

  close(): void {
    this.#closed = true
    this.#facts.drain()
    this.#others.drain()
  }

  step(): boolean {
    const event = this.#next()
    if (!event) {
      this.#busy = false
      return false
    }
    try {
      const settled: unknown = this.#options.listener(event)
      if (!isThenable(settled)) return this.#hasMore()
      Promise.resolve(settled).then(this.#resume, error => {
        this.#options.onFailure(this, event, error)
        this.#resume()
      })
      return false
    } catch (error) {
      this.#options.onFailure(this, event, error)
      return this.#hasMore()
    }
  }

  readonly #resume = (): void => {
    if (this.#hasMore()) this.#options.roundRobin.add(this)
  }

  #hasMore(): boolean {
    this.#busy = this.size > 0
    return this.#busy
  }

  #next(): KytosEvent | undefined {
    const fact = this.#facts.peek()
    const other = this.#others.peek()
    const from = fact && (!other || fact.sequence < other.sequence) ? this.#facts : this.#others
    const next = from.shift()?.event
    if (this.size === 0) {
      this.#isBehind = false
      this.#coalesceAbove = MAX_QUEUED_FACTS
    }
    return next
  }

  #wants({ content }: KytosEvent): boolean {
    const { namespace } = this.#options
    // createBus checks that the content is an object; its members may be anything.
    return namespace === undefined || (content as { readonly namespace?: unknown }).namespace === namespace
  }

  #coalesce(): void {
    const backlog = this.#facts.drain()
    const coalesced = coalesceFacts(backlog)
    for (const fact of coalesced) this.#facts.push(fact)
    // Twice the number that remains, so that each fact is coalesced a bounded number of times, however many
    // subjects there are.
    this.#coalesceAbove = Math.max(MAX_QUEUED_FACTS, coalesced.length * 2)
    this.#reportBehind(
      `is ${backlog.length} facts behind: they were coalesced into ${coalesced.length}, one per subject.`,
    )
  }

  #dropOldest(): void {
    const oldest = this.#others.shift()
    if (!oldest) return
    this.#reportBehind(
      `is more than ${MAX_QUEUED_EVENTS} events behind: its oldest events become dead letters.`,
    )
    const error = new SettingsError(
      'LISTENER_SLOW',
      `Listener ${this.name} is more than ${MAX_QUEUED_EVENTS} events behind; its oldest event "${oldest.event.name}" was not delivered.`,
    )
    this.#options.onFailure(this, oldest.event, error)
  }

  #reportBehind(state: string): void {
    if (this.#isBehind) return
    this.#isBehind = true
    this.#options.onBehind(`Listener ${this.name} ${state}`)
  }
}

/** True for a promise, and for any other object that can be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
