import { SettingsError } from '../model/errors.ts'
import type { KytosEvent, Listener } from './event.ts'
import { Fifo } from './fifo.ts'
import { foldFacts, type Posted } from './fold.ts'
import type { RoundRobin, Worker } from './round-robin.ts'

/*
 * What waits for one listener.
 *
 * Invariants:
 *  1. One event at a time, in order of emission: the next only after the promise of this one has settled,
 *     whatever the listener does meanwhile.
 *  2. Whatever the listener throws ends here, in `failed`; nobody else notices.
 *  3. Bounded: at most twice as many facts as there are subjects (or FACTS), at most EVENTS others. Facts are
 *     folded, never lost; others are lost to `failed` only.
 *  4. Once closed it hears nothing more, not even what was waiting.
 */

/** How many facts may wait before they are folded. */
export const MAX_FACTS = 1_000
/** How many other events may wait before the oldest are given up. */
export const MAX_EVENTS = 10_000

export interface InboxOptions {
  /** Who listens. */
  readonly name: string
  readonly listener: Listener
  readonly namespace: string | undefined
  readonly turns: RoundRobin
  readonly failed: (inbox: Inbox, event: KytosEvent, error: unknown) => void
  /** Told once each time the listener has fallen behind, in a sentence. */
  readonly behind: (what: string) => void
}

/** One subscription: its queue, and the listener at the end of it. */
export class Inbox implements Worker {
  readonly name: string
  readonly #options: InboxOptions
  readonly #facts = new Fifo<Posted>()
  readonly #others = new Fifo<Posted>()
  #foldAbove = MAX_FACTS
  #busy = false
  #closed = false
  #slow = false

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

  post(posted: Posted): void {
    if (this.#closed || !this.#wants(posted.event)) return
    if (posted.foldable) {
      this.#facts.push(posted)
      if (this.#facts.size > this.#foldAbove) this.#fold()
    } else {
      this.#others.push(posted)
      if (this.#others.size > MAX_EVENTS) this.#giveUpOldest()
    }
    if (this.#busy) return
    this.#busy = true
    this.#options.turns.add(this)
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
      if (!isThenable(settled)) return this.#more()
      Promise.resolve(settled).then(this.#resume, error => {
        this.#options.failed(this, event, error)
        this.#resume()
      })
      return false
    } catch (error) {
      this.#options.failed(this, event, error)
      return this.#more()
    }
  }

  readonly #resume = (): void => {
    if (this.#more()) this.#options.turns.add(this)
  }

  #more(): boolean {
    this.#busy = this.size > 0
    return this.#busy
  }

  #next(): KytosEvent | undefined {
    const fact = this.#facts.peek()
    const other = this.#others.peek()
    const from = fact && (!other || fact.place < other.place) ? this.#facts : this.#others
    const next = from.shift()?.event
    if (this.size === 0) {
      this.#slow = false
      this.#foldAbove = MAX_FACTS
    }
    return next
  }

  #wants({ content }: KytosEvent): boolean {
    const { namespace } = this.#options
    // A KytosEvent's content is an object (createBus checks it); what it holds may be anything.
    return namespace === undefined || (content as { readonly namespace?: unknown }).namespace === namespace
  }

  #fold(): void {
    const backlog = this.#facts.drain()
    const folded = foldFacts(backlog)
    for (const fact of folded) this.#facts.push(fact)
    // Twice what could not be folded further, so that each fact is folded a bounded number of times however
    // many subjects there are.
    this.#foldAbove = Math.max(MAX_FACTS, folded.length * 2)
    this.#tell(
      `is ${backlog.length} facts behind: they were coalesced into ${folded.length}, one per subject.`,
    )
  }

  #giveUpOldest(): void {
    const oldest = this.#others.shift()
    if (!oldest) return
    this.#tell(`is more than ${MAX_EVENTS} events behind: its oldest events become dead letters.`)
    const error = new SettingsError(
      'LISTENER_SLOW',
      `Listener ${this.name} is more than ${MAX_EVENTS} events behind; its oldest event "${oldest.event.name}" was not delivered.`,
    )
    this.#options.failed(this, oldest.event, error)
  }

  #tell(what: string): void {
    if (this.#slow) return
    this.#slow = true
    this.#options.behind(`Listener ${this.name} ${what}`)
  }
}

/** True for a promise, and for whatever else can be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
