import type { Backend } from '../../backends/backend.ts'
import type { Log } from '../log/log.ts'
import type { SecretsGuard } from '../secrets/cache-guard.ts'
import type { Environment } from '../state/environment.ts'

/** The intervals of a watcher, in milliseconds. */
export interface Pace {
  /** The shortest and the longest pause between two attempts to reach the store. */
  readonly pauses: readonly [shortest: number, longest: number]
  /** The longest time for which a watch that is caught up may withhold the batch delivered last. */
  readonly confirmation: number
  /** The interval between two comparisons of the cache with the store; 0 for none. */
  readonly reconcile: number
}

export const DEFAULT_PACE: Pace = { pauses: [50, 1_000], confirmation: 5_000, reconcile: 300_000 }

export interface WatcherOptions {
  readonly backend: Backend
  /** The id of this controller. */
  readonly controller: string
  readonly log: Log
  /** Differences from the default intervals. */
  readonly pace?: Partial<Pace>
  /** Environment variables that may contain settings; none when absent. */
  readonly environment?: Environment
  /** Keeps plain secrets out of the cache; without it there are none. */
  readonly secrets?: SecretsGuard
  /** True when manual edits of namespaces without a schema do not count; false when absent. */
  readonly strict?: boolean
}
