import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { Bus, KytosEvent } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName, Facts } from '../../../events/map.ts'
import { createService, type Service } from '../../../src/app/service.ts'
import type { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import type { Pace } from '../../../src/watcher/watcher-options.ts'
import { type KeptLog, keepLog } from '../../support/controller.ts'
import type { Line, World } from './world.ts'

/** Quick enough for hundreds of outages a second. */
export const HURRIED: Pace = { pauses: [1, 3], confirmation: 10, reconcile: 3 }

export type Change = Facts['settings.changed'] | Facts['box.changed']

/** A controller whose facts are seen at the moment when they are said, before any listener is. */
export interface Player {
  readonly id: string
  readonly line: Line
  readonly bus: Bus
  readonly service: Service
  readonly log: KeptLog
  /** Everything that was said, in order. */
  readonly said: KytosEvent[]
  /** Every `settings.changed` and `box.changed`. */
  readonly changes: Change[]
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  close(): Promise<void>
}

export interface PlayerOptions {
  readonly snapshot?: SnapshotFile
  readonly startTimeout?: number
  readonly pace?: Pace
  readonly prepare?: (line: Line) => void
  readonly fatal?: (error: Error) => void
  readonly onSaid?: (event: KytosEvent, player: Player) => void
}

/** A controller on a world, not started. */
export function createPlayer(world: World, id: string, options: PlayerOptions = {}): Player {
  const log = keepLog()
  const root = createBus({ log })
  const line = world.connect()
  options.prepare?.(line)
  const service = createService(() => line, {
    bus: root,
    controller: id,
    strict: false,
    log,
    startTimeout: options.startTimeout ?? 5_000,
    pace: options.pace ?? HURRIED,
    ...(options.snapshot ? { snapshot: options.snapshot } : {}),
    ...(options.fatal ? { fatal: options.fatal } : {}),
  })
  const bus = root.view({ type: 'napp', name: 'kytos/test' })
  const said: KytosEvent[] = []
  const changes: Change[] = []
  const player: Player = {
    id,
    line,
    bus,
    service,
    log,
    said,
    changes,
    ask: (name, content) => ask(bus, name, content),
    close: () => service.close(),
  }
  service.feed.follow(undefined, event => {
    said.push(event)
    // The names say which content it is.
    if (event.name === 'settings.changed' || event.name === 'box.changed')
      changes.push(event.content as Change)
    options.onSaid?.(event, player)
  })
  return player
}

/** As {@link createPlayer}, and started. */
export async function startPlayer(world: World, id: string, options: PlayerOptions = {}): Promise<Player> {
  const player = createPlayer(world, id, options)
  try {
    await player.service.start()
  } catch (error) {
    await player.close()
    throw error
  }
  return player
}

/** Resolves at the first fact for which it holds, also one said already. */
export function heard(
  player: Player,
  holds: (event: KytosEvent) => boolean,
  within = 5_000,
): Promise<KytosEvent> {
  const found = player.said.find(holds)
  if (found) return Promise.resolve(found)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      leave()
      reject(
        new Error(
          `${player.id} did not say it in ${within} ms; its state is ${player.service.health().state} (${player.service.health().reason})`,
        ),
      )
    }, within)
    const leave = player.service.feed.follow(undefined, event => {
      if (!holds(event)) return
      clearTimeout(timer)
      leave()
      resolve(event)
    })
  })
}

/** Mends the line and resolves when the controller is READY again. */
export async function restored(player: Player): Promise<void> {
  const before = player.said.length
  player.line.down = false
  await heard(player, event => isState('READY')(event) && player.said.indexOf(event) >= before)
}

/** True for the fact that this state began. */
export function isState(state: string): (event: KytosEvent) => boolean {
  return ({ name, content }) =>
    name === 'settings.state' && (content as Facts['settings.state']).state === state
}
