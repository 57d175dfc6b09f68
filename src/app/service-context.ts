import type { RootBus } from '../../events/event.ts'
import type { NAppStatus } from '../../events/nouns.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { Log } from '../log/log.ts'
import type { KeySource } from '../secrets/key-source.ts'
import type { Environment } from '../state/environment.ts'
import type { SnapshotFile } from '../watcher/snapshot.ts'
import type { Watcher } from '../watcher/watcher.ts'
import type { Pace } from '../watcher/watcher-options.ts'

/** The inputs of a service besides its backend. */
export interface ServiceContext {
  readonly bus: RootBus
  readonly controller: string
  readonly strict: boolean
  /** The newest history records of each document that are kept; 50 when absent. */
  readonly history?: number
  readonly log: Log
  /**
   * The file with the last known state; without it the service cannot start while the store is unavailable.
   */
  readonly snapshot?: SnapshotFile
  /** The time that the store may take to respond at the start, in milliseconds. */
  readonly startTimeout: number
  /** Environment variables that may contain settings; none when absent. */
  readonly environment?: Environment
  /** Differences from the default intervals of {@link Watcher}. */
  readonly pace?: Partial<Pace>
  /** The state of each enabled NApp of the host; none without a host. */
  readonly napps?: () => readonly NAppStatus[]
  /** The keys of secrets; in memory when absent. */
  readonly keys?: KeySource
  /** Called when the store turns out to be unusable after the service started from a snapshot. */
  readonly fatal?: (error: SettingsError) => void
}
