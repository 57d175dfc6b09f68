import { dirname } from 'node:path'
import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { equalJson } from '../../../model/value.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import { hashOf, parseStored, readableText } from '../format/readable.ts'
import { parseContent, sealRejected } from './file-content.ts'
import { rejectionOf, withRejection } from './file-state.ts'
import { folderHolding } from './folder-holding.ts'
import { identifyFolder } from './folder-identity.ts'
import { isAbsent, type Seen, signatureNow } from './look.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { keepRejected, prepareText, putPrepared, takeAway } from './replace-file.ts'
import { REPLACED_GRACE_MS } from './replaced-files.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * Writes what the store holds into a readable file.
 *
 * Invariant: content that is replaced is the content that was seen, and rejected content is copied aside
 * first.
 */
export class FileWriter {
  readonly #context: ReconcilerContext
  readonly #isClosing: () => boolean

  constructor(context: ReconcilerContext, isClosing: () => boolean) {
    this.#context = context
    this.#isClosing = isClosing
  }

  /**
   * Makes the file show what the store holds, unless it does. `seen` is what it holds, and contains nothing
   * unknown. Returns the milliseconds after which the file is to be reconciled again, or undefined.
   */
  async write(key: Key, file: string, tracked: TrackedFile, seen: Seen): Promise<number | undefined> {
    const text = this.#context.state.get(key)?.text
    if (text === tracked.known.text && !tracked.isRewriteDue) return undefined
    const shown = text === undefined ? undefined : readableText(text)
    const version: FileVersion = { hash: shown === undefined ? null : hashOf(shown), text }
    try {
      if (version.hash !== seen.hash && !(await this.#put(key, file, tracked, seen, version, shown))) return 0
    } catch (error) {
      // Not reported when the file shows the document in the layout of a person: only our layout has to wait.
      if (!this.#isShown(key, seen, text) || signatureNow(file) !== seen.signature) throw error
      tracked.endDoubt()
      tracked.failures.ignore()
      return tracked.failures.retryMs
    }
    tracked.hold(version)
    tracked.state = withRejection(tracked.state, undefined)
    tracked.isRewriteDue = false
    tracked.isRestoring = false
    tracked.signature = undefined
    const isTakenAway = version.hash === null && seen.hash !== null
    tracked.folder = (isTakenAway ? identifyFolder(dirname(file)) : folderHolding(file)) ?? tracked.folder
    if (tracked.replaced) return this.#isClosing() ? 0 : REPLACED_GRACE_MS
    this.#context.remember(key)
    return undefined
  }

  #isShown(key: Key, seen: Seen, text: string | undefined): boolean {
    const value = parseContent(key, seen, this.#context.entryBytes)
    const stored = text === undefined ? undefined : parseStored(text)
    return (
      value !== undefined &&
      !(value instanceof SettingsError) &&
      stored !== undefined &&
      equalJson(value, stored)
    )
  }

  /** Puts a text, or no file, in the place of what was seen; false when the file changed meanwhile. */
  async #put(
    key: Key,
    file: string,
    tracked: TrackedFile,
    seen: Seen,
    version: FileVersion,
    shown: string | undefined,
  ): Promise<boolean> {
    const { replaced } = tracked
    if (replaced && seen.hash !== null && !replaced.isInspected) {
      // The `replaced` name is needed for the content that is replaced now.
      if (replaced.stuck !== undefined) throw replaced.stuck
      return false
    }
    tracked.beginWrite(version)
    try {
      if (seen.hash !== null && seen.hash === rejectionOf(tracked.state)?.hash)
        await keepRejected(file, file, text => sealRejected(key, text, this.#context))
      if (shown !== undefined) await prepareText(file, shown)
      const old = { ...tracked.known, hash: seen.hash }
      const onMoved = () => {
        tracked.replaced = {
          version: old,
          folder: identifyFolder(dirname(file)),
          due: performance.now() + REPLACED_GRACE_MS,
        }
      }
      if (shown === undefined) return takeAway(file, seen, onMoved)
      const inOneStep = !tracked.isBeingEdited(performance.now())
      const onTakenAway = () => tracked.takenAway()
      return await putPrepared(file, shown, seen, { inOneStep, onMoved, onTakenAway })
    } catch (error) {
      tracked.doubtWrite(version)
      throw error
    } finally {
      tracked.hasTemporary = !isAbsent(neighbours(file).temporary)
    }
  }
}
