import type { Bus } from '../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import type { Log } from '../log/log.ts'
import type { OpenSettings } from './live-settings.ts'

/** The manifest of a NApp: the keys of Kytos' `kytos.json` plus `main`, `priority` and `settings`. */
export interface Manifest {
  readonly username: string
  readonly name: string
  readonly version?: string
  readonly description?: string
  readonly napp_dependencies?: readonly string[]
  readonly main: string
  /** Lower starts first; 100 when absent; 0 is the Settings NApp's own. */
  readonly priority: number
  /** The file of its JSON Schema. */
  readonly settings?: string
}

/** The context that the host passes to a NApp. */
export interface NAppContext {
  /** `username/name`. */
  readonly id: string
  readonly folder: string
  readonly manifest: Manifest
  /** The NApp's own view of the bus. */
  readonly bus: Bus
  /** Sends a command through that view and returns its answer. @throws SettingsError, see events/ask.ts. */
  readonly ask: <N extends CommandName>(name: N, content: CommandContent<N>) => Promise<CommandAnswer<N>>
  readonly log: Log
  /**
   * Opens the NApp's live settings, which are closed after its shutdown().
   * @throws SettingsError, see src/client/open-settings.ts.
   */
  readonly openSettings: OpenSettings
}

export interface NApp {
  /** Awaited before the next NApp starts. */
  setup(): Promise<void> | void
  /**
   * Awaited, in reverse order, when the host stops or the NApp is disabled; also after a failed or
   * interrupted setup().
   */
  shutdown?(): Promise<void> | void
}

/**
 * The default export of a NApp's `main`.
 * @example
 * const createNApp: CreateNApp = context => ({
 *   setup: () => context.log.info('started'),
 *   shutdown: () => context.log.info('stopped'),
 * })
 * export default createNApp
 */
export type CreateNApp<Context extends NAppContext = NAppContext> = (context: Context) => NApp
