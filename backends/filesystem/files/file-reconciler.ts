import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { equalJson, type JsonObject } from '../../../model/value.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import { hashOf, parseStored, readableText } from '../format/readable.ts'
import type { Mark } from '../journal/group.ts'
import { lastHeld } from './adopt.ts'
import { parseContent } from './file-content.ts'
import { reasonOf, reportUnwritable, unwritableMessage } from './file-problems.ts'
import { type FolderIdentity, identifyFolder, isSameFolder } from './folder-identity.ts'
import { takeIn } from './hand-edit.ts'
import {
  isAbsent,
  keepRejected,
  look,
  makeDurable,
  prepareText,
  putPrepared,
  type Seen,
  signatureNow,
  takeAway,
} from './readable-file.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { GRACE, ReplacedFiles, settleDoubt } from './replaced-files.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * How long (ms) until a file that could not be read or written is tried again: longer each time, up to so
 * many times.
 */
const AGAIN = 1_000
const LONGEST = 10
/**
 * How often (ms) a missing file is looked for until its absence counts: a mount that ends is told by nothing
 * else.
 */
const GLANCE = 200

/**
 * Brings one document and its readable file together: first what a person did to the file goes into the
 * store, then what the store holds into the file.
 *
 * Invariant: a file is replaced only when its content is one that was taken in, written by us, or copied
 * aside; and what is replaced is looked at once more after a moment. So a hand edit is in the store, or still
 * in the file, or in a `.rejected` neighbour, whatever is committed meanwhile.
 *
 * Whichever call fails on the way, what is then on the disk is known to be our doing, in this process and in
 * the next: either the file is as it was seen, or `replaced` holds its content and is kept until the file is
 * in its place, or the file holds a beginning of ours beside `temporary`. Content that was taken in from
 * `replaced` is marked in the same commit, so that no later process takes it in again.
 */
export class FileReconciler {
  readonly #context: ReconcilerContext
  readonly #replaced: ReplacedFiles
  /** Nothing is waited for any more; what is not ripe is left for the next opening. */
  hurry = false

  constructor(context: ReconcilerContext) {
    this.#context = context
    this.#replaced = new ReplacedFiles(context, () => this.hurry)
  }

  /**
   * Attends to one file; gives the milliseconds after which it wants to be attended to again, or undefined.
   * One call a file at a time.
   */
  async attend(key: Key, tracked: TrackedFile): Promise<number | undefined> {
    const file = this.#context.layout.file(key)
    try {
      // First of all: what is at the `replaced` name is needed while the file is not in its place.
      if (tracked.doubt) await settleDoubt(file, tracked, tracked.doubt)
      if (tracked.recovering || tracked.isLeftBehind) await this.#replaced.recover(key, file, tracked)
      const wait =
        (await this.#replaced.settle(key, file, tracked)) ?? (await this.#reconcile(key, file, tracked))
      if (this.#context.state.get(key)?.text === tracked.known.text && !tracked.untidy)
        await this.#finish(file, tracked)
      return wait ?? (tracked.replaced || tracked.litter ? AGAIN : undefined)
    } catch (error) {
      // A commit that failed is told to everybody who commits; the edit stays in its file until the store
      // takes it.
      if (isSettingsError(error)) return AGAIN
      tracked.failure = reasonOf(error)
      reportUnwritable(
        { key, file, tracked, message: unwritableMessage(file, tracked.failure) },
        this.#context.report,
      )
      return AGAIN * Math.min(tracked.failures, LONGEST)
    } finally {
      tracked.end()
    }
  }

  /** Adopts what a process that died had replaced and not looked at again, or at the next attention. */
  async recover(key: Key, tracked: TrackedFile): Promise<void> {
    tracked.recovering = true
    try {
      await this.#replaced.recover(key, this.#context.layout.file(key), tracked)
    } catch {
      // The next attention tries it again and reports why it fails. Until then the file is left alone, and
      // the store opens.
    }
  }

  /**
   * The file shows its document: removes the temporary file if it is still there, which would be needed to
   * know an unfinished one again.
   */
  async #finish(file: string, tracked: TrackedFile): Promise<void> {
    tracked.shown()
    if (!tracked.litter) return
    const { temporary } = neighbours(file)
    // The next attention tries it again; the file itself is as it should be.
    await rm(temporary, { force: true }).catch(() => {})
    tracked.litter = !isAbsent(temporary)
  }

  async #reconcile(key: Key, file: string, tracked: TrackedFile): Promise<number | undefined> {
    if (tracked.unseen) await this.#identify(key, file, tracked)
    const entry = this.#context.state.get(key)
    const due = entry?.text !== tracked.known.text || tracked.untidy
    const seen = await look(file, due ? undefined : tracked.signature)
    if (!seen) {
      tracked.calm()
      this.#found(key, file, tracked)
      return undefined
    }
    if (seen.hash === null && tracked.known.hash !== null) {
      const wait = await this.#absent(key, file, tracked, seen)
      if (wait !== undefined) return wait
      if (tracked.kept) return undefined
    } else if (seen.hash === tracked.known.hash || seen.hash === tracked.rejected) {
      tracked.calm()
      if (seen.settled) tracked.signature = seen.signature
      if (seen.hash !== tracked.rejected) tracked.accept()
      // What came back with a folder is still to be replaced: the next process is to see that it was away.
      const isStray = seen.hash === tracked.rejected && tracked.rejection === undefined
      if (seen.hash !== null && !isStray) this.#found(key, file, tracked)
    } else {
      const wait = await this.#judge(key, file, tracked, seen)
      if (wait !== undefined) return wait
    }
    return this.#rewrite(key, file, tracked, seen)
  }

  /**
   * Finds which version a file holds that could not be looked at when the store was opened; else it would be
   * taken for the work of a person.
   */
  async #identify(key: Key, file: string, tracked: TrackedFile): Promise<void> {
    const seen = await look(file)
    if (!seen || (tracked.kept && seen.hash === null)) return
    const value = parseContent(key, seen, this.#context.entryBytes)
    tracked.end(lastHeld(tracked.possible(), seen.hash, value instanceof SettingsError ? undefined : value))
    tracked.unseen = false
    this.#context.remember(key)
  }

  /** The file is there and holds what we know: its folder is the one that its absence is compared with. */
  #found(key: Key, file: string, tracked: TrackedFile): void {
    const before = tracked.folder
    tracked.folder = folderHolding(file) ?? before
    if (tracked.folder !== before && (!before || !isSameFolder(before, tracked.folder)))
      this.#context.remember(key)
    if (!tracked.kept || tracked.folder === before) return
    tracked.kept = false
    this.#context.remember(key)
  }

  /**
   * Takes an absence in as a removal, keeps it, or ends it; gives how long to wait when it is too early for
   * that.
   */
  async #absent(key: Key, file: string, tracked: TrackedFile, seen: Seen): Promise<number | undefined> {
    const text = this.#context.state.get(key)?.text
    const isAway = () => tracked.wasAway(identifyFolder(dirname(file))) || !identifyFolder(dirname(file))
    if (tracked.restoring || text === undefined || (tracked.kept && text !== tracked.known.text)) {
      tracked.release(isAway())
      return undefined
    }
    if (tracked.kept) return undefined
    const wait = tracked.patience(
      'gone',
      seen,
      performance.now(),
      isSameFolder(tracked.folder, identifyFolder(dirname(file))),
    )
    if (wait > 0) return Math.min(wait, GLANCE)
    if (this.#context.isRemoval(key, tracked)) await this.#takeIn(key, file, tracked, seen, undefined)
    else if (text !== tracked.known.text) tracked.release(isAway())
    else {
      tracked.keep()
      this.#context.remember(key)
      this.#context.missing(key)
    }
    return undefined
  }

  /**
   * Takes in or rejects content that we did not write; gives how long to wait when it is too early for
   * either.
   */
  async #judge(key: Key, file: string, tracked: TrackedFile, seen: Seen): Promise<number | undefined> {
    const value = parseContent(key, seen, this.#context.entryBytes)
    const wait = tracked.patience(
      value instanceof SettingsError ? 'broken' : 'edited',
      seen,
      performance.now(),
    )
    if (wait > 0) return wait
    const folder = folderHolding(file)
    if (tracked.isStray(seen.hash, folder)) {
      // Rejected, so that it is copied aside, and replaced at once.
      tracked.reject(seen.hash, undefined)
      tracked.untidy = true
      tracked.stray = undefined
      const { rejected } = neighbours(file)
      const message = `${file} came back with an earlier text of this store: it is no edit, is kept as ${rejected}, and replaced.`
      this.#context.report({ code: 'FILE_REJECTED', key, source: rejected, message })
      return undefined
    }
    if (value instanceof SettingsError) {
      const message = `${file} was rejected and left unchanged: ${value.message} Correct it; the stored document stays in force.`
      tracked.reject(seen.hash, message)
      this.#context.report({ code: 'FILE_REJECTED', key, source: file, message })
      return undefined
    }
    // A person edited what came back with the folder, not what was written elsewhere meanwhile.
    if (tracked.stray && tracked.wasAway(folder))
      tracked.end(lastHeld([tracked.stray, tracked.known], seen.hash, value))
    tracked.stray = undefined
    await this.#takeIn(key, file, tracked, seen, value)
    return undefined
  }

  async #takeIn(
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
    tracked.kept = false
    // A record of the journal that called this content ours before its commit would have the next process
    // write over the edit.
    const mark: Mark = [
      key,
      () => {
        tracked.begin(version)
        return tracked.holding(version)
      },
    ]
    if (!sameMeaning) await takeIn({ key, base: known.text, value, marks: [mark] }, this.#context)
    tracked.edited(performance.now())
    tracked.end(version)
    tracked.accept()
    // Only the formatting is different: the person likes it so, until the next commit.
    tracked.untidy = !sameMeaning && value !== undefined
    if (sameMeaning) this.#context.remember(key)
    else tracked.settle(version)
  }

  /**
   * Lets the file say what the store holds, unless it does. `seen` is what it holds, and holds nothing
   * unknown.
   */
  async #rewrite(key: Key, file: string, tracked: TrackedFile, seen: Seen): Promise<number | undefined> {
    const text = this.#context.state.get(key)?.text
    if (text === tracked.known.text && !tracked.untidy) return undefined
    const shown = text === undefined ? undefined : readableText(text)
    const version: FileVersion = { hash: shown === undefined ? null : hashOf(shown), text }
    try {
      if (version.hash !== seen.hash && !(await this.#put(file, tracked, seen, version, shown))) return 0
    } catch (error) {
      // It says what the document says, as a person laid it out: that our layout has to wait is worth no
      // word.
      if (!this.#isShown(key, seen, text) || signatureNow(file) !== seen.signature) throw error
      tracked.doubt = undefined
      tracked.failure = undefined
      tracked.failures++
      return AGAIN * Math.min(tracked.failures, LONGEST)
    }
    tracked.end(version)
    tracked.accept()
    tracked.untidy = false
    tracked.restoring = false
    tracked.signature = undefined
    const isTakenAway = version.hash === null && seen.hash !== null
    tracked.folder = (isTakenAway ? identifyFolder(dirname(file)) : folderHolding(file)) ?? tracked.folder
    if (tracked.replaced) return this.hurry ? 0 : GRACE
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

  /** Puts a text, or no file, in the place of what was seen; false when somebody was faster. */
  async #put(
    file: string,
    tracked: TrackedFile,
    seen: Seen,
    version: FileVersion,
    shown: string | undefined,
  ): Promise<boolean> {
    const { replaced } = tracked
    if (replaced && seen.hash !== null && !replaced.isInspected) {
      // Its name is needed for what is replaced now.
      if (replaced.stuck !== undefined) throw replaced.stuck
      return false
    }
    tracked.begin(version)
    try {
      if (seen.hash !== null && seen.hash === tracked.rejected) await keepRejected(file)
      if (shown !== undefined) await prepareText(file, shown)
      const old = { ...tracked.known, hash: seen.hash }
      const moved = () => {
        tracked.replaced = {
          version: old,
          folder: identifyFolder(dirname(file)),
          due: performance.now() + GRACE,
        }
      }
      if (shown === undefined) return takeAway(file, seen, moved)
      const calmly = !tracked.isBeingEdited(performance.now())
      return await putPrepared(file, shown, seen, { calmly, moved, took: () => tracked.took() })
    } catch (error) {
      tracked.doubt = version
      throw error
    } finally {
      tracked.litter = !isAbsent(neighbours(file).temporary)
    }
  }
}

/**
 * The folder that has a file at this moment; undefined when it has none: the folder is looked at before the
 * file.
 */
function folderHolding(file: string): FolderIdentity | undefined {
  const folder = identifyFolder(dirname(file))
  return signatureNow(file) === 'no file' ? undefined : folder
}
