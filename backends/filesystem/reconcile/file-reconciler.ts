import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { neighbours } from '../format/layout.ts'
import { EditIntake } from './edit-intake.ts'
import { parseContent } from './file-content.ts'
import { RETRY_MS } from './file-failures.ts'
import { reasonOf, reportUnwritable, unwritableMessage } from './file-problems.ts'
import { asPresent, asSeen, isMissing, rejectionOf, withoutChange, withRejection } from './file-state.ts'
import { FileWriter } from './file-writer.ts'
import { folderHolding } from './folder-holding.ts'
import { identifyFolder, isSameFolder } from './folder-identity.ts'
import { lastHeld } from './held-version.ts'
import { isAbsent, look, type Seen } from './look.ts'
import type { ReconcilerContext } from './reconciler-context.ts'
import { ReplacedFiles, resolveDoubt } from './replaced-files.ts'
import { waitForAbsence } from './settle-time.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * How often (ms) a missing file is looked for until its absence counts: no event reports that a mount ends.
 */
const ABSENCE_POLL_MS = 200

/**
 * Reconciles one document with its readable file: first the store gets what a person did to the file, then
 * the file gets what the store holds.
 *
 * Invariant: a file is replaced only when its content is in the store, was written by us, or is copied aside;
 * and what is replaced is looked at once more after a moment. So a hand edit is in the store, still in the
 * file, or in a `.rejected` neighbour, whatever is committed meanwhile.
 *
 * Whichever call fails on the way, this process and the next one know that what is then on the disk is our
 * doing. Either the file is as it was seen; or `replaced` holds its content and is kept until the file is in
 * its place; or the file holds a beginning of ours beside `temporary`. Content that was applied from
 * `replaced` is marked in the same commit, so that no later process applies it again.
 */
export class FileReconciler {
  readonly #context: ReconcilerContext
  readonly #replaced: ReplacedFiles
  readonly #intake: EditIntake
  readonly #writer: FileWriter
  /**
   * True while the store closes: no delay is waited for, and what has to wait is left to the next opening.
   */
  isClosing = false

  constructor(context: ReconcilerContext) {
    const isClosing = () => this.isClosing
    this.#context = context
    this.#replaced = new ReplacedFiles(context, isClosing)
    this.#intake = new EditIntake(context)
    this.#writer = new FileWriter(context, isClosing)
  }

  /**
   * Reconciles one file. Returns the milliseconds after which it is to be reconciled again, or undefined. Not
   * to be called again for a file while a call for it is running.
   */
  async reconcile(key: Key, tracked: TrackedFile): Promise<number | undefined> {
    const file = this.#context.layout.file(key)
    try {
      // Before anything else, because the file named `replaced` is needed while this one is not in its place.
      if (tracked.doubtful) await resolveDoubt(file, tracked, tracked.doubtful)
      if (tracked.leftover === 'unsettled' || tracked.isLeftBehind)
        await this.#replaced.recover(key, file, tracked)
      const wait =
        (await this.#replaced.settle(key, file, tracked)) ?? (await this.#compare(key, file, tracked))
      if (this.#context.state.get(key)?.text === tracked.known.text && !tracked.isRewriteDue)
        await this.#finish(file, tracked)
      return wait ?? (tracked.replaced || tracked.hasTemporary ? RETRY_MS : undefined)
    } catch (error) {
      // Every caller of a commit gets the error of a commit that failed; the edit stays in its file until the
      // store accepts it.
      if (isSettingsError(error)) return RETRY_MS
      tracked.failures.reason = reasonOf(error)
      reportUnwritable(
        { key, file, tracked, message: unwritableMessage(file, tracked.failures.reason) },
        this.#context.report,
      )
      return tracked.failures.retryMs
    } finally {
      tracked.endWrite()
    }
  }

  /**
   * Adopts what a process that died had replaced and not looked at again; if that fails, the next call does.
   */
  async recover(key: Key, tracked: TrackedFile): Promise<void> {
    tracked.leftover = 'unsettled'
    try {
      await this.#replaced.recover(key, this.#context.layout.file(key), tracked)
    } catch {
      // The next call of reconcile retries and reports the failure. Until then the file is left alone, and
      // the store opens.
    }
  }

  /**
   * The file shows its document: removes the temporary file, which until now was needed to recognize an
   * unfinished write.
   */
  async #finish(file: string, tracked: TrackedFile): Promise<void> {
    tracked.shown()
    if (!tracked.hasTemporary) return
    const { temporary } = neighbours(file)
    // The next call retries; the file itself is correct.
    await rm(temporary, { force: true }).catch(() => {})
    tracked.hasTemporary = !isAbsent(temporary)
  }

  async #compare(key: Key, file: string, tracked: TrackedFile): Promise<number | undefined> {
    const absent = tracked.state.state === 'unseen' ? await this.#identify(key, file, tracked) : undefined
    const entry = this.#context.state.get(key)
    const due = entry?.text !== tracked.known.text || tracked.isRewriteDue
    const seen = absent ?? (await look(file, due ? undefined : tracked.signature))
    if (!seen) {
      tracked.state = withoutChange(tracked.state)
      this.#noteFolder(key, file, tracked)
      return undefined
    }
    const { hash } = seen
    const rejection = rejectionOf(tracked.state)
    if (hash === null && tracked.known.hash !== null) {
      const wait = await this.#decideAbsence(key, file, tracked, seen)
      if (wait !== undefined) return wait
      if (isMissing(tracked.state)) return undefined
    } else if (hash === null || hash === tracked.known.hash || hash === rejection?.hash) {
      tracked.state = withoutChange(tracked.state)
      if (seen.settled) tracked.signature = seen.signature
      if (hash !== rejection?.hash) tracked.state = withRejection(tracked.state, undefined)
      // Content that came back with a folder is still to be replaced: the next process has to see that the
      // folder was away.
      const isStray = hash === rejection?.hash && rejection.reason === undefined
      if (hash !== null && !isStray) this.#noteFolder(key, file, tracked)
    } else {
      const wait = await this.#intake.judge(key, file, tracked, { ...seen, hash })
      if (wait !== undefined) return wait
    }
    return this.#writer.write(key, file, tracked, seen)
  }

  /**
   * Finds which version a file holds that could not be looked at when the store was opened; otherwise it
   * would be mistaken for the work of a person. Returns what was seen of a missing file that is still absent.
   */
  async #identify(key: Key, file: string, tracked: TrackedFile): Promise<Seen | undefined> {
    const seen = await look(file)
    if (!seen || (isMissing(tracked.state) && seen.hash === null)) return seen
    const value = parseContent(key, seen, this.#context.entryBytes)
    tracked.hold(lastHeld(tracked.possible(), seen.hash, value instanceof SettingsError ? undefined : value))
    tracked.state = asSeen(tracked.state)
    this.#context.remember(key)
    return undefined
  }

  /** The file holds what is known: its folder is the one that a later absence is compared with. */
  #noteFolder(key: Key, file: string, tracked: TrackedFile): void {
    const before = tracked.folder
    tracked.folder = folderHolding(file) ?? before
    if (tracked.folder !== before && (!before || !isSameFolder(before, tracked.folder)))
      this.#context.remember(key)
    if (!isMissing(tracked.state) || tracked.folder === before) return
    tracked.state = asPresent(tracked.state)
    this.#context.remember(key)
  }

  /**
   * Applies an absence as a removal, keeps the document, or ends the absence. Returns the milliseconds to
   * wait when it is too early for that.
   */
  async #decideAbsence(
    key: Key,
    file: string,
    tracked: TrackedFile,
    seen: Seen,
  ): Promise<number | undefined> {
    const text = this.#context.state.get(key)?.text
    const isKept = isMissing(tracked.state)
    const isAway = () => tracked.wasAway(identifyFolder(dirname(file))) || !identifyFolder(dirname(file))
    if (tracked.isRestoring || text === undefined || (isKept && text !== tracked.known.text)) {
      tracked.release(isAway())
      return undefined
    }
    if (isKept) return undefined
    const isInPlace = isSameFolder(tracked.folder, identifyFolder(dirname(file)))
    const wait = waitForAbsence(tracked, seen, performance.now(), isInPlace)
    if (wait > 0) return Math.min(wait, ABSENCE_POLL_MS)
    if (this.#context.isRemoval(key, tracked)) await this.#intake.apply(key, file, tracked, seen, undefined)
    else if (text !== tracked.known.text) tracked.release(isAway())
    else {
      tracked.keepMissing()
      this.#context.remember(key)
      this.#context.missing(key)
    }
    return undefined
  }
}
