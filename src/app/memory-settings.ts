import { createMemoryBackend } from '../../backends/memory/index.ts'
import { ask } from '../../events/ask.ts'
import { createBus } from '../../events/bus.ts'
import type { JsonSchema } from '../client/json-schema.ts'
import type { LiveSettings, OpenSettings } from '../client/live-settings.ts'
import type { NAppContext } from '../client/napp.ts'
import { openSettings } from '../client/open-settings.ts'
import type { PatchOf } from '../client/pointer-of.ts'
import type { SettingsOf } from '../client/settings-of.ts'
import type { Log } from '../log/log.ts'
import { createService } from './service.ts'

/** Live settings in memory, without a store or host, for the tests of a NApp. */
export interface MemorySettings<Values extends object> extends LiveSettings<Values> {
  /** The context that the host would pass to the NApp; it opens these settings. */
  readonly context: NAppContext
  /** Stops all listeners and the service. */
  close(): Promise<void>
}

export interface MemoryOptions {
  /** `username/name`; `test/napp` when absent. */
  readonly id?: string
  /** The log of the NApp and the service; none when absent. */
  readonly log?: Log
  /** The value of `context.folder`; `.` when absent. */
  readonly folder?: string
}

const MAX_START_MS = 10_000
const SILENT: Log = { info() {}, warn() {}, error() {}, child: () => SILENT }

/**
 * Opens settings on a real service that keeps all data in memory; `overrides` are the initial overrides.
 * @throws SettingsError as `openSettings` and `update`.
 * @example
 * const settings = await openMemorySettings({
 *   type: 'object',
 *   properties: { interval: { type: 'number', default: 5 } },
 * })
 * const napp = createNApp(settings.context)
 * await settings.update({ interval: 2 })
 * await settings.close()
 */
export async function openMemorySettings<const Schema extends JsonSchema>(
  schema: Schema,
  overrides?: PatchOf<SettingsOf<Schema>>,
  { id = 'test/napp', log = SILENT, folder = '.' }: MemoryOptions = {},
): Promise<MemorySettings<SettingsOf<Schema>>> {
  const root = createBus({ log })
  const service = createService(() => createMemoryBackend(), {
    bus: root,
    controller: 'memory',
    strict: false,
    log,
    startTimeout: MAX_START_MS,
  })
  try {
    await service.start()
    const context = createContext(root.view({ type: 'napp', name: id }), { id, log, folder })
    const settings = await openSettings({ id, bus: context.bus, log }, schema)
    if (overrides !== undefined) await settings.update(overrides)
    const stop = settings.close.bind(settings)
    const close = async (): Promise<void> => {
      stop()
      await service.close()
    }
    return Object.assign(settings, { context, close })
  } catch (error) {
    await service.close()
    throw error
  }
}

function createContext(bus: NAppContext['bus'], { id, log, folder }: Required<MemoryOptions>): NAppContext {
  const [username = '', name = ''] = id.split('/')
  return {
    id,
    folder,
    manifest: { username, name, main: 'main.js', priority: 100 },
    bus,
    log,
    ask: (command, content) => ask(bus, command, content),
    // The overloads differ only in the types of the values.
    openSettings: ((schema: JsonSchema) => openSettings({ id, bus, log }, schema)) as OpenSettings,
  }
}
