import { printRevision, type Revision } from '../../../model/document.ts'
import type { SettingsError } from '../../../model/errors.ts'
import { notApplied, unknownOutcome } from '../format/failures.ts'
import { encodeFrame } from '../format/frame.ts'
import { FORMAT, type Header } from '../format/record.ts'
import { type Disk, type JournalFile, logPath } from './journal-folder.ts'

/*
 * The logs of the journal, one written at a time, by one caller at a time.
 *
 * Invariant: bytes `[0, length)` of the current log are durable, and so is all that its header says counts of
 * the log before it. A record counts when it is there; `append` resolves only after that. When it rejects
 * with anything but OUTCOME_UNKNOWN, no process will ever find the record:
 *  - a failed write is cut off again, durably, before the error is told;
 *  - after a failed sync the pages of that log can no longer be trusted to reach the disk, or not to. So a
 *    new log is begun, whose header fixes, durably, how much of the old one counts: what was appended last is
 *    void wherever it ended up. The log is `suspect` from then on: a snapshot is due.
 *  - when neither can be done, the outcome is unknown, and nothing is appended before a new log could be
 *    begun.
 */
export class Journal {
  readonly #folder: string
  readonly #disk: Disk
  #file: JournalFile
  #number: number
  #length: number
  #written = 0
  #broken = false
  #suspect = false

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
  }

  /** The number of the current log. */
  get number(): number {
    return this.#number
  }

  /** Where the next record of the current log goes. */
  get length(): number {
    return this.#length
  }

  /** How many bytes were appended since this journal was opened, to all logs. */
  get written(): number {
    return this.#written
  }

  /**
   * True when a sync failed since the last snapshot: what the file system says of older logs is not to be
   * relied on.
   */
  get suspect(): boolean {
    return this.#suspect
  }

  clearSuspect(): void {
    this.#suspect = false
  }

  /**
   * Recovers from an earlier failure, if there was one. `revision` is that of the last durable record.
   * @throws SettingsError STORE_FULL, STORE_UNREACHABLE.
   */
  async prepare(revision: Revision): Promise<void> {
    if (!this.#broken) return
    try {
      await this.rotate(revision)
    } catch (error) {
      throw notApplied(this.#folder, error)
    }
  }

  /**
   * Makes frames durable at the end of the log: one write, one sync.
   * @throws SettingsError as the head of this file says.
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
   * Begins the next log; the current one counts up to its present length. After an error nothing is appended
   * before a later call succeeded.
   */
  async rotate(revision: Revision): Promise<void> {
    // What fails here may have left the header behind, and with it a durable word that no more than this
    // length counts.
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
    this.#broken = false
    await old.close().catch(() => {
      // Nothing of the old log is needed any more that its successor's header does not already guarantee.
      this.#suspect = true
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #undoWrite(cause: unknown, revision: Revision): Promise<SettingsError> {
    try {
      await this.#file.truncate(this.#length)
      return notApplied(this.#folder, cause)
    } catch {
      // The cut did not work out either; the cause is the first failure, and beginning anew is what is left.
      return this.#recoverLog(cause, revision)
    }
  }

  async #recoverLog(cause: unknown, revision: Revision): Promise<SettingsError> {
    this.#suspect = true
    try {
      await this.rotate(revision)
      return notApplied(this.#folder, cause)
    } catch {
      // The outcome stays open until a later `prepare` succeeds; the cause that callers are told is the first
      // failure.
      return unknownOutcome(this.#folder, cause)
    }
  }
}

/** Makes an empty log durable, its name included. */
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
