import type { KytosEvent, Unsubscribe } from '../events/event.ts'

/** Facts for readers that resume: the recent ones are kept, so that nobody who was briefly away loses or repeats one. */
export interface Feed {
  /** The cursor of the newest fact that was said, or of the state at start. */
  readonly cursor: string
  /**
   * Gives every fact after `since` (exclusive; undefined: from now), first the kept ones (`origin: "replay"`), then live ones as they are said, in order.
   * When `since` can no longer be served the reader first gets one `settings.snapshot`. `push` must not throw and must not wait.
   * @throws SettingsError CURSOR_MALFORMED.
   */
  follow(since: string | undefined, push: (event: KytosEvent, cursor: string | undefined) => void): Unsubscribe
}
