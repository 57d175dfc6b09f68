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
  /** Seconds a shutdown() may take. */
  readonly shutdownTimeout: number
  /** The number of earlier loads of this NApp's modules, which must not be reused. */
  readonly loads: number
}

/** A NApp after its setup(). */
export interface RunningNApp {
  readonly found: FoundNApp
  /** Awaits shutdown(), then removes all remaining listeners; failures are logged. */
  stop(): Promise<void>
}

/**
 * Imports a NApp, registers its settings, awaits its setup(). A NApp whose setup() fails is shut down again.
 * @throws SettingsError NAPP_INVALID (no such main, no function in it, invalid schema), SERVICE_STOPPING, or
 * the error of register or setup().
 */
export async function startNApp(found: FoundNApp, context: RunContext): Promise<RunningNApp> {
  const { id } = found
  const create = await unlessAborted(importMain(found, context.loads), context.signal)
  const log = context.log.child(id)
  const { bus, release } = trackSubscriptions(context.bus.view({ type: 'napp', name: id }), log)
  const opened: OpenedSettings = new Set()
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
        ? settingsContext(found, context, log, opened)
        : nappContext(found, bus, log, opened),
    )
    if (typeof napp?.setup !== 'function')
      throw new SettingsError(
        'NAPP_INVALID',
        `The object that the main file of ${id} creates has no setup() function. Add one.`,
      )
    if (id !== SETTINGS_NAPP) await unlessAborted(register(found, bus), context.signal)
    started = napp
    await unlessAborted(napp.setup(), context.signal)
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
  // The URL differs for each load, because Node caches modules by URL, and the NApp may be another version.
  if (loads > 0) url.search = `?load=${loads}`
  allowPackageImports()
  try {
    const module: { readonly default?: unknown } = await import(url.href)
    // The content of a foreign module is known at run time only; only the type of a function can be checked.
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

/** Registers the schema that the manifest names, with the seed beside it, in the NApp's own name. */
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

type OpenedSettings = Set<{ close(): void }>

function nappContext(
  { id, folder, manifest }: FoundNApp,
  bus: Bus,
  log: Log,
  opened: OpenedSettings,
): NAppContext {
  const open = async (schema?: JsonSchema) => {
    const owner = { id, folder, manifest, bus, log }
    const settings = await (schema ? openSettings(owner, schema) : openSettings(owner))
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
  found: FoundNApp,
  { bus, config, env, started, abort }: RunContext,
  log: Log,
  opened: OpenedSettings,
): SettingsContext {
  return { ...nappContext(found, bus, log, opened), bus, config, env, started, abort }
}
