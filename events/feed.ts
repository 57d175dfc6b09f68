import type { JsonObject } from '../model/value.ts'
import type { KytosEvent, Unsubscribe } from './event.ts'

/**
 * Facts for readers that resume: a reader that was disconnected for a while loses no fact and repeats none.
 */
export interface Feed {
  /** The cursor of the newest fact, or of the state at the start; undefined before there is a state. */
  readonly cursor: string | undefined
  /**
   * Pushes every fact after `since` (exclusive; undefined: from now), in order: first the buffered ones
   * (`origin: "replay"`), then live ones. A reader whose `since` can no longer be served first receives one
   * `settings.snapshot`. A reader whose cursor is ahead of the state waits for it, and so does every reader
   * before there is a state. Until then it receives only facts without a cursor. `push` must not throw and
   * must not wait.
   * @throws SettingsError CURSOR_MALFORMED.
   */
  follow(since: string | undefined, push: Push): Unsubscribe
}

export type Push = (event: KytosEvent, cursor: string | undefined) => void

/** The state that the facts lead to. */
export interface FeedSource {
  /** The position of the state, all of whose facts were published. */
  readonly epoch: number
  readonly revision: bigint
  /** True while {@link namespaces} contains changes that are about to be published. */
  readonly announcing?: boolean
  /** The current position of the store, not older than any announced one; absent without a store. */
  storePosition?(): Promise<{ readonly epoch: number; readonly revision: bigint }>
  /** The settings as the facts up to now have announced them. */
  namespaces(): Readonly<Record<string, { readonly data: JsonObject; readonly revision: string }>>
}

export interface WritableFeed extends Feed {
  /** The state is loaded; all later facts are passed to the feed. */
  begin(): void
  /** Takes a fact that was just published; `size` is the length of the document in it, in characters. */
  add(event: KytosEvent, size: number): void
  /**
   * The state is where its facts lead, and all of them were published. `bySteps` is false when revisions of
   * the store were skipped, even without a difference.
   */
  advanced(bySteps: boolean): void
}
