import { onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { Bus, Callback } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import type { Settings } from '../../../events/nouns.ts'
import { createService } from '../../../src/app/service.ts'
import type { JsonSchema } from '../../../src/client/json-schema.ts'
import { openSettings } from '../../../src/client/open-settings.ts'
import { keepLog } from '../../support/controller.ts'
import { HURRIED } from '../watcher/ensemble.ts'
import { World } from '../watcher/world.ts'

export const ID = 'kytos/of_lldp'
export const SCHEMA = {
  type: 'object',
  properties: {
    polling_time: { type: 'integer', minimum: 0, maximum: 999, default: 3 },
    vlans: { type: 'array', items: { type: 'integer' }, default: [] },
  },
} as const satisfies JsonSchema

/** A controller with its bus in hand. */
export async function stage(world = new World(), controller = 'one') {
  const log = keepLog()
  const root = createBus({ log })
  const line = world.connect()
  const service = createService(() => line, {
    bus: root,
    controller,
    strict: false,
    log,
    startTimeout: 5_000,
    pace: HURRIED,
  })
  const close = () => service.close()
  const bus = root.view({ type: 'napp', name: ID })
  await service.start()
  const facts: Facts['settings.changed'][] = []
  root.on('settings.changed', ({ content }) => void facts.push(content))
  const set = (polling_time: number, scope = 'cluster'): Promise<Settings> =>
    ask(bus, 'kytos.settings.update', { namespace: ID, data: { polling_time }, scope })
  const truth = () => ask(bus, 'kytos.settings.retrieve', { namespace: ID })
  return { world, log, root, bus, line, service, facts, set, truth, close, owner: { id: ID, bus, log } }
}

/** A stage with settings opened on it, both closed with the test. */
export async function opened(world?: World) {
  const one = await stage(world)
  onTestFinished(one.close)
  const settings = await openSettings(one.owner, SCHEMA)
  onTestFinished(() => settings.close())
  return { ...one, settings }
}

/** A view of the bus on which one command is sent, or answered, only after something else. */
export function around(
  bus: Bus,
  name: string,
  { before, after }: { before?: () => Promise<unknown>; after?: () => Promise<unknown> },
): Bus {
  const emit = (command: string, content: { callback?: Callback } = {}): unknown => {
    if (command !== name) return bus.emit(command, content)
    const callback: Callback = (...answer) =>
      void (after?.() ?? Promise.resolve()).then(() => content.callback?.(...answer))
    return (before?.() ?? Promise.resolve()).then(() => bus.emit(command, { ...content, callback }))
  }
  // No caller here uses the event that emit() returns.
  return { actor: bus.actor, on: bus.on.bind(bus), consume: bus.consume.bind(bus), emit: emit as Bus['emit'] }
}
