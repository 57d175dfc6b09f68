import type { KytosEvent } from '../../events/event.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { DocumentState } from '../state/document-state.ts'
import type { Fact } from './facts.ts'

/**
 * Receives the facts and findings of a watcher, each at the moment it arises. The methods must not throw.
 *
 * The calls for one revision have this order: `onTokensChanged`, `onFact` for each fact, `onAdvanced`, then
 * `onUnrecorded`. The calls up to `onAdvanced` are synchronous, so that no other call comes between them.
 */
export interface WatcherListener {
  /**
   * Publishes a fact and returns its event. `size` is the length of the document that the fact contains, in
   * characters; 0 for a fact without one.
   */
  onFact(fact: Fact, size: number): KytosEvent
  /**
   * All facts of a revision were published and the position of the watcher is at that revision. `bySteps` is
   * false when a listing replaced the changes of single revisions.
   */
  onAdvanced(bySteps: boolean): void
  /** Documents have changed without a history record, which is a manual edit. */
  onUnrecorded(documents: readonly DocumentState[]): void
  /** The cache has other tokens than before; facts of the same revision are not published yet. */
  onTokensChanged(): void
  /** A comparison found the cache equal to the store. */
  onReconciled(): void
  /**
   * The store is unusable and was never READY, so the watcher has stopped. Also called after the start from a
   * snapshot.
   */
  onFatal(error: SettingsError): void
}
