import { Counter, Histogram, type Registry } from 'prom-client'
import type { Backend, Batch, Operation, Outcome } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'

/** Measures the commits of a store, and the lag of its watch. */
export interface CommitMeter {
  /** The same backend with measurements; for one backend only. */
  measure(backend: Backend): Backend
}

/** Seconds: from 1 ms, a sync of a fast disk, to 30 s, after which callers have timed out. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/**
 * Maximum number of commits awaited from the watch, and the time for each; later ones were lost with a
 * restored store.
 */
const MAX_AWAITED = 10_000
const MAX_AWAITED_MS = 60_000

/** Creates a meter with its metrics in this registry. */
export function createCommitMeter(registry: Registry): CommitMeter {
  const registers = [registry]
  const commits = new Counter({
    name: 'kytos_settings_commits_total',
    help: 'Commits sent to the store, by outcome: done, lost (another client was first) or failed.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['done', 'lost', 'failed']) commits.inc({ outcome }, 0)
  const seconds = new Histogram({
    name: 'kytos_settings_commit_seconds',
    help: 'Seconds until the store answered a commit, for every outcome.',
    buckets: BUCKETS,
    registers,
  })
  const lag = new Histogram({
    name: 'kytos_settings_watch_lag_seconds',
    help: 'Seconds from the answer to a commit of this controller until its watch delivered it and it was announced.',
    buckets: BUCKETS,
    registers,
  })
  return {
    measure(backend) {
      const unseen = new Unseen(behind => lag.observe(behind))
      return {
        name: backend.name,
        supports: backend.supports,
        open: () => backend.open(),
        get: key => backend.get(key),
        list: (prefix, options) => backend.list(prefix, options),
        timeToLive: key => backend.timeToLive(key),
        async commit(operations) {
          const stop = seconds.startTimer()
          try {
            const outcome = await backend.commit(operations)
            commits.inc({ outcome: outcome.committed ? 'done' : 'lost' })
            unseen.committed(operations, outcome)
            return outcome
          } catch (error) {
            commits.inc({ outcome: 'failed' })
            throw error
          } finally {
            stop()
          }
        },
        watch(since, signal) {
          unseen.begin()
          return tapped(backend.watch(since, signal), batch => unseen.delivered(batch))
        },
        fileProblems: () => backend.fileProblems(),
        restoreFiles: keys => backend.restoreFiles(keys),
        close: () => backend.close(),
      }
    },
  }
}

/** The commits that the watch has not delivered yet. */
class Unseen {
  readonly #observe: (seconds: number) => void
  readonly #waiting: { readonly revision: Revision; readonly since: number }[] = []
  /** The last revision of the watch; undefined before the first. */
  #delivered: Revision | undefined

  constructor(observe: (seconds: number) => void) {
    this.#observe = observe
  }

  /** Called when a watch begins, perhaps of a restored store. */
  begin(): void {
    this.#delivered = undefined
  }

  committed(operations: readonly Operation[], outcome: Outcome): void {
    // Only puts are certain to be delivered by the watch.
    if (!outcome.committed || !operations.some(operation => 'put' in operation)) return
    const { revision } = outcome
    if (this.#delivered !== undefined && this.#delivered >= revision) {
      this.#observe(0)
      return
    }
    const now = performance.now()
    const oldest = this.#waiting[0]
    if (oldest && (this.#waiting.length === MAX_AWAITED || now - oldest.since > MAX_AWAITED_MS))
      this.#waiting.shift()
    this.#waiting.push({ revision, since: now })
  }

  delivered({ revision, changes }: Batch): void {
    // A progress batch may be ahead of pending changes.
    if (changes.length === 0) return
    this.#delivered = revision
    const now = performance.now()
    // In the order of their answers, which is nearly that of their revisions.
    while (this.#waiting[0] && this.#waiting[0].revision <= revision)
      this.#observe((now - (this.#waiting.shift()?.since ?? now)) / 1_000)
  }
}

/**
 * The same batches; `done` is called for each when the next one is requested, that is, after it was
 * processed.
 */
function tapped(batches: AsyncIterable<Batch>, done: (batch: Batch) => void): AsyncIterable<Batch> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = batches[Symbol.asyncIterator]()
      let last: Batch | undefined
      return {
        async next() {
          if (last) done(last)
          last = undefined
          const result = await iterator.next()
          if (!result.done) last = result.value
          return result
        },
        return: async value => (await iterator.return?.(value)) ?? { done: true, value },
      }
    },
  }
}
