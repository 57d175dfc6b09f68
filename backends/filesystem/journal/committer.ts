import { setImmediate as turn } from 'node:timers/promises'
import { SettingsError } from '../../../model/errors.ts'
import type { Operation, Outcome } from '../../backend.ts'
import { type CommitRequest, Group, type Mark, type PlannedCommit } from './group.ts'
import type { Journal } from './journal.ts'
import type { State } from './state.ts'

/** The largest text of one group, in characters, unless it is that of a single commit. */
const MAX_GROUP_CHARS = 4 * 1024 * 1024

/** How often a group is written when the journal is removed each time. */
const MAX_APPENDS = 3

/** A commit that waits for its group. */
interface Waiting extends CommitRequest {
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** The callbacks of a committer. */
export interface CommitHooks {
  /**
   * Called before each group, while nothing is being written, so that a new log can be started. Must not
   * reject.
   */
  readonly betweenGroups: () => Promise<void>
  /**
   * Called when a group is durable, before its commits resolve; applies them to the state and announces them.
   */
  readonly onDurable: (commits: readonly PlannedCommit[]) => void
}

/**
 * Commits in groups: all commits that wait while one group is written and synced are in the next one.
 *
 * Invariant: one group at a time. A commit resolves, and the state changes, only after the sync of its group.
 * When the sync fails, all commits of the group fail with the same error. That includes commits whose guards
 * failed or that changed nothing, because their outcome may depend on a commit of the group that was not
 * applied. A group that was written to a journal which a person removed is written again before it counts.
 * Once closed, nothing is written any more: the journal may belong to another process by then, and a
 * write would start a log that cuts off durable records of that process.
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

  /** Resolves when all pending commits have ended. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Accepts no more commits; resolves when all pending ones have ended. */
  async close(): Promise<void> {
    this.#closed = true
    await this.idle()
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // Waits one turn of the event loop, so that callers whose commits just resolved can share the next
      // sync.
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
      const { group, outcomes } = await this.#append(waiting)
      if (group.planned.length > 0) this.#hooks.onDurable(group.planned)
      for (const [at, outcome] of outcomes.entries()) waiting[at]?.resolve(outcome)
    } catch (error) {
      if (waiting.length === 0) waiting = this.#take()
      for (const { reject } of waiting) reject(error)
    }
  }

  /** Makes a group durable, in a new journal when the one in use was removed meanwhile. */
  async #append(
    waiting: readonly Waiting[],
  ): Promise<{ readonly group: Group; readonly outcomes: readonly Outcome[] }> {
    for (let attempt = 1; ; attempt++) {
      const group = new Group(this.#state, this.#journal.length)
      const outcomes = waiting.map(request => group.add(request))
      if (group.frames === '') return { group, outcomes }
      await this.#journal.append(group.frames, this.#state.revision)
      if (!this.#journal.isLost) return { group, outcomes }
      if (attempt === MAX_APPENDS)
        throw new SettingsError(
          'STORE_UNREACHABLE',
          `The journal was removed ${MAX_APPENDS} times while a commit was written. Nothing was changed; stop the program that removes it.`,
        )
      await this.#journal.prepare(this.#state.revision)
    }
  }

  /** Takes the next commits in order: as many as fit one group, at least one. */
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
