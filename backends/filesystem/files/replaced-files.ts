import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import { readableText } from '../format/readable.ts'
import { replacedVersion } from './adopt.ts'
import { parseContent } from './file-content.ts'
import { reasonOf, reportUnwritable } from './file-problems.ts'
import { identifyFolder, isSameFolder } from './folder-identity.ts'
import { takeIn } from './hand-edit.ts'
import { isAbsent, isBegun, isSameFile, keepRejected, look, makeDurable, type Seen } from './readable-file.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import type { TrackedFile } from './tracked-file.ts'

/** How long (ms) a replaced file is kept for a person who is just writing into it. */
export const GRACE = 300

/**
 * Looks once more at what was replaced, takes in what a person wrote into it meanwhile, and removes it.
 *
 * Invariant: the old content of a file is removed only once the file is in its place again, and known to be
 * so by the disk.
 */
export class ReplacedFiles {
  readonly #context: ReconcilerContext
  readonly #isHurried: () => boolean

  /** `isHurried`: nothing is waited for any more. */
  constructor(context: ReconcilerContext, isHurried: () => boolean) {
    this.#context = context
    this.#isHurried = isHurried
  }

  /**
   * Looks once more at a file that was replaced, and removes it; what stands in the way of that is reported,
   * and only keeps the file from being replaced again.
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
   * Gives how long to wait for the last look, or undefined when it is done, there is nothing to look at, or
   * the file is to be written first.
   */
  async #inspectReplaced(key: Key, file: string, tracked: TrackedFile): Promise<number | undefined> {
    const { replaced } = tracked
    if (!replaced) return undefined
    if (replaced.isOnly && tracked.known.hash === null && this.#context.state.has(key) && isAbsent(file))
      return undefined
    const wait = replaced.due - performance.now()
    if (wait > 0 && !this.#isHurried()) return wait
    const old = neighbours(file).replaced
    const seen = isSameFile(old, file) ? undefined : await look(old)
    if (seen && seen.hash !== null && seen.hash !== replaced.version.hash) {
      if (seen.hash !== replaced.found && !this.#isHurried()) {
        tracked.replaced = { ...replaced, due: performance.now() + GRACE, found: seen.hash }
        return GRACE
      }
      const isElsewhere = !isSameFolder(replaced.folder, identifyFolder(dirname(file)))
      const version = isElsewhere
        ? await this.#takeFromReplaced(key, file, tracked, seen)
        : await this.#rescue(key, file, tracked, replaced.version, seen)
      // If it cannot be removed now it must not be taken in once more, over what is committed until then.
      tracked.replaced = { ...replaced, version }
    }
    tracked.replaced = { ...(tracked.replaced ?? replaced), isInspected: true }
    // The name of what is in its place has to be durable first.
    if (replaced.isOnly) await makeDurable(dirname(file))
    await rm(old, { force: true })
    tracked.replaced = undefined
    this.#context.remember(key)
    return undefined
  }

  /**
   * Takes in what somebody wrote into a file while it was replaced, or sets it aside; gives what it stands
   * for from then on.
   */
  async #rescue(
    key: Key,
    file: string,
    tracked: TrackedFile,
    version: FileVersion,
    seen: Seen,
  ): Promise<FileVersion> {
    const value = parseContent(key, seen, this.#context.entryBytes)
    if (!(value instanceof SettingsError)) {
      const taken = { hash: seen.hash, text: value && printJson(value) }
      await takeIn(
        { key, base: version.text, value, marks: [[key, () => [taken, ...tracked.possible()]]] },
        this.#context,
      )
      return taken
    }
    const { replaced, rejected } = neighbours(file)
    await keepRejected(file, replaced)
    const message = `An edit of ${file} was rejected and saved as ${rejected}: ${value.message} Correct it and save it as ${file}.`
    this.#context.report({ code: 'FILE_REJECTED', key, source: rejected, message })
    return { ...version, hash: seen.hash }
  }

  /**
   * Adopts what an earlier process, or this one before its folder went away, had replaced and not looked at
   * again.
   * @throws Error of the file system.
   */
  async recover(key: Key, file: string, tracked: TrackedFile): Promise<void> {
    const { temporary, replaced } = neighbours(file)
    const old = isSameFile(replaced, file) ? undefined : await look(replaced)
    const seen = await look(file)
    // Of a process that died: in this one it may be an editor that has just emptied the file.
    const begun =
      tracked.recovering &&
      seen &&
      tracked.possible().findLast(({ text }) => text !== undefined && isBegun(seen, readableText(text)))
    if (old && old.hash !== null) {
      const version = await this.#takeFromReplaced(key, file, tracked, old)
      tracked.replaced = {
        version,
        folder: identifyFolder(dirname(file)),
        due: Number.NEGATIVE_INFINITY,
        isOnly: true,
      }
      // It died between taking the old file away and putting the new one there: that there is none is our
      // doing.
      if (seen?.hash === null) tracked.incomplete(null, version.text)
    }
    if (begun) tracked.incomplete(seen?.hash ?? null, begun.text)
    // The second names of files that are in their places, and what nobody needs.
    await rm(temporary, { force: true }).catch(() => {})
    if (isSameFile(replaced, file)) await rm(replaced, { force: true })
    tracked.recovering = false
    tracked.leftover = false
  }

  /**
   * What a file stands for that was replaced in an earlier process, or in a folder that came back; takes in
   * what a person wrote into it.
   */
  async #takeFromReplaced(key: Key, file: string, tracked: TrackedFile, old: Seen): Promise<FileVersion> {
    const value = parseContent(key, old, this.#context.entryBytes)
    const base = replacedVersion(tracked, old, value instanceof SettingsError ? undefined : value)
    return base.hash === old.hash ? base : this.#rescue(key, file, tracked, base, old)
  }
}

/**
 * Finds out what a file holds after a failure to put something there; else it would be taken for the work of
 * a person.
 */
export async function settleDoubt(file: string, tracked: TrackedFile, doubt: FileVersion): Promise<void> {
  const seen = await look(file)
  if (seen?.hash === doubt.hash) tracked.end(doubt)
  else if (seen?.hash === null && tracked.known.hash !== null) tracked.took()
  else if (seen && doubt.text !== undefined && isBegun(seen, readableText(doubt.text)))
    tracked.incomplete(seen.hash, doubt.text)
  tracked.doubt = undefined
}
