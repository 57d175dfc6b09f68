import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { type Key, parseKey } from '../../model/key.ts'
import type { Operation, Outcome } from '../backend.ts'
import type { State } from './journal/state.ts'

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** The delay (ms) before a failed deletion is retried. */
const RETRY_MS = 1_000
/** How often (ms) the time that is left is noted. */
const NOTE_MS = 1_000
/** The least time (ms) that a key has after the store was opened. */
const MIN_AFTER_OPEN_MS = 2_000

/** The time that was left of a key when it was noted, in milliseconds, for its entry of this revision. */
type Note = readonly [revision: string, left: number]

/**
 * Deletes expired keys, by ordinary commits.
 *
 * Invariants:
 *  1. A key is deleted only while its entry is that of the put with the ttl, and never before its time. The
 *     time is monotonic: setting the clock of this machine changes nothing.
 *  2. While no process has the store open, no time passes. After an opening a key has the time that was left
 *     when it was last noted, which is each second and at the closing, and at least 2 s.
 */
export class Expiry {
  readonly #state: State
  readonly #commit: (operations: readonly Operation[]) => Promise<Outcome>
  /** The file with the notes. */
  readonly #file: string
  #timer: NodeJS.Timeout | undefined
  #noteTimer: NodeJS.Timeout | undefined
  #noting: Promise<void> = Promise.resolve()
  #hasNotes = false
  #stopped = false

  constructor(state: State, commit: (operations: readonly Operation[]) => Promise<Outcome>, file: string) {
    this.#state = state
    this.#commit = commit
    this.#file = file
  }

  /** Sets the time that is left of each key after an opening, and schedules the deletions. */
  async resume(): Promise<void> {
    const notes = await this.#readNotes()
    for (const [key, ttl] of this.#state.timesLeft()) {
      const [revision, left] = notes.get(key) ?? []
      const isOfEntry = revision === this.#state.get(key)?.modRevision.toString()
      const rest = isOfEntry && left !== undefined ? Math.min(left, ttl) : ttl
      this.#state.setTimeLeft(key, Math.max(rest, MIN_AFTER_OPEN_MS))
    }
    this.arm()
  }

  /** Schedules the next deletion; to be called when the expiries changed. */
  arm(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    this.#keepNotes()
    if (this.#state.expires.size === 0) return
    const next = Math.min(...this.#state.expires.values())
    this.#sweepIn(Math.max(0, Math.min(next - performance.now(), MAX_TIMER_MS)))
  }

  /** Stops the deletions, and notes the time that is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearInterval(this.#noteTimer)
    await this.#note()
  }

  #sweepIn(delay: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    // Rounded up, because a timer may fire up to a millisecond early.
    this.#timer = setTimeout(() => void this.#sweep(), Math.ceil(delay)).unref()
  }

  async #sweep(): Promise<void> {
    const now = performance.now()
    const due = [...this.#state.expires]
      .filter(([, at]) => at <= now)
      .flatMap(([key]) => this.#state.get(key) ?? [])
    const commits = due.map(({ key, modRevision: revision }) =>
      this.#commit([{ key, delete: true, expected: revision }]),
    )
    const results = await Promise.allSettled(commits)
    // The journal cannot be written now: callers of commits get the error, and expired keys stay until it
    // can.
    if (results.some(result => result.status === 'rejected')) this.#sweepIn(RETRY_MS)
    else this.arm()
  }

  /** Notes the times each second for as long as a key expires. */
  #keepNotes(): void {
    if (this.#state.expires.size > 0) {
      this.#noteTimer ??= setInterval(() => void this.#note(), NOTE_MS).unref()
      return
    }
    if (!this.#noteTimer && !this.#hasNotes) return
    clearInterval(this.#noteTimer)
    this.#noteTimer = undefined
    void this.#note()
  }

  #note(): Promise<void> {
    this.#noting = this.#noting.then(() => this.#writeNotes())
    return this.#noting
  }

  /** A note that cannot be written leaves the one before it, so that a key expires later, never earlier. */
  async #writeNotes(): Promise<void> {
    const notes: Record<string, Note> = {}
    for (const [key, left] of this.#state.timesLeft()) {
      const entry = this.#state.get(key)
      if (entry) notes[key] = [entry.modRevision.toString(), left]
    }
    const isEmpty = Object.keys(notes).length === 0
    if (isEmpty && !this.#hasNotes) return
    try {
      if (isEmpty) await rm(this.#file, { force: true })
      else {
        await writeFile(`${this.#file}.tmp`, JSON.stringify(notes), { mode: 0o600 })
        await rename(`${this.#file}.tmp`, this.#file)
      }
      this.#hasNotes = !isEmpty
    } catch {
      this.#hasNotes = true
    }
  }

  async #readNotes(): Promise<ReadonlyMap<Key, Note>> {
    const notes = new Map<Key, Note>()
    try {
      const found: unknown = JSON.parse(await readFile(this.#file, 'utf8'))
      this.#hasNotes = true
      if (typeof found !== 'object' || found === null) return notes
      for (const [text, note] of Object.entries(found)) {
        const key = parseKey(text)
        if (key && Array.isArray(note) && typeof note[0] === 'string' && typeof note[1] === 'number')
          notes.set(key, [note[0], note[1]])
      }
    } catch {
      // No notes, or half of one after a crash of the machine: every key has its whole time again.
    }
    return notes
  }
}
