import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import { readableText } from '../format/readable.ts'
import { parseContent, parseEdit, sealRejected } from './file-content.ts'
import { reasonOf, reportUnwritable } from './file-problems.ts'
import { identifyFolder, isSameFolder } from './folder-identity.ts'
import { commitHandEdit } from './hand-edit.ts'
import { replacedVersion } from './held-version.ts'
import { isAbsent, isPartialWrite, isSameFile, look, type Seen } from './look.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { keepRejected, makeDurable } from './replace-file.ts'
import type { TrackedFile } from './tracked-file.ts'

/** Milliseconds for which a replaced file is kept, because an editor may still write into it. */
export const REPLACED_GRACE_MS = 300

/**
 * Looks once more at a file that was replaced, applies what a person wrote into it meanwhile, and removes it.
 *
 * Invariant: the old content of a file is removed only once the file is in its place again, and that is
 * durable.
 */
export class ReplacedFiles {
  readonly #context: ReconcilerContext
  readonly #isClosing: () => boolean

  /** `isHurried`: nothing is waited for any more. */
  constructor(context: ReconcilerContext, isClosing: () => boolean) {
    this.#context = context
    this.#isClosing = isClosing
  }

  /**
   * Looks once more at a file that was replaced, and removes it. A failure is reported, and only prevents the
   * file from being replaced again. Returns the milliseconds to wait for the last look, or undefined.
   */
  async settle(key: Key, file: string, tracked: TrackedFile): Promise<number | undefined> {
    try {
      return await this.#inspectReplaced(key, file, tracked)
    } catch (error) {
      if (isSettingsError(error) || !tracked.replaced) throw error
      if (tracked.replaced.isInspected && tracked.replaced.stuck === undefined) this.#context.remember(key)
      tracked.replaced = { ...tracked.replaced, stuck: error }
      const message = `${neighbours(file).replaced}, what ${file} held before, cannot be looked at or removed: ${reasonOf(error)}. Move it away.`
      reportUnwritable({ key, file, tracked, message }, this.#context.report)
      return undefined
    }
  }

  /**
   * Returns the milliseconds to wait for the last look; undefined when it is done, when there is no replaced
   * file, or when the file is to be written first.
   */
  async #inspectReplaced(key: Key, file: string, tracked: TrackedFile): Promise<number | undefined> {
    const { replaced } = tracked
    if (!replaced) return undefined
    if (replaced.isOnlyCopy && tracked.known.hash === null && this.#context.state.has(key) && isAbsent(file))
      return undefined
    const wait = replaced.due - performance.now()
    if (wait > 0 && !this.#isClosing()) return wait
    const old = neighbours(file).replaced
    const seen = isSameFile(old, file) ? undefined : await look(old)
    if (seen && seen.hash !== null && seen.hash !== replaced.version.hash) {
      if (seen.hash !== replaced.found && !this.#isClosing()) {
        tracked.replaced = { ...replaced, due: performance.now() + REPLACED_GRACE_MS, found: seen.hash }
        return REPLACED_GRACE_MS
      }
      const isElsewhere = !isSameFolder(replaced.folder, identifyFolder(dirname(file)))
      const version = isElsewhere
        ? await this.#takeFromReplaced(key, file, tracked, seen)
        : await this.#rescue(key, file, tracked, replaced.version, seen)
      // If it cannot be removed now, it must not be applied again over what is committed until then.
      tracked.replaced = { ...replaced, version }
    }
    tracked.replaced = { ...(tracked.replaced ?? replaced), isInspected: true }
    // The name of the file in its place has to be durable first.
    if (replaced.isOnlyCopy) await makeDurable(dirname(file))
    await rm(old, { force: true })
    tracked.replaced = undefined
    this.#context.remember(key)
    return undefined
  }

  /**
   * Applies what was written into a file while it was replaced, or copies it aside; the version that it
   * stands for from then on.
   */
  async #rescue(
    key: Key,
    file: string,
    tracked: TrackedFile,
    version: FileVersion,
    seen: Seen,
  ): Promise<FileVersion> {
    const value = parseEdit(key, seen, this.#context)
    if (!(value instanceof SettingsError)) {
      const taken = { hash: seen.hash, text: value && printJson(value) }
      await commitHandEdit(
        { key, base: version.text, value, marks: [[key, () => [taken, ...tracked.possible()]]] },
        this.#context,
      )
      return taken
    }
    const { replaced, rejected } = neighbours(file)
    await keepRejected(file, replaced, text => sealRejected(key, text, this.#context))
    const message = `An edit of ${file} was rejected and saved as ${rejected}: ${value.message} Correct it and save it as ${file}.`
    this.#context.report({ code: 'FILE_REJECTED', key, source: rejected, message })
    return { ...version, hash: seen.hash }
  }

  /**
   * Adopts a replaced file that an earlier process, or this one before its folder went away, has not looked
   * at again.
   * @throws Error of the file system.
   */
  async recover(key: Key, file: string, tracked: TrackedFile): Promise<void> {
    const { temporary, replaced } = neighbours(file)
    const old = isSameFile(replaced, file) ? undefined : await look(replaced)
    const seen = await look(file)
    // Only from a process that died: in this one an editor may just have emptied the file.
    const begun =
      tracked.leftover === 'unsettled' &&
      seen &&
      tracked
        .possible()
        .findLast(({ text }) => text !== undefined && isPartialWrite(seen, readableText(text)))
    if (old && old.hash !== null) {
      const version = await this.#takeFromReplaced(key, file, tracked, old)
      tracked.replaced = {
        version,
        folder: identifyFolder(dirname(file)),
        due: Number.NEGATIVE_INFINITY,
        isOnlyCopy: true,
      }
      // The process died between moving the old file away and placing the new one: no person removed it.
      if (seen?.hash === null) tracked.holdIncomplete(null, version.text)
    }
    if (begun) tracked.holdIncomplete(seen?.hash ?? null, begun.text)
    // Second names of files that are in their places, and a temporary file without a use.
    await rm(temporary, { force: true }).catch(() => {})
    if (isSameFile(replaced, file)) await rm(replaced, { force: true })
    tracked.leftover = 'none'
  }

  /**
   * The version that a file stands for which was replaced in an earlier process, or in a folder that came
   * back; applies what a person wrote into it.
   */
  async #takeFromReplaced(key: Key, file: string, tracked: TrackedFile, old: Seen): Promise<FileVersion> {
    const value = parseContent(key, old, this.#context.entryBytes)
    const base = replacedVersion(tracked, old, value instanceof SettingsError ? undefined : value)
    return base.hash === old.hash ? base : this.#rescue(key, file, tracked, base, old)
  }
}

/**
 * Finds what a file holds after a write that failed; otherwise its content would be mistaken for the work of
 * a person.
 */
export async function resolveDoubt(file: string, tracked: TrackedFile, doubtful: FileVersion): Promise<void> {
  const seen = await look(file)
  if (seen?.hash === doubtful.hash) tracked.hold(doubtful)
  else if (seen?.hash === null && tracked.known.hash !== null) tracked.takenAway()
  else if (seen && doubtful.text !== undefined && isPartialWrite(seen, readableText(doubtful.text)))
    tracked.holdIncomplete(seen.hash, doubtful.text)
  tracked.endDoubt()
}
