import type { Backend } from '../../backends/backend.ts'
import { SYSTEM } from '../../model/actor.ts'
import { toSettingsError } from '../../model/errors.ts'
import { armedKey, type Key, pendingKey } from '../../model/key.ts'
import type { Log } from '../log/log.ts'
import { documentVersion, isRecorded, parseOverridesKey } from '../state/document-state.ts'
import type { PendingEntry } from '../watcher/pending/pending-index.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { type CommittedEnd, endWithoutRollback, rollBackGroup } from './ending.ts'
import { hasExpired, hasOtherVersion, type PendingGroup, readGroup } from './pending-group.ts'

export interface KeeperOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly controller: string
  readonly log: Log
  /** Called after one more record of a document was committed. */
  readonly recorded: (document: Key, version: number) => void
}

/** The time between two looks without a change of the store. */
const LOOK_MS = 1_000
/** The shortest and the longest pause before a failed end is retried. */
const RETRY_MS = 100
const MAX_RETRY_MS = 10_000
/** How long the end of a confirmed commit is kept, in milliseconds. */
const ENDED_KEPT_MS = 24 * 60 * 60 * 1_000
/** The time between two rounds that prune ended commits. */
const PRUNE_MS = 600_000
/** The ended commits that one round prunes. */
const MAX_PRUNED = 100

/** An end in progress, or one that failed. */
interface Attempt {
  isRunning: boolean
  failures: number
  /** The earliest time of the next attempt, by `performance.now`. */
  notBefore: number
}

/**
 * Ends confirmed commits that no command ended: those whose time has passed, and those that a manual edit
 * overtook. It runs on every controller, so that the controller that committed a change is not needed.
 *
 * Invariants:
 *  1. It acts on what the store has, not on the cache: the cache only shows where to look.
 *  2. Of several controllers one commits the end. The others find it and do nothing.
 *  3. As long as the cache shows a commit that has to end, an attempt follows, at most 10 s after a failure.
 */
export class Keeper {
  readonly #options: KeeperOptions
  /** By the write id of the confirmed commit. */
  readonly #attempts = new Map<string, Attempt>()
  readonly #timer: NodeJS.Timeout
  readonly #running = new Set<Promise<void>>()
  #pruneAt = 0
  #stopped = false

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  /** Starts to end the commits that have to end; to be called after each change of the cache. */
  look(): void {
    const { watcher } = this.#options
    const { pending } = watcher.cache.index
    if (this.#stopped || watcher.health.state !== 'READY') return
    if (pending.isEmpty) {
      this.#attempts.clear()
      return
    }
    const waiting = new Map<string, PendingEntry>()
    for (const one of pending.all())
      if (!one.ended && !waiting.has(one.writeId)) waiting.set(one.writeId, one)
    for (const [writeId, { isRunning }] of this.#attempts)
      if (!isRunning && !waiting.has(writeId)) this.#attempts.delete(writeId)
    for (const one of waiting.values()) if (this.#isDue(one)) this.#begin(one)
    if (performance.now() >= this.#pruneAt) this.#beginPruning()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await Promise.all(this.#running)
  }

  /** True when the cache shows that the time of a commit has passed, or that a manual edit overtook it. */
  #isDue({ keys, writeId }: PendingEntry): boolean {
    const { cache } = this.#options.watcher
    if (keys.every(key => !cache.index.has(armedKey(key)))) return true
    return keys.some(key => {
      const state = cache.stateOf(key)
      const pending = cache.index.pending.waiting(key)
      const isMember = pending?.writeId === writeId
      return !isMember || !isRecorded(state) || documentVersion(state) > pending.version
    })
  }

  #begin({ document, writeId }: PendingEntry): void {
    const attempt = this.#attempts.get(writeId) ?? { isRunning: false, failures: 0, notBefore: 0 }
    if (attempt.isRunning || performance.now() < attempt.notBefore) return
    attempt.isRunning = true
    this.#attempts.set(writeId, attempt)
    this.#run(async () => {
      try {
        const group = await readGroup(this.#options.backend, document)
        if (group) this.#ended(group, await this.#end(group))
      } catch (thrown) {
        const error = toSettingsError(thrown)
        if (attempt.failures === 0 && !this.#stopped)
          this.#options.log.warn(
            `The unconfirmed change of ${nameOf(document)} was not ended; retrying: ${error.message}`,
          )
      } finally {
        // A lost race is a failure too, until the cache shows the end that won.
        attempt.failures++
        const pause = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(attempt.failures, 10))
        attempt.notBefore = performance.now() + pause * (0.5 + Math.random() / 2)
        attempt.isRunning = false
      }
    })
  }

  /** Ends a group as the store has it; undefined when it must not end, or another controller was first. */
  async #end(group: PendingGroup): Promise<CommittedEnd | undefined> {
    const { backend, controller } = this.#options
    if (hasExpired(group))
      return rollBackGroup(backend, group, 'expired', { actor: SYSTEM, comment: undefined, controller })
    const isOvertaken = !group.isWhole || (await hasOtherVersion(backend, group))
    return isOvertaken ? endWithoutRollback(backend, group) : undefined
  }

  #ended({ members }: PendingGroup, end: CommittedEnd | undefined): void {
    if (!end) return
    const { log, recorded } = this.#options
    for (const { document, pending } of members) {
      const version = end.versions.get(document) ?? pending.version
      if (version > pending.version) recorded(document, version)
      const name = nameOf(document)
      log.warn(
        end.kind === 'overtaken'
          ? `${name}: version ${pending.version} is no longer waiting for its confirmation, because the settings were edited manually.`
          : `${name}: version ${pending.version} was not confirmed within ${pending.confirmWithin} s; version ${pending.baseline} is restored as version ${version}.`,
      )
    }
  }

  #beginPruning(): void {
    this.#pruneAt = performance.now() + PRUNE_MS
    const { cache } = this.#options.watcher
    const old = [...cache.index.pending.all()]
      // A time of people only decides how long the end can be read.
      .filter(({ ended, at }) => ended && !(Date.parse(at) > Date.now() - ENDED_KEPT_MS))
      .slice(0, MAX_PRUNED)
    this.#run(() => this.#prune(old))
  }

  async #prune(old: readonly PendingEntry[]): Promise<void> {
    for (const { document, revision } of old) {
      if (this.#stopped) return
      try {
        await this.#options.backend.commit([{ key: pendingKey(document), delete: true, expected: revision }])
      } catch (thrown) {
        const error = toSettingsError(thrown)
        if (!error.retryable && error.code !== 'OUTCOME_UNKNOWN')
          this.#options.log.warn(
            `The ended confirmation of ${nameOf(document)} was not pruned: ${error.message}`,
          )
        return
      }
    }
  }

  #run(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}

function nameOf(document: Key): string {
  return parseOverridesKey(document)?.namespace ?? document
}
