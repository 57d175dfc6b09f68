import type { Revision } from '../../model/document.ts'
import { Condition } from './condition.ts'
import type { Position } from './readiness.ts'

/** What those who wait look at. */
interface Watched {
  readonly ready: () => boolean
  readonly position: () => Position
  readonly stopped: () => boolean
}

/** Milliseconds that a write waits for an unready watch before it answers unobserved. */
const OBSERVE = 2_000
/** How many times that long it waits for a watch that stands but lags. */
const OBSERVE_TIMES = 15

/**
 * Those who wait for the watcher: until it has passed a commit, until it is READY, until something holds of
 * the cache.
 */
export class Observers {
  readonly #watched: Watched
  readonly #passed = new Condition()
  readonly #ready = new Condition()

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /**
   * True once a commit of this revision is in the cache and has been announced; `before` is the position that
   * was read before it was sent. False when the watch was down for 2 s meanwhile, or the store turned out to
   * be another one, so that nobody can say.
   */
  async passed(revision: Revision, before: Position): Promise<boolean> {
    const otherStore = () => this.#watched.position().epoch !== before.epoch
    // A store that gives a commit a revision that has been announced already went back, and its revisions
    // mean nothing until that is noticed.
    const there = () =>
      !otherStore() && revision > before.revision && this.#watched.position().revision >= revision
    const settled = () => otherStore() || there()
    for (let times = 0; !settled() && times < OBSERVE_TIMES; times++) {
      const wasReady = this.#watched.ready()
      if (!(await this.#passed.wait(settled, OBSERVE)) && !wasReady && !this.#watched.ready()) break
      if (this.#watched.stopped()) break
    }
    return there()
  }

  /** True when READY, now or within so many milliseconds. */
  async ready(within: number): Promise<boolean> {
    const isReady = () => this.#watched.ready()
    return isReady() || this.#ready.wait(isReady, within)
  }

  /** True when the condition on the cache holds, now or within so many milliseconds. */
  async until(condition: () => boolean, within: number): Promise<boolean> {
    return condition() || this.#passed.wait(condition, within)
  }

  /** The watcher went on: whoever waits for that is let go. */
  moved(): void {
    this.#passed.check()
  }

  becameReady(): void {
    this.#ready.check()
  }

  close(): void {
    this.#passed.close()
    this.#ready.close()
  }
}
