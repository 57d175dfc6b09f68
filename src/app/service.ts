import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, FileProblem, Problem } from '../../backends/backend.ts'
import type { Handlers, RootBus } from '../../events/event.ts'
import { createFeed, type Feed } from '../../events/feed.ts'
import { COMMANDS, type CommandName } from '../../events/map.ts'
import { isSettingsError, type SettingsError, toSettingsError } from '../../model/errors.ts'
import { BoxService } from '../boxes/service.ts'
import type { Log } from '../log/log.ts'
import { Housekeeper } from '../settings/housekeeper.ts'
import { presentSettings } from '../settings/present.ts'
import { Registrar } from '../settings/registrar.ts'
import { SettingsService } from '../settings/service.ts'
import { DocumentWriter } from '../settings/write/document-writer.ts'
import { baseFromCache } from '../state/document-reader.ts'
import type { DocumentState } from '../state/document-state.ts'
import type { Environment } from '../state/environment.ts'
import { redact } from '../state/secrets.ts'
import { StatusService } from '../status/service.ts'
import { LiveTokens } from '../tokens/live-tokens.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { lookAtStore } from '../watcher/epoch.ts'
import type { Health } from '../watcher/readiness.ts'
import type { SnapshotFile } from '../watcher/snapshot.ts'
import { type Pace, Watcher } from '../watcher/watcher.ts'

export interface ServiceContext {
  readonly bus: RootBus
  readonly controller: string
  readonly strict: boolean
  readonly log: Log
  /** Where the last known state is kept; without it there is none to start from when the store is away. */
  readonly snapshot?: SnapshotFile
  /** Milliseconds that the store may take to answer. */
  readonly startTimeout: number
  /** The variables that may hold settings; none when absent. */
  readonly environment?: Environment
  /** How the watcher paces itself, where it is not as {@link Watcher} has it. */
  readonly pace?: Partial<Pace>
  /** Called when the store turns out to be a wrong one after the service started from a snapshot. */
  readonly fatal?: (error: SettingsError) => void
}

/** A running service: its commands are answered on the bus, its facts are said there. */
export interface Service {
  readonly feed: Feed
  readonly tokens: Tokens
  readonly health: () => Health
  /** The readable files that do not show their documents now. */
  readonly fileProblems: () => readonly FileProblem[]
  /** Takes a finding of the backend: logs it, and announces a document that was refused. */
  readonly report: (problem: Problem) => void
  /**
   * Logs which variables of the environment do not count, and why: now, and from now on whenever a schema
   * that is registered changes that.
   */
  readonly tellEnvironment: () => void
  /**
   * Resolves when there is data to answer from.
   * @throws SettingsError when there is none within the time, or the store is a wrong one.
   */
  start(): Promise<void>
  close(): Promise<void>
}

/** Milliseconds that a closing service lets the store finish what it was asked by nobody in particular. */
const PATIENCE = 1_000

/**
 * Wires command -> service -> backend -> watcher -> fact around a backend that is not opened yet, and that
 * this service closes.
 */
export function createService(
  createBackend: (report: (problem: Problem) => void) => Backend,
  surroundings: ServiceContext,
): Service {
  const { bus, controller, log, snapshot } = surroundings
  const report = (problem: Problem): void => {
    const { code, message, source } = problem
    // The watcher logs what it announces.
    if (code === 'FILE_REJECTED') watcher.reject(problem)
    else log.warn(message, { code, ...(source !== undefined && { source }) })
  }
  const backend = createBackend(report)
  const housekeeper = new Housekeeper(backend, log)

  const watcher: Watcher = new Watcher({
    backend,
    controller,
    log,
    announce: (name, content) => bus.announce(name, content),
    said: (event, weight) => {
      feed.add(event, weight)
      keep()
      // A change of the layers below may be what a variable does not go with.
      if (told && event.name === 'settings.changed' && surroundings.environment?.isEmpty === false)
        tellEnvironment()
    },
    moved: bySteps => feed.moved(bySteps),
    unrecorded: documents => adoptAll(documents),
    tokensChanged: () => {
      tokens.changed()
      // Nothing is said of them, so nothing else has the snapshot written: a token that was revoked must not
      // be in it.
      keep()
    },
    // Nothing may have changed for days: it was good until now all the same.
    reconciled: () => keep(),
    ...(surroundings.environment ? { environment: surroundings.environment } : {}),
    ...(surroundings.fatal ? { fatal: surroundings.fatal } : {}),
    ...(surroundings.pace ? { pace: surroundings.pace } : {}),
  })

  const goodAt = () => Date.now() - (watcher.health.age ?? 0) * 1_000
  /** Has the snapshot written soon; closing writes it for the last time, whatever is said later. */
  const keep = (): void => {
    if (!closing) snapshot?.save(watcher.cache, goodAt)
  }
  const view = () => ({ cache: watcher.cache, epoch: watcher.cache.epoch, state: watcher.health.state })
  const feed = createFeed({
    get epoch() {
      return watcher.position.epoch
    },
    get revision() {
      return watcher.position.revision
    },
    get announcing() {
      return watcher.announcing
    },
    look: () => lookAtStore(backend),
    namespaces: () =>
      Object.fromEntries(
        watcher.cache.namespaces().map(namespace => {
          const { revision } = presentSettings(view(), namespace, watcher.cache.self)
          return [
            namespace,
            {
              data: redact(watcher.cache.lastAnnounced(namespace), watcher.cache.schema(namespace)),
              revision,
            },
          ]
        }),
      ),
  })

  const writer = new DocumentWriter({
    backend,
    controller,
    cached: key => baseFromCache(watcher.cache.stateOf(key)),
    goneAt: key => watcher.cache.stateOf(key)?.goneAt,
    meta: () => watcher.cache.meta,
    recorded: (key, version) => housekeeper.recorded(key, version),
  })
  const registrar = new Registrar(backend, watcher, log)
  const { consumers } = bus
  const settings = new SettingsService({
    backend,
    watcher,
    writer,
    registrar,
    consumers,
    log,
    controller,
    strict: surroundings.strict,
  })
  const boxes = new BoxService({ backend, watcher })
  const status = new StatusService({ backend, watcher, log, controller })
  const tokens: LiveTokens = new LiveTokens(backend, watcher)
  let closing = false

  let told: ReadonlySet<string> | undefined
  const tellEnvironment = (): void => {
    const problems = watcher.cache.environmentProblems()
    for (const problem of problems) if (!told?.has(problem)) log.warn(problem)
    told = new Set(problems)
  }

  const adoptAll = (documents: readonly DocumentState[]): void => {
    for (const { key, entry, data, goneAt } of documents) {
      writer
        .adopt({ key, data, gone: entry === undefined, revision: entry?.modRevision ?? goneAt })
        .catch(error => {
          // What could not be recorded now is found again by the next listing, or recorded by the next
          // change.
          if (!closing && !isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'))
            log.error(
              `The hand edit of ${key} was not recorded in the history: ${toSettingsError(error).message}`,
            )
        })
    }
  }

  /** Every command has its handler here, or this fails to compile. */
  const handlers: Handlers = {
    ...settings.handlers,
    ...boxes.handlers,
    ...status.handlers,
    'kytos.settings.register': async content => {
      const answer = await settings.register(content)
      if (told) tellEnvironment()
      return answer
    },
  }
  const serve = <N extends CommandName>(name: N): void => void bus.serve(name, handlers[name])

  return {
    feed,
    tokens,
    health: () => watcher.health,
    fileProblems: () => backend.fileProblems(),
    report,
    tellEnvironment,
    async start() {
      const known = await snapshot?.read()
      if (known) await watcher.preload(known.batch, known.epoch, Math.max(0, Date.now() - known.good))
      bus.on('settings.state', ({ content }) => (content.state === 'READY' ? registrar.catchUp() : undefined))
      await watcher.start(surroundings.startTimeout)
      feed.begin()
      for (const name of Object.keys(COMMANDS) as CommandName[]) serve(name)
    },
    async close() {
      closing = true
      registrar.stop()
      const stopped = Promise.all([housekeeper.stop(), watcher.stop()])
      // What they wait for may take long to fail; then closing the backend ends it.
      const patience = Promise.race([stopped, sleep(PATIENCE, undefined, { ref: false })])
      await Promise.all([
        patience.then(() => backend.close()),
        stopped.then(() => (watcher.cache.epoch > 0 ? snapshot?.flush(watcher.cache, goodAt) : undefined)),
      ])
    },
  }
}
