import type { Backend } from '../../backends/backend.ts'
import { createMemoryBackend } from '../../backends/memory/index.ts'
import { ask } from '../../events/ask.ts'
import { createBus } from '../../events/bus.ts'
import { errorsOf } from '../../events/command.ts'
import type { Bus, KytosEvent, RootBus } from '../../events/event.ts'
import {
  COMMANDS,
  type CommandAnswer,
  type CommandContent,
  type CommandName,
  type Facts,
} from '../../events/map.ts'
import { type ErrorCode, isSettingsError } from '../../model/errors.ts'
import { createService, type Service } from '../../src/app/service.ts'
import type { Log } from '../../src/log/log.ts'
import type { Environment } from '../../src/state/environment.ts'
import type { SnapshotFile } from '../../src/watcher/snapshot.ts'

/** A log that keeps what it is told. */
export interface KeptLog extends Log {
  readonly lines: string[]
}

export function keepLog(lines: string[] = []): KeptLog {
  const add = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`)
  }
  return { lines, info: add('info'), warn: add('warn'), error: add('error'), child: () => keepLog(lines) }
}

/** One controller: a bus and a running service, as a process has them. */
export interface Controller {
  readonly bus: Bus
  /** What {@link bus} is a NApp's view of. */
  readonly root: RootBus
  readonly service: Service
  readonly log: KeptLog
  /** Every `settings.changed` and `box.changed` that was said here, in order. */
  readonly changes: KytosEvent<Facts['settings.changed'] | Facts['box.changed']>[]
  readonly facts: KytosEvent[]
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  close(): Promise<void>
}

export interface ControllerOptions {
  readonly backend?: (report: Parameters<Parameters<typeof createService>[0]>[0]) => Backend
  readonly id?: string
  readonly strict?: boolean
  readonly snapshot?: SnapshotFile
  readonly startTimeout?: number
  readonly environment?: Environment
  /** Milliseconds that a `changing` hook may take. */
  readonly hookDeadline?: number
}

/** Codes that do not come from a command: of the bus, and of a failure of our own. */
const ELSEWHERE: readonly ErrorCode[] = ['COMMAND_NOT_FOUND', 'HOOK_COMMAND', 'INTERNAL_ERROR']

/**
 * Passes an error on, unless the record of its command lacks the code: then every test that meets it fails.
 */
function refuseUnlisted(name: CommandName, error: unknown): never {
  if (
    !isSettingsError(error) ||
    ELSEWHERE.includes(error.code) ||
    errorsOf(COMMANDS[name]).includes(error.code)
  )
    throw error
  throw new Error(`The record of ${name} in events/map.ts does not list ${error.code}.`, { cause: error })
}

/** Opens a controller and waits until it has settings to answer with. */
export async function openController({
  backend = () => createMemoryBackend(),
  id = 'controller-1',
  strict = false,
  snapshot,
  startTimeout = 10_000,
  environment,
  hookDeadline = 2_000,
}: ControllerOptions = {}): Promise<Controller> {
  const log = keepLog()
  const root = createBus({ log, hookDeadline })
  const surroundings = {
    bus: root,
    controller: id,
    strict,
    log,
    startTimeout,
    ...(snapshot && { snapshot }),
    ...(environment && { environment }),
  }
  const service = createService(backend, surroundings)
  const bus = root.view({ type: 'napp', name: 'kytos/test' })
  const facts: KytosEvent[] = []
  root.on(/settings\..*|box\..*/, event => {
    facts.push(event)
  })
  try {
    await service.start()
  } catch (error) {
    await service.close()
    throw error
  }
  return {
    bus,
    root,
    service,
    log,
    facts,
    get changes() {
      // The names say which content it is.
      return facts.filter(
        ({ name }) => name === 'settings.changed' || name === 'box.changed',
      ) as Controller['changes']
    },
    ask: (name, content) => ask(bus, name, content).catch(error => refuseUnlisted(name, error)),
    close: () => service.close(),
  }
}
