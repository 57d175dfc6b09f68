import { createMemoryBackend } from '../../backends/memory/index.ts'
import { ask } from '../../events/ask.ts'
import { createBus } from '../../events/bus.ts'
import { errorsOf } from '../../events/commands/command.ts'
import type { Bus, KytosEvent, RootBus } from '../../events/event.ts'
import {
  COMMANDS,
  type CommandAnswer,
  type CommandContent,
  type CommandName,
  type Facts,
} from '../../events/map.ts'
import type { NAppStatus } from '../../events/nouns.ts'
import { type ErrorCode, isSettingsError } from '../../model/errors.ts'
import { createService, type Service } from '../../src/app/service.ts'
import type { Log } from '../../src/log/log.ts'
import type { KeySource } from '../../src/secrets/key-source.ts'
import type { Environment } from '../../src/state/environment.ts'
import type { SnapshotFile } from '../../src/watcher/snapshot.ts'

/** A log that keeps its messages. */
export interface KeptLog extends Log {
  readonly lines: string[]
}

export function keepLog(lines: string[] = []): KeptLog {
  const add = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`)
  }
  return { lines, info: add('info'), warn: add('warn'), error: add('error'), child: () => keepLog(lines) }
}

/** One controller: a bus and a running service, as in a process. */
export interface Controller {
  readonly bus: Bus
  /** The root bus; {@link bus} is a NApp's view of it. */
  readonly root: RootBus
  readonly service: Service
  readonly log: KeptLog
  /** All `settings.changed` and `box.changed` that were announced here, in order. */
  readonly changes: KytosEvent<Facts['settings.changed'] | Facts['box.changed']>[]
  readonly facts: KytosEvent[]
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  close(): Promise<void>
}

export interface ControllerOptions {
  readonly backend?: Parameters<typeof createService>[0]
  /** The keys of secrets; keys of its own in memory when absent. */
  readonly keys?: KeySource
  readonly id?: string
  readonly strict?: boolean
  readonly snapshot?: SnapshotFile
  readonly startTimeout?: number
  readonly environment?: Environment
  /** Milliseconds that a `changing` hook may take. */
  readonly hookDeadline?: number
  /** The enabled NApps of the host; without a host when absent. */
  readonly napps?: () => readonly NAppStatus[]
}

/** The codes that are not from a command: those of the bus, and of an internal failure. */
const GENERAL_CODES: readonly ErrorCode[] = ['COMMAND_NOT_FOUND', 'HOOK_COMMAND', 'INTERNAL_ERROR']

/**
 * Rethrows an error, or fails the test if the record of its command does not list the code.
 */
function rejectUnlisted(name: CommandName, error: unknown): never {
  if (
    !isSettingsError(error) ||
    GENERAL_CODES.includes(error.code) ||
    errorsOf(COMMANDS[name]).includes(error.code)
  )
    throw error
  throw new Error(`The record of ${name} in events/map.ts does not list ${error.code}.`, { cause: error })
}

/** Opens a controller and waits until it can answer with settings. */
export async function openController({
  backend = () => createMemoryBackend(),
  id = 'controller-1',
  strict = false,
  snapshot,
  startTimeout = 10_000,
  environment,
  hookDeadline = 2_000,
  napps,
  keys,
}: ControllerOptions = {}): Promise<Controller> {
  const log = keepLog()
  const root = createBus({ log, hookDeadline })
  const context = {
    bus: root,
    controller: id,
    strict,
    log,
    startTimeout,
    ...(snapshot && { snapshot }),
    ...(environment && { environment }),
    ...(napps && { napps }),
    ...(keys && { keys }),
  }
  const service = createService(backend, context)
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
      // The name determines the type of the content.
      return facts.filter(
        ({ name }) => name === 'settings.changed' || name === 'box.changed',
      ) as Controller['changes']
    },
    ask: (name, content) => ask(bus, name, content).catch(error => rejectUnlisted(name, error)),
    close: () => service.close(),
  }
}
