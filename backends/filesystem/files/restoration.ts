import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import type { Layout } from '../format/layout.ts'
import type { State } from '../journal/state.ts'
import { unwritableMessage } from '../reconcile/file-problems.ts'
import { signatureNow } from '../reconcile/look.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'
import { forEachYielding } from './for-each-yielding.ts'

/** How often the write of one missing file is attempted while other programs change the file. */
const MAX_ATTEMPTS = 20

/** Everything that a restoration works with. */
export interface Restorable {
  readonly tracked: ReadonlyMap<Key, TrackedFile>
  readonly layout: Layout
  readonly state: State
  /** Has a file reconciled; {@link Restoration.onReconciled} is called afterwards. */
  readonly touch: (key: Key) => void
}

/** Writes missing readable files again when a person asks for it. */
export class Restoration {
  readonly #files: Restorable
  readonly #waiting = new Map<Key, (() => void)[]>()
  #closing = false

  constructor(files: Restorable) {
    this.#files = files
  }

  /**
   * Writes the missing files of these documents again. Resolves with the keys whose files exist again, in
   * byte order.
   * @throws SettingsError STORE_UNWRITABLE when one cannot be written; the others are written.
   */
  async restore(keys: Iterable<Key>): Promise<readonly Key[]> {
    const missing = [...new Set(keys)].flatMap(key => {
      const tracked = this.#files.tracked.get(key)
      return tracked && this.#isMissing(key, tracked) ? [{ key, tracked }] : []
    })
    const failures: SettingsError[] = []
    const restored: Key[] = []
    await forEachYielding(
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

  /** Called when a file was reconciled. */
  onReconciled(key: Key): void {
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    for (const resolve of waiting) resolve()
  }

  /** Starts no attempt any more. */
  stop(): void {
    this.#closing = true
  }

  /** Ends all waiting: no file is reconciled any more. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.onReconciled(key)
  }

  /**
   * True for a document whose file existed, or could not be written, and is absent. The file of a new
   * document is written anyway.
   */
  #isMissing(key: Key, { known, failures }: TrackedFile): boolean {
    const { state, layout } = this.#files
    if (!state.has(key)) return false
    const isDue = known.hash === null && failures.reason === undefined
    return !isDue && signatureNow(layout.file(key)) === 'no file'
  }

  /** Writes one missing file again; resolves with the error when it does not exist then. */
  async #restore(key: Key, tracked: TrackedFile): Promise<SettingsError | undefined> {
    const { layout, state, touch } = this.#files
    const file = layout.file(key)
    let isThere = false
    for (let attempt = 0; !isThere && attempt < MAX_ATTEMPTS && !this.#closing; attempt++) {
      tracked.isRestoring = true
      await new Promise<void>(resolve => {
        this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve])
        touch(key)
      })
      isThere = signatureNow(file) !== 'no file' || !state.has(key)
      if (tracked.failures.reason !== undefined) break
    }
    tracked.isRestoring = false
    if (isThere) return undefined
    const reason = tracked.failures.reason ?? 'the store is being closed, or others change it all the time'
    return new SettingsError('STORE_UNWRITABLE', unwritableMessage(file, reason), {
      details: { key, path: file },
    })
  }
}
