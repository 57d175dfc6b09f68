import { ask } from '../../events/ask.ts'
import type { Bus, RootBus } from '../../events/event.ts'
import { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import type { Config } from '../boot/config.ts'
import type { JsonSchema } from '../client/json-schema.ts'
import type { OpenSettings } from '../client/live-settings.ts'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import type { NApp, NAppContext } from '../client/napp.ts'
import { openSettings } from '../client/open-settings.ts'
import type { Log } from '../log/log.ts'
import { unlessAborted, within } from './deadline.ts'
import { traced } from './failure-place.ts'
import type { LoadedNApp } from './load-napp.ts'
import type { SettingsContext } from './settings-context.ts'
import { trackSubscriptions } from './subscriptions.ts'

/** The environment in which the host starts a NApp. */
export interface RunContext {
  readonly bus: RootBus
  readonly config: Config
  readonly log: Log
  /** Ends the wait for a setup(). */
  readonly signal: AbortSignal
  /** For `kytos/settings` only: members of its context. */
  readonly env: SettingsContext['env']
  readonly started: Promise<void>
  readonly abort: (error: SettingsError) => void
  readonly napps: SettingsContext['napps']
  /** Seconds a shutdown() may take. */
  readonly shutdownTimeout: number
}

/** A NApp that is created and registered; nothing of it runs yet. */
export interface PreparedNApp {
  /**
   * Awaits setup() within the limit of the configuration; a NApp whose setup() fails is shut down again.
   * `kytos/settings` has no limit, because it waits for the store, which has its own.
   * @throws SettingsError SERVICE_STOPPING, TIMEOUT, or the error of setup().
   */
  setup(): Promise<RunningNApp>
}

/** A NApp after its setup(). */
export interface RunningNApp {
  readonly loaded: LoadedNApp
  /** Awaits shutdown(), then removes all remaining listeners; failures are logged. */
  stop(): Promise<void>
}

/**
 * Creates a loaded NApp and registers its schema.
 * @throws SettingsError NAPP_INVALID without a setup(), SERVICE_STOPPING, or the error of the creation or
 * registration; then nothing of the NApp remains.
 */
export async function prepareNApp(loaded: LoadedNApp, context: RunContext): Promise<PreparedNApp> {
  const { id } = loaded.found
  const log = context.log.child(id)
  const { bus, release } = trackSubscriptions(context.bus.view({ type: 'napp', name: id }), log)
  const opened = new OpenedSettings()
  const isSettings = id === SETTINGS_NAPP
  let started: NApp | undefined

  const stop = async (): Promise<void> => {
    try {
      await within(
        context.shutdownTimeout,
        started?.shutdown?.(),
        `it did not finish within ${context.shutdownTimeout} s`,
      )
    } catch (error) {
      log.error(`shutdown() failed: ${reasonOf(error)}`)
    } finally {
      opened.close()
      release()
    }
  }
  const orStop = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await stop()
      throw error
    }
  }

  const napp = await orStop(async () => {
    const created = loaded.create(
      isSettings ? settingsContext(loaded, context, log, opened) : nappContext(loaded, bus, log, opened),
    )
    if (typeof created?.setup !== 'function')
      throw new SettingsError(
        'NAPP_INVALID',
        `The object that the main file of ${id} creates has no setup() function. Add one.`,
      )
    if (!isSettings) await unlessAborted(register(loaded, bus), context.signal)
    return created
  })
  return {
    setup: () =>
      orStop(async () => {
        started = napp
        const limit = context.config.settings.setup_timeout
        const setup = Promise.resolve(napp.setup())
        await unlessAborted(
          isSettings ? setup : within(limit, setup, `its setup() did not finish within ${limit} s`),
          context.signal,
        )
        return { loaded, stop }
      }),
  }
}

/** Registers the schema that the manifest names, with the seed beside it, in the NApp's own name. */
async function register({ found: { id, manifest }, schema, seed }: LoadedNApp, bus: Bus): Promise<void> {
  if (schema === undefined) return
  await ask(bus, 'kytos.settings.register', {
    namespace: id,
    schema,
    ...(seed === undefined ? {} : { seed }),
    ...(manifest.version === undefined ? {} : { napp_version: manifest.version }),
  })
}

/** The open settings of one NApp; those that open after the end are closed at once. */
class OpenedSettings {
  readonly #open = new Set<{ close(): void }>()
  #closed = false

  add(settings: { close(): void }): void {
    if (this.#closed) settings.close()
    else this.#open.add(settings)
  }

  close(): void {
    this.#closed = true
    for (const settings of this.#open) settings.close()
    this.#open.clear()
  }
}

function nappContext(
  { found: { id, folder, manifest } }: LoadedNApp,
  bus: Bus,
  log: Log,
  opened: OpenedSettings,
): NAppContext {
  const open = async (schema?: JsonSchema) => {
    const owner = { id, folder, manifest, bus, log }
    // The service creates its errors outside the calls of the NApp, so their stacks do not contain them.
    const caller = new Error()
    const settings = await traced(caller, schema ? openSettings(owner, schema) : openSettings(owner))
    opened.add(settings)
    return settings
  }
  // The overloads differ only in the type of the values.
  return {
    id,
    folder,
    manifest,
    bus,
    log,
    ask: (name, content) => ask(bus, name, content),
    openSettings: open as OpenSettings,
  }
}

function settingsContext(
  loaded: LoadedNApp,
  { bus, config, env, started, abort, napps }: RunContext,
  log: Log,
  opened: OpenedSettings,
): SettingsContext {
  return { ...nappContext(loaded, bus, log, opened), bus, config, env, started, abort, napps }
}
