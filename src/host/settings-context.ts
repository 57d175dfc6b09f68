import type { RootBus } from '../../events/event.ts'
import type { NAppStatus } from '../../events/nouns.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import type { NAppContext } from '../client/napp.ts'

/** The context of `kytos/settings`, instead of that of all other NApps. */
export interface SettingsContext extends NAppContext {
  readonly bus: RootBus
  readonly config: Config
  /** The environment variables of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Resolves once each NApp that is enabled at start has started or failed. */
  readonly started: Promise<void>
  /** The state of each enabled NApp. */
  readonly napps: () => readonly NAppStatus[]
  /** Stops all NApps in order and the host; the process then exits with the exit code of this error. */
  readonly abort: (error: SettingsError) => void
}
