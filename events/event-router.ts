import mitt, { type Emitter } from 'mitt'
import type { QueuedEvent } from './coalesce.ts'
import type { KytosEvent, Unsubscribe } from './event.ts'
import type { Inbox } from './inbox.ts'
import { isReserved } from './names.ts'
import { PatternTable } from './pattern.ts'

type Traffic = Record<string, QueuedEvent>

// Under nodenext the import is typed as the namespace although it is the function, because mitt's types
// describe an ES module and its package a CommonJS one.
const createEmitter = mitt as unknown as (all: Emitter<Traffic>['all']) => Emitter<Traffic>

/**
 * Posts each event to the inboxes of its listeners, by means of mitt. There is one handler a name, which only
 * fills inboxes and cannot throw, because in mitt a handler that throws starves the next one.
 */
export class EventRouter {
  readonly #byName: Emitter<Traffic>['all'] = new Map()
  readonly #emitter = createEmitter(this.#byName)
  readonly #inboxes = new Map<string, Set<Inbox>>()
  readonly #patterns = new PatternTable<Inbox>()
  #lastSequence = 0

  post(event: KytosEvent): void {
    this.#emitter.emit(event.name, {
      sequence: this.nextSequence(),
      canCoalesce: isReserved(event.name),
      event,
    })
  }

  /** The next number in the order of emission. */
  nextSequence(): number {
    return ++this.#lastSequence
  }

  subscribe(to: string | RegExp, inbox: Inbox): Unsubscribe {
    const unsubscribe = typeof to === 'string' ? this.#byExactName(to, inbox) : this.#byPattern(to, inbox)
    return () => {
      if (inbox.closed) return
      inbox.close()
      unsubscribe()
    }
  }

  /** The number of objects that are held; none may outlive its subscription. */
  counts(): {
    readonly names: number
    readonly listeners: number
    readonly patterns: number
    readonly cachedNames: number
  } {
    const exact = [...this.#inboxes.values()].reduce((sum, inboxes) => sum + inboxes.size, 0)
    const patterns = this.#patterns.size
    return {
      names: this.#byName.size,
      listeners: exact + patterns,
      patterns,
      cachedNames: this.#patterns.cachedNames,
    }
  }

  /** The number of queued events by the name of the listener, over all subscriptions of that name. */
  backlog(): ReadonlyMap<string, number> {
    const queued = new Map<string, number>()
    for (const inboxes of [...this.#inboxes.values(), this.#patterns.targets()])
      for (const { name, size } of inboxes) queued.set(name, (queued.get(name) ?? 0) + size)
    return queued
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
    this.#emitter.on(name, queued => {
      for (const inbox of inboxes) inbox.post(queued)
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

  readonly #postToPatterns = (name: string, queued: QueuedEvent): void => {
    for (const inbox of this.#patterns.match(name)) inbox.post(queued)
  }
}
