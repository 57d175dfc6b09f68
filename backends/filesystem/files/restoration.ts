import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import type { State } from '../journal/state.ts'
import { unwritableMessage } from './file-problems.ts'
import { inTurns } from './in-turns.ts'
import { signatureNow } from './readable-file.ts'
import type { TrackedFile } from './tracked-file.ts'

/** How often writing one missing file again is begun anew, when others touch it meanwhile. */
const ATTEMPTS = 20

/** What a restoration works with. */
export interface Restorable {
  readonly tracked: ReadonlyMap<Key, TrackedFile>
  readonly layout: Layout
  readonly state: State
  /** Asks for attention to a file; {@link Restoration.attended} is called when it had it. */
  readonly touch: (key: Key) => void
}

/** Has missing readable files written again because a person decided so. */
export class Restoration {
  readonly #files: Restorable
  readonly #waiting = new Map<Key, (() => void)[]>()
  #closing = false

  constructor(files: Restorable) {
    this.#files = files
  }

  /**
   * Writes the missing files of these documents again; gives the keys whose files are there again, in byte
   * order.
   * @throws SettingsError STORE_UNWRITABLE when one cannot be written; the others are there.
   */
  async restore(keys: Iterable<Key>): Promise<readonly Key[]> {
    const missing = [...new Set(keys)].flatMap(key => {
      const tracked = this.#files.tracked.get(key)
      return tracked && this.#isMissing(key, tracked) ? [{ key, tracked }] : []
    })
    const failures: SettingsError[] = []
    const restored: Key[] = []
    await inTurns(
      missing.sort((a, b) => (a.key < b.key ? -1 : 1)),
      async ({ key, tracked }) => {
        const failure = await this.#restore(key, tracked)
        if (failure) failures.push(failure)
        else restored.push(key)
      },
    )
    if (failures[0]) throw failures[0]
    return restored
  }

  /** This file had attention. */
  attended(key: Key): void {
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    for (const resolve of waiting) resolve()
  }

  /** Begins with no file any more. */
  stop(): void {
    this.#closing = true
  }

  /** No file gets attention any more. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.attended(key)
  }

  /**
   * True for a document whose file was there, or could not be written, and is absent; a new one is written
   * anyway.
   */
  #isMissing(key: Key, { known, failure }: TrackedFile): boolean {
    const { state, layout } = this.#files
    if (!state.has(key)) return false
    const isDue = known.hash === null && failure === undefined
    return !isDue && signatureNow(layout.file(key)) === 'no file'
  }

  /** Has one missing file written again; gives what was wrong when it is not there then. */
  async #restore(key: Key, tracked: TrackedFile): Promise<SettingsError | undefined> {
    const { layout, state, touch } = this.#files
    const file = layout.file(key)
    let isThere = false
    for (let attempt = 0; !isThere && attempt < ATTEMPTS && !this.#closing; attempt++) {
      tracked.restoring = true
      await new Promise<void>(resolve => {
        this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve])
        touch(key)
      })
      isThere = signatureNow(file) !== 'no file' || !state.has(key)
      if (tracked.failure !== undefined) break
    }
    tracked.restoring = false
    if (isThere) return undefined
    const reason = tracked.failure ?? 'the store is being closed, or others change it all the time'
    return new SettingsError('STORE_UNWRITABLE', unwritableMessage(file, reason), {
      details: { key, path: file },
    })
  }
}
