import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ask } from '../../events/ask.ts'
import type { Bus, RootBus } from '../../events/event.ts'
import { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import type { Config } from '../boot/config.ts'
import { allowPackageImports } from '../boot/package-imports.ts'
import { readSchema, readSeed } from '../client/assets.ts'
import type { JsonSchema } from '../client/json-schema.ts'
import type { OpenSettings } from '../client/live-settings.ts'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import type { CreateNApp, NApp, NAppContext } from '../client/napp.ts'
import { openSettings } from '../client/open-settings.ts'
import type { Log } from '../log/log.ts'
import { unlessAborted, within } from './deadline.ts'
import type { FoundNApp } from './discover.ts'
import type { SettingsContext } from './settings-context.ts'
import { trackSubscriptions } from './subscriptions.ts'

const SLOW_SETUP_SECONDS = 10

/** Everything a NApp is started with. */
export interface RunContext {
  readonly bus: RootBus
  readonly config: Config
  readonly log: Log
  /** Cuts the wait for a setup() short. */
  readonly signal: AbortSignal
  /**
   * For `kytos/settings`: the variables of the process, when all NApps were started, what it ends the host
   * with.
   */
  readonly env: SettingsContext['env']
  readonly started: Promise<void>
  readonly abort: (error: SettingsError) => void
  /** Seconds a shutdown() may take. */
  readonly patience: number
  /** How many earlier loads of this NApp's modules are of no use any more. */
  readonly loads: number
}

/** A NApp whose setup() is done. */
export interface RunningNApp {
  readonly found: FoundNApp
  /** Awaits shutdown(), then takes away what still listens; what goes wrong is logged. */
  stop(): Promise<void>
}

/**
 * Imports a NApp, registers its settings, awaits its setup(). One whose setup() fails is shut down again.
 * @throws SettingsError NAPP_INVALID (no such main, no function in it, no good schema), SERVICE_STOPPING,
 * whatever register or setup() failed with.
 */
export async function startNApp(found: FoundNApp, around: RunContext): Promise<RunningNApp> {
  const { id } = found
  const create = await unlessAborted(importMain(found, around.loads), around.signal)
  const log = around.log.child(id)
  const { bus, release } = trackSubscriptions(around.bus.view({ type: 'napp', name: id }), log)
  const opened: Opened = new Set()
  let begun: NApp | undefined

  const stop = async (): Promise<void> => {
    try {
      await within(around.patience, begun?.shutdown?.(), `it did not finish within ${around.patience} s`)
    } catch (error) {
      log.error(`shutdown() failed: ${reasonOf(error)}`)
    } finally {
      for (const settings of opened) settings.close()
      release()
    }
  }

  const slow = setTimeout(
    () => log.warn(`setup() has run for ${SLOW_SETUP_SECONDS} s; later NApps wait for it.`),
    SLOW_SETUP_SECONDS * 1_000,
  )
  try {
    const napp = create(
      id === SETTINGS_NAPP
        ? settingsContext(found, around, log, opened)
        : nappContext(found, bus, log, opened),
    )
    if (typeof napp?.setup !== 'function')
      throw new SettingsError(
        'NAPP_INVALID',
        `The object that the main file of ${id} creates has no setup() function. Add one.`,
      )
    if (id !== SETTINGS_NAPP) await unlessAborted(register(found, bus), around.signal)
    begun = napp
    await unlessAborted(napp.setup(), around.signal)
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(slow)
  }
  return { found, stop }
}

async function importMain(
  { id, folder, manifest }: FoundNApp,
  loads: number,
): Promise<(context: NAppContext) => NApp> {
  const file = join(folder, manifest.main)
  const url = pathToFileURL(file)
  // Modules are kept for ever under their address, so a NApp that comes again, perhaps another version of it,
  // needs another one.
  if (loads > 0) url.search = `?load=${loads}`
  allowPackageImports()
  try {
    const module: { readonly default?: unknown } = await import(url.href)
    // What is in a foreign module is known at run time only; more than that it is a function cannot be
    // checked.
    if (typeof module.default === 'function') return module.default as CreateNApp
  } catch (cause) {
    throw new SettingsError(
      'NAPP_INVALID',
      `${file}, the main file of ${id}, cannot be loaded: ${reasonOf(cause)}`,
      { cause },
    )
  }
  throw new SettingsError(
    'NAPP_INVALID',
    `${file}, the main file of ${id}, must have a default export (context) => {setup, shutdown?}.`,
  )
}

/** Hands over the schema that the manifest names, with the seed beside it, in the NApp's own name. */
async function register({ id, folder, manifest }: FoundNApp, bus: Bus): Promise<void> {
  const schema = await readSchema(folder, manifest)
  if (schema === undefined) return
  const seed = await readSeed(folder)
  await ask(bus, 'kytos.settings.register', {
    namespace: id,
    schema,
    ...(seed === undefined ? {} : { seed }),
    ...(manifest.version === undefined ? {} : { napp_version: manifest.version }),
  })
}

type Opened = Set<{ close(): void }>

function nappContext({ id, folder, manifest }: FoundNApp, bus: Bus, log: Log, opened: Opened): NAppContext {
  const open = async (schema?: JsonSchema) => {
    const owner = { id, folder, manifest, bus, log }
    const settings = await (schema ? openSettings(owner, schema) : openSettings(owner))
    opened.add(settings)
    return settings
  }
  // The overloads differ only in what the types know of the values.
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
  found: FoundNApp,
  { bus, config, env, started, abort }: RunContext,
  log: Log,
  opened: Opened,
): SettingsContext {
  return { ...nappContext(found, bus, log, opened), bus, config, env, started, abort }
}
