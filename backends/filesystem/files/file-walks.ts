import type { Key } from '../../../model/key.ts'
import type { BackendContext } from '../../backend.ts'
import { type Layout, type ReadableKind, readableKind } from '../format/layout.ts'
import { isMissing } from '../reconcile/file-state.ts'
import { signatureNow } from '../reconcile/look.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'
import { forEachYielding } from './for-each-yielding.ts'
import { FolderWatch, type Walk, walk } from './scan.ts'
import { WalkReports } from './walk-reports.ts'
import { WalkTimer } from './walk-timer.ts'

/** The longest time (ms) from the end of a walk to the next one, unless walks take long. */
const WALK_PERIOD_MS = 1_000
/** The pause after a walk is at least this many times as long as the walk. */
const WALK_PAUSE_FACTOR = 50
/** How long (ms) after an event a file is looked at, because editors touch it several times. */
const DEBOUNCE_MS = 60

/** Everything that the walks work with. */
export interface Walkable {
  readonly tracked: ReadonlyMap<Key, TrackedFile>
  readonly layout: Layout
  readonly report: BackendContext['report']
  /** Has a file reconciled after this many ms. */
  readonly touch: (key: Key, delay?: number) => void
}

/**
 * Finds the readable files that changed: by events of their folders at once, and by a walk over all of them,
 * which also finds what no event reported.
 */
export class FileWalks {
  readonly #files: Walkable
  readonly #timer = new WalkTimer(() => this.#walk())
  readonly #watch: FolderWatch
  readonly #reports: WalkReports

  constructor(files: Walkable) {
    this.#files = files
    this.#watch = new FolderWatch(path => this.#onTouched(path))
    this.#reports = new WalkReports(files.report)
  }

  /** Walks on from the first walk, which the opening of the store made. */
  start(found: Walk): void {
    this.#watch.follow(found.folders)
    this.#timer.within(WALK_PERIOD_MS)
  }

  /** Reports the problems that a walk found. */
  report(found: Walk): void {
    this.#reports.walked(found)
  }

  /** Resolves when no walk is running any more, and no event is noticed. */
  async stop(): Promise<void> {
    await this.#timer.stop()
    // Only now, because a walk watches the folders that it finds.
    this.#watch.stop()
  }

  #onTouched(path: string): void {
    const key = this.#files.layout.key(path)
    if (key) this.#files.touch(key, DEBOUNCE_MS)
    else if (!path.endsWith('.tmp') && !path.endsWith('.replaced')) this.#timer.later(DEBOUNCE_MS)
  }

  async #walk(): Promise<void> {
    const { layout, tracked, touch } = this.#files
    const began = performance.now()
    try {
      const inUse = this.#kindsInUse()
      const found = await walk(layout, kind => !inUse.has(kind))
      this.#watch.follow(found.folders)
      await forEachYielding(found.files, ([key, file]) => {
        const signature = tracked.get(key)?.signature
        if (signature === undefined || signature !== signatureNow(file)) touch(key)
      })
      this.#touchLeftovers(found)
      this.#touchMissing(found)
      this.#reports.walked(found)
    } catch (error) {
      this.#reports.failed(layout.path, String(error))
    }
    this.#timer.within(Math.max(WALK_PERIOD_MS, WALK_PAUSE_FACTOR * (performance.now() - began)))
  }

  /** Kinds that have files, as far as is known: a missing folder of theirs may come back. */
  #kindsInUse(): ReadonlySet<ReadableKind> {
    return new Set(
      [...this.#files.tracked].flatMap(([key, { known }]) =>
        known.hash === null ? [] : (readableKind(key) ?? []),
      ),
    )
  }

  #touchMissing({ files }: Walk): void {
    for (const [key, { known, state }] of this.#files.tracked) {
      if (known.hash !== null && !isMissing(state) && !files.has(key)) this.#files.touch(key)
    }
  }

  /**
   * A folder that came back may contain unfinished files of a process that died, or that was writing when the
   * folder went away.
   */
  #touchLeftovers({ unfinished }: Walk): void {
    for (const key of unfinished) {
      const tracked = this.#files.tracked.get(key)
      if (!tracked || tracked.replaced) continue
      if (tracked.leftover === 'none') tracked.leftover = 'found'
      this.#files.touch(key)
    }
  }
}
