import type { Batch } from '../../backends/backend.ts'
import type { KytosEvent } from '../../events/event.ts'
import type { Origin } from '../../events/nouns.ts'
import { printRevision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { isTokenKey } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { Log } from '../log/log.ts'
import { type DocumentState, isRecorded } from '../state/document-state.ts'
import { foreignKeyMessage } from '../state/foreign-keys.ts'
import type { RejectedList } from '../state/rejected-list.ts'
import { rejectionMessage } from '../state/rejection-message.ts'
import type { ApplyOptions, Cache } from './cache.ts'
import { type Fact, factsOf, rejectedFact, rejectedKeyFact } from './facts.ts'
import type { Observers } from './observers.ts'
import type { Position } from './readiness.ts'
import { recordsIn } from './snapshot.ts'
import { keyOf } from './store-index.ts'
import type { WatcherListener } from './watcher-listener.ts'

/**
 * Advances the cache and the bus together; the only source of facts.
 *
 * Invariant: `position` advances to a revision when its content is in the cache, whole, and all its facts
 * were published. Only then are the callers released that wait for the revision.
 */
export class Announcer {
  readonly #cache: Cache
  readonly #log: Log
  readonly #listener: WatcherListener
  readonly #observers: Observers
  #position: Position = { epoch: 0, revision: 0n }

  constructor(cache: Cache, log: Log, listener: WatcherListener, observers: Observers) {
    this.#cache = cache
    this.#log = log
    this.#listener = listener
    this.#observers = observers
  }

  /** Everything up to here is in the cache and has been announced. */
  get position(): Position {
    return this.#position
  }

  /** True while the cache contains a revision that is about to be announced. */
  get announcing(): boolean {
    return this.#cache.epoch !== this.#position.epoch || this.#cache.revision !== this.#position.revision
  }

  /** Puts a state into the cache without announcing it, because an earlier process has done so. */
  async preload(batch: Batch, epoch: number): Promise<void> {
    // The store is not open yet, so the records for rejected overrides come from the batch.
    await this.#cache.apply(batch, { epoch, readHistory: async document => recordsIn(batch, document) })
    this.#position = { epoch, revision: batch.revision }
  }

  /** Applies a batch to the cache and announces it; an `origin` of undefined announces no change. */
  async deliver(batch: Batch, origin: Origin | undefined, options: ApplyOptions = {}): Promise<void> {
    const steps = await this.#cache.apply(batch, options)
    // Before the facts, because a client whose token was revoked must not receive facts of the same commit.
    if (batch.changes.some(change => isTokenKey(keyOf(change)))) this.#listener.onTokensChanged()
    const { epoch, revision } = this.#cache
    if (origin) {
      const occasion = {
        epoch,
        revision,
        origin,
        last: steps.at(-1),
        schema: this.#cache.schema.bind(this.#cache),
      }
      for (const step of steps) {
        const text = step.type === 'settings' ? step.state.entry?.text : undefined
        for (const fact of factsOf(step, occasion)) this.announce(fact, text?.length)
      }
    }
    for (const [key, reason] of this.#cache.takeUnreadable())
      this.announce(
        rejectedKeyFact(key, `The stored schema is ignored and kept. ${reason}`, {
          revision: this.#cache.revision,
          origin: 'live',
        }),
      )
    this.#position = { epoch, revision }
    this.#listener.onAdvanced(origin === 'live')
    this.#observers.advanced()
  }

  /** Publishes one fact; a rejection is also logged. */
  announce(fact: Fact, size = 0): KytosEvent {
    const event = this.#listener.onFact(fact, size)
    if (fact.name === 'settings.rejected') {
      const { namespace, source } = fact.content
      const message = rejectionMessage(fact.content)
      this.#log.warn(message, {
        event: fact.name,
        event_id: event.id,
        namespace,
        source,
        revision: printRevision(this.#position.revision),
      })
    }
    return event
  }

  /** Announces the list of rejected members of a namespace. */
  announceRejected(namespace: Namespace, list: RejectedList): void {
    this.announce(rejectedFact(namespace, list, { revision: this.#cache.revision, origin: 'live' }))
  }

  /** Announces every list that is not empty. */
  announceAllRejected(): void {
    for (const namespace of this.#cache.namespaces()) {
      const list = this.#cache.rejected(namespace)
      if (list.rejected.length > 0) this.announceRejected(namespace, list)
    }
  }

  /** Logs keys that no document of this store has. */
  reportForeign(keys: readonly Key[]): void {
    for (const key of keys) this.#log.warn(foreignKeyMessage(key), { code: 'KEY_FOREIGN', source: key })
  }

  /** Reports the documents that changed without a history record, if any. */
  reportUnrecorded(documents: readonly (DocumentState | undefined)[]): void {
    const unrecorded = documents.flatMap(state => (state && !isRecorded(state) ? [state] : []))
    if (unrecorded.length > 0) this.#listener.onUnrecorded(unrecorded)
  }
}
