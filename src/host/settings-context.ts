import type { RootBus } from '../../events/event.ts'
import type { SettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import type { NAppContext } from '../client/napp.ts'

/** What `kytos/settings` gets instead, and no other NApp. */
export interface SettingsContext extends NAppContext {
  readonly bus: RootBus
  readonly config: Config
  /** The environment variables of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Resolves once every NApp that is enabled at start was started, or has failed. */
  readonly started: Promise<void>
  /** Stops the host, every NApp in order, and has the process end with the exit code of this error. */
  readonly abort: (error: SettingsError) => void
}
