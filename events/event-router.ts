import mitt, { type Emitter } from 'mitt'
import type { KytosEvent, Unsubscribe } from './event.ts'
import type { Posted } from './fold.ts'
import type { Inbox } from './inbox.ts'
import { isReserved } from './names.ts'
import { PatternTable } from './pattern.ts'

type Traffic = Record<string, Posted>

// mitt's types describe an ES module, its package a CommonJS one, so under nodenext the import is typed as
// the namespace; it is the function.
const createEmitter = mitt as unknown as (all: Emitter<Traffic>['all']) => Emitter<Traffic>

/**
 * Brings each event into the inboxes of those who wait for it. mitt carries them; it has one handler a name,
 * which only puts the event into inboxes and cannot throw, because a handler that throws would starve the
 * next.
 */
export class EventRouter {
  readonly #byName: Emitter<Traffic>['all'] = new Map()
  readonly #emitter = createEmitter(this.#byName)
  readonly #inboxes = new Map<string, Set<Inbox>>()
  readonly #patterns = new PatternTable<Inbox>()
  #place = 0

  post(event: KytosEvent): void {
    this.#emitter.emit(event.name, { place: this.place(), foldable: isReserved(event.name), event })
  }

  /** The next place in the order of emission. */
  place(): number {
    return ++this.#place
  }

  subscribe(to: string | RegExp, inbox: Inbox): Unsubscribe {
    const leave = typeof to === 'string' ? this.#byExactName(to, inbox) : this.#byPattern(to, inbox)
    return () => {
      if (inbox.closed) return
      inbox.close()
      leave()
    }
  }

  /** How much is held: nothing of it may outlive its subscription. */
  census(): {
    readonly names: number
    readonly listeners: number
    readonly patterns: number
    readonly remembered: number
  } {
    const exact = [...this.#inboxes.values()].reduce((sum, inboxes) => sum + inboxes.size, 0)
    const patterns = this.#patterns.size
    return {
      names: this.#byName.size,
      listeners: exact + patterns,
      patterns,
      remembered: this.#patterns.remembered,
    }
  }

  /** How many events wait for each who listens, by name; who listens more than once is counted once. */
  backlog(): ReadonlyMap<string, number> {
    const waiting = new Map<string, number>()
    for (const inboxes of [...this.#inboxes.values(), this.#patterns.targets()])
      for (const { name, size } of inboxes) waiting.set(name, (waiting.get(name) ?? 0) + size)
    return waiting
  }

  #byExactName(name: string, inbox: Inbox): Unsubscribe {
    const inboxes = this.#inboxes.get(name) ?? this.#open(name)
    inboxes.add(inbox)
    return () => {
      inboxes.delete(inbox)
      if (inboxes.size > 0) return
      this.#inboxes.delete(name)
      this.#byName.delete(name)
    }
  }

  #open(name: string): Set<Inbox> {
    const inboxes = new Set<Inbox>()
    this.#inboxes.set(name, inboxes)
    this.#emitter.on(name, posted => {
      for (const inbox of inboxes) inbox.post(posted)
    })
    return inboxes
  }

  #byPattern(pattern: RegExp, inbox: Inbox): Unsubscribe {
    if (this.#patterns.size === 0) this.#emitter.on('*', this.#postToPatterns)
    this.#patterns.add(pattern, inbox)
    return () => {
      this.#patterns.remove(inbox)
      if (this.#patterns.size === 0) this.#byName.delete('*')
    }
  }

  readonly #postToPatterns = (name: string, posted: Posted): void => {
    for (const inbox of this.#patterns.match(name)) inbox.post(posted)
  }
}
