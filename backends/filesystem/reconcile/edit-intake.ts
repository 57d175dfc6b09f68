import { dirname } from 'node:path'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { equalJson, type JsonObject } from '../../../model/value.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import { parseStored } from '../format/readable.ts'
import type { Mark } from '../journal/group.ts'
import { parseEdit } from './file-content.ts'
import { asPresent, withRejection } from './file-state.ts'
import { folderHolding } from './folder-holding.ts'
import { commitHandEdit } from './hand-edit.ts'
import { lastHeld } from './held-version.ts'
import type { Seen } from './look.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { makeDurable } from './replace-file.ts'
import { waitForContent } from './settle-time.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * Applies to the store what a person did to a readable file, or rejects it.
 *
 * Invariant: the edit is durable in its file before it is committed, and the journal calls it content of ours
 * only in the record of that commit.
 */
export class EditIntake {
  readonly #context: ReconcilerContext

  constructor(context: ReconcilerContext) {
    this.#context = context
  }

  /**
   * Applies or rejects content that the store did not write. Returns the milliseconds to wait when it is too
   * early for either.
   */
  async judge(
    key: Key,
    file: string,
    tracked: TrackedFile,
    seen: Seen & { readonly hash: string },
  ): Promise<number | undefined> {
    const value = parseEdit(key, seen, this.#context)
    const kind = value instanceof SettingsError ? 'broken' : 'edited'
    const wait = waitForContent(tracked, kind, seen, performance.now())
    if (wait > 0) return wait
    const folder = folderHolding(file)
    if (tracked.isStray(seen.hash, folder)) {
      // Rejected, so that it is copied aside, and replaced at once.
      tracked.state = withRejection(tracked.state, { hash: seen.hash, reason: undefined })
      tracked.isRewriteDue = true
      tracked.stray = undefined
      const { rejected } = neighbours(file)
      const message = `${file} reappeared with an earlier text of this store, which is not an edit. It was kept as ${rejected} and replaced.`
      this.#context.report({ code: 'FILE_REJECTED', key, source: rejected, message })
      return undefined
    }
    if (value instanceof SettingsError) {
      const message = `${file} was rejected and left unchanged: ${value.message} Correct it; the stored document stays in force.`
      tracked.state = withRejection(tracked.state, { hash: seen.hash, reason: message })
      this.#context.report({ code: 'FILE_REJECTED', key, source: file, message })
      return undefined
    }
    // A person edited the content that came back with the folder, not what was written elsewhere meanwhile.
    if (tracked.stray && tracked.wasAway(folder))
      tracked.hold(lastHeld([tracked.stray, tracked.known], seen.hash, value))
    tracked.stray = undefined
    await this.apply(key, file, tracked, seen, value)
    return undefined
  }

  /** Commits what a person wrote, or the removal of the file when `value` is undefined. */
  async apply(
    key: Key,
    file: string,
    tracked: TrackedFile,
    seen: Seen,
    value: JsonObject | undefined,
  ): Promise<void> {
    const { known } = tracked
    const sameMeaning =
      value !== undefined && known.text !== undefined && equalJson(parseStored(known.text), value)
    const version: FileVersion = {
      hash: seen.hash,
      text: sameMeaning ? known.text : value && printJson(value),
    }
    await makeDurable(file)
    await makeDurable(dirname(file))
    tracked.folder = folderHolding(file) ?? tracked.folder
    tracked.state = asPresent(tracked.state)
    // Begun only in the record of the commit: an earlier record that called this content ours would make the
    // next process write over the edit.
    const mark: Mark = [
      key,
      () => {
        tracked.beginWrite(version)
        return tracked.holding(version)
      },
      // What was typed may have secrets that are sealed in the document only: a process that dies before it
      // writes the file leaves that to the next one.
      () => ({ due: !sameMeaning && value !== undefined }),
    ]
    if (!sameMeaning) await commitHandEdit({ key, base: known.text, value, marks: [mark] }, this.#context)
    tracked.noteEdit(performance.now())
    tracked.hold(version)
    tracked.state = withRejection(tracked.state, undefined)
    // When only the formatting differs, the file keeps it until the next commit.
    tracked.isRewriteDue = !sameMeaning && value !== undefined
    if (sameMeaning) this.#context.remember(key)
    else tracked.settle(version)
  }
}
