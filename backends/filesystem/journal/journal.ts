import { printRevision, type Revision } from '../../../model/document.ts'
import type { SettingsError } from '../../../model/errors.ts'
import { notApplied, unknownOutcome } from '../format/failures.ts'
import { encodeFrame } from '../format/frame.ts'
import { FORMAT, type Header } from '../format/record.ts'
import {
  type Disk,
  identityOf,
  type JournalFile,
  logPath,
  makeFreshFolder,
  moveInPlace,
} from './journal-folder.ts'

/*
 * The logs of the journal. One log is written at a time, by one caller at a time.
 *
 * Invariant: bytes `[0, length)` of the current log are durable, and so is the valid part of the log before
 * it, which its header defines. A record is valid when it is in these bytes; `append` resolves only after
 * that. When it rejects with any code but OUTCOME_UNKNOWN, no process will ever find the record:
 *  - A failed write is truncated durably before the error is returned.
 *  - After a failed sync it is not known whether the pages of that log will reach the disk. So a new log is
 *    started, whose header defines, durably, the valid length of the old one: the last append is void,
 *    wherever it ended up. From then on the journal is `suspect`: a snapshot is due.
 *  - When neither is possible, the outcome is unknown, and nothing is appended before a new log could be
 *    started.
 *  - A log that was removed or replaced under its name is lost, with all before it. The caller asks after each
 *    append, before it reports the records as durable. Nothing is appended before the whole state was written
 *    again, to a new journal.
 */
export class Journal {
  readonly #folder: string
  readonly #disk: Disk
  #file: JournalFile
  #number: number
  #length: number
  #written = 0
  #broken = false
  /** The identity of the current log; undefined where the disk of a test shows none. */
  #identity: string | undefined
  /** True until a lost journal is written again. */
  #isLost = false
  #suspect = false
  #writeSnapshot: (folder: string, number: number) => Promise<void> = async () => {
    throw new Error('the journal was removed')
  }

  constructor(
    folder: string,
    disk: Disk,
    current: { readonly file: JournalFile; readonly number: number; readonly length: number },
  ) {
    this.#folder = folder
    this.#disk = disk
    this.#file = current.file
    this.#number = current.number
    this.#length = current.length
    this.#identity = identityOf(logPath(folder, current.number))
  }

  /** True when the current log does not have its name any more: a person removed or replaced it. */
  get isLost(): boolean {
    const now = identityOf(logPath(this.#folder, this.#number))
    const known = this.#identity
    if (now !== undefined && known !== undefined && known !== 'none' && now !== known) this.#isLost = true
    return this.#isLost
  }

  /** The number of the current log. */
  get number(): number {
    return this.#number
  }

  /** The length of the current log: the offset of the next record. */
  get length(): number {
    return this.#length
  }

  /** The number of bytes that were appended to all logs since this journal was opened. */
  get written(): number {
    return this.#written
  }

  /** True when a sync failed since the last snapshot: older logs may not be on the disk as they are read. */
  get suspect(): boolean {
    return this.#suspect
  }

  /** Sets the function that writes a snapshot of the whole state, with this number, into a folder. */
  onLost(writeSnapshot: (folder: string, number: number) => Promise<void>): void {
    this.#writeSnapshot = writeSnapshot
  }

  /** Called when a snapshot has replaced the older logs. */
  clearSuspect(): void {
    this.#suspect = false
  }

  /**
   * Recovers from an earlier failure, if there was one. `revision` is that of the last durable record.
   * @throws SettingsError STORE_FULL, STORE_UNREACHABLE.
   */
  async prepare(revision: Revision): Promise<void> {
    const isLost = this.isLost
    if (!isLost && !this.#broken) return
    try {
      if (isLost) await this.#writeAgain(revision)
      else await this.rotate(revision)
    } catch (error) {
      throw notApplied(this.#folder, error)
    }
  }

  /**
   * Makes frames durable at the end of the log: one write, one sync.
   * @throws SettingsError as described at the head of this file.
   */
  async append(frames: string, revision: Revision): Promise<void> {
    const bytes = Buffer.from(frames)
    try {
      await this.#file.write(bytes, this.#length)
    } catch (error) {
      throw await this.#undoWrite(error, revision)
    }
    try {
      await this.#file.sync()
    } catch (error) {
      throw await this.#recoverLog(error, revision)
    }
    this.#length += bytes.length
    this.#written += bytes.length
  }

  /**
   * Starts the next log; the current one is valid up to its present length. After an error nothing is
   * appended before a later call succeeds.
   */
  async rotate(revision: Revision): Promise<void> {
    // A failure may leave the header on the disk, which durably limits the current log to this length.
    this.#broken = true
    const number = this.#number + 1
    const after = { number: this.#number, length: this.#length }
    const { file, length } = await beginLog(this.#folder, this.#disk, {
      format: FORMAT,
      number,
      revision: printRevision(revision),
      after,
    })
    const old = this.#file
    this.#file = file
    this.#number = number
    this.#length = length
    this.#identity = identityOf(logPath(this.#folder, number))
    this.#broken = false
    await old.close().catch(() => {
      // The header of the new log already guarantees everything that is needed of the old one.
      this.#suspect = true
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** Writes a new journal of a snapshot and an empty log. */
  async #writeAgain(revision: Revision): Promise<void> {
    const number = this.#number + 1
    const fresh = await makeFreshFolder(this.#folder)
    await this.#writeSnapshot(fresh, number)
    const header = { format: FORMAT, number, revision: printRevision(revision) }
    const { file, length } = await beginLog(fresh, this.#disk, header)
    try {
      await moveInPlace(fresh, this.#folder, number, this.#disk)
    } catch (error) {
      await file.close()
      throw error
    }
    const old = this.#file
    this.#file = file
    this.#number = number
    this.#length = length
    this.#identity = identityOf(logPath(this.#folder, number))
    this.#isLost = false
    this.#broken = false
    this.#suspect = false
    // It has no name any more, so nothing of it is needed.
    await old.close().catch(() => {})
  }

  async #undoWrite(cause: unknown, revision: Revision): Promise<SettingsError> {
    try {
      await this.#file.truncate(this.#length)
      return notApplied(this.#folder, cause)
    } catch {
      // The log could not be truncated: a new one is started. The error names the first failure.
      return this.#recoverLog(cause, revision)
    }
  }

  async #recoverLog(cause: unknown, revision: Revision): Promise<SettingsError> {
    this.#suspect = true
    try {
      await this.rotate(revision)
      return notApplied(this.#folder, cause)
    } catch {
      // The outcome stays unknown until a later `prepare` succeeds. The error names the first failure.
      return unknownOutcome(this.#folder, cause)
    }
  }
}

/** Creates an empty log durably, with its name. */
export async function beginLog(
  folder: string,
  disk: Disk,
  header: Header,
): Promise<{ file: JournalFile; length: number }> {
  const bytes = Buffer.from(encodeFrame(JSON.stringify(header)))
  const file = await disk.open(logPath(folder, header.number), true)
  try {
    await file.write(bytes, 0)
    await file.sync()
    await disk.syncFolder(folder)
  } catch (error) {
    await file.close()
    throw error
  }
  return { file, length: bytes.length }
}
