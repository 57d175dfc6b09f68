import { setImmediate as turn } from 'node:timers/promises'
import { SettingsError } from '../../../model/errors.ts'
import type { Operation, Outcome } from '../../backend.ts'
import { type CommitRequest, Group, type Mark, type PlannedCommit } from './group.ts'
import type { Journal } from './journal.ts'
import type { State } from './state.ts'

/** The most text, in characters, that goes into one group before it is closed. */
const MAX_GROUP_CHARS = 4 * 1024 * 1024

interface Waiting extends CommitRequest {
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** What happens around groups. */
export interface CommitHooks {
  /**
   * Called before a group is judged, while nothing is being written: the place to begin a new log. Must not
   * reject.
   */
  readonly betweenGroups: () => Promise<void>
  /**
   * Called at once when a group is durable, before its callers are answered; takes the commits into the state
   * and announces them.
   */
  readonly onDurable: (commits: readonly PlannedCommit[]) => void
}

/**
 * Group commit: everybody who waits while one group is written and synced goes into the next one.
 *
 * Invariant: one group at a time. A caller is answered, and the state changes, only after the sync of its
 * group; when that failed the whole group is told the same error, also those that lost or changed nothing,
 * for their answer may rest on a commit of the group that did not happen. Once closed, nothing is written any
 * more: the journal may be another process's by then, and to write into a closed one would begin a log that
 * cuts off what that process was told is kept.
 */
export class Committer {
  readonly #state: State
  readonly #journal: Journal
  readonly #hooks: CommitHooks
  #queue: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(state: State, journal: Journal, hooks: CommitHooks) {
    this.#state = state
    this.#journal = journal
    this.#hooks = hooks
  }

  /** @throws SettingsError STORE_FULL, STORE_UNREACHABLE, OUTCOME_UNKNOWN. */
  async commit(operations: readonly Operation[], marks: readonly Mark[] = []): Promise<Outcome> {
    if (this.#closed)
      throw new SettingsError('STORE_UNREACHABLE', 'The filesystem backend is closed; nothing was changed.')
    return new Promise((resolve, reject) => {
      this.#queue.push({ operations, marks, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when everything that was asked for is answered. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Takes no more; resolves when everything that was asked for before is answered. */
  async close(): Promise<void> {
    this.#closed = true
    await this.idle()
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // A turn of the event loop lets all callers that were just answered, or woken together, ask again and
      // share the next sync.
      await turn()
      await this.#hooks.betweenGroups()
      await this.#commitGroup()
    }
    this.#running = undefined
  }

  async #commitGroup(): Promise<void> {
    let waiting: readonly Waiting[] = []
    try {
      await this.#journal.prepare(this.#state.revision)
      waiting = this.#take()
      const group = new Group(this.#state, this.#journal.length)
      const now = Date.now()
      const outcomes = waiting.map(request => group.add(request, now))
      if (group.frames !== '') await this.#journal.append(group.frames, this.#state.revision)
      if (group.planned.length > 0) this.#hooks.onDurable(group.planned)
      for (const [at, outcome] of outcomes.entries()) waiting[at]?.resolve(outcome)
    } catch (error) {
      if (waiting.length === 0) waiting = this.#take()
      for (const { reject } of waiting) reject(error)
    }
  }

  /** The next callers in order: as many as fit one group, at least one. */
  #take(): readonly Waiting[] {
    let text = 0
    let count = 0
    for (const { operations } of this.#queue) {
      text += operations.reduce((sum, operation) => sum + ('put' in operation ? operation.put.length : 0), 0)
      if (count > 0 && text > MAX_GROUP_CHARS) break
      count++
    }
    return this.#queue.splice(0, count)
  }
}
