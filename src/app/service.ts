import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, BackendContext, FileProblem, Problem } from '../../backends/backend.ts'
import type { ConsumerState } from '../../events/commands/consumer-nouns.ts'
import type { Handlers, KytosEvent } from '../../events/event.ts'
import type { Feed } from '../../events/feed.ts'
import { COMMANDS, type CommandName } from '../../events/map.ts'
import type { Key } from '../../model/key.ts'
import { BoxService } from '../boxes/service.ts'
import type { SecretCounts } from '../metrics/secrets.ts'
import { Keeper } from '../pending/keeper.ts'
import { PendingService } from '../pending/service.ts'
import { memoryKeySource } from '../secrets/key-source.ts'
import { SecretsOfStore } from '../secrets/secrets-of-store.ts'
import { Housekeeper } from '../settings/housekeeper.ts'
import { warningOfRename } from '../settings/known-controllers.ts'
import { Registrar } from '../settings/registrar.ts'
import { resealHandlers } from '../settings/reseal-command.ts'
import { Resealer } from '../settings/resealer.ts'
import { SchemaPruner } from '../settings/schema-pruner.ts'
import { SettingsService } from '../settings/service.ts'
import { DocumentWriter } from '../settings/write/document-writer.ts'
import { requireReady } from '../settings/write/ready.ts'
import { baseFromCache } from '../state/document-reader.ts'
import { StatusService } from '../status/service.ts'
import { LiveTokens } from '../tokens/live-tokens.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { UndoService } from '../undo/service.ts'
import type { Health } from '../watcher/readiness.ts'
import { Watcher } from '../watcher/watcher.ts'
import type { WatcherListener } from '../watcher/watcher-listener.ts'
import { adoptEdits } from './adopt-edits.ts'
import { EnvironmentReport } from './environment-report.ts'
import type { ServiceContext } from './service-context.ts'
import { unknownName } from './unknown-name.ts'
import { createWatcherFeed } from './watcher-feed.ts'

/** A running service: it answers commands on the bus and publishes facts there. */
export interface Service {
  readonly feed: Feed
  readonly tokens: Tokens
  readonly health: () => Health
  readonly secretCounts: () => SecretCounts
  /** The readable files that currently differ from their documents. */
  readonly fileProblems: () => readonly FileProblem[]
  /** How far each consumer of this process applies its settings now. */
  readonly consumers: () => readonly ConsumerState[]
  /** Logs a problem of the backend, and announces a manual edit that was rejected. */
  readonly report: (problem: Problem) => void
  /** Logs the environment variables that are ignored, with reasons: now, and after every change of them. */
  readonly reportEnvironment: () => void
  /**
   * Resolves when there are settings to return.
   * @throws SettingsError after `startTimeout` without settings, or when the store is unusable.
   */
  start(): Promise<void>
  close(): Promise<void>
}

/** The longest wait of a closing service for the requests to the store that are still in progress. */
const CLOSE_GRACE_MS = 1_000

/**
 * Wires command -> service -> backend -> watcher -> fact around a backend. The backend must not be open; this
 * service opens and closes it.
 */
export function createService(
  createBackend: (report: (problem: Problem) => void, seal?: BackendContext['seal']) => Backend,
  context: ServiceContext,
): Service {
  const { bus, controller, log, snapshot, environment, pace, strict } = context
  const report = (problem: Problem): void => {
    const { code, message, source } = problem
    // The watcher also logs a rejection that it announces.
    if (code === 'FILE_REJECTED') watcher.reject(problem)
    else log.warn(message, { code, ...(source !== undefined && { source }) })
  }
  const secrets = new SecretsOfStore(context.keys ?? memoryKeySource(), message => log.warn(message))
  const backend = secrets.wrap(createBackend(report, secrets.edits))
  bus.protect(secrets)
  snapshot?.sealWith(secrets)
  const housekeeper = new Housekeeper(backend, log, context.history)

  const listener: WatcherListener = {
    onFact({ name, content }, size) {
      // The type of Fact pairs name and content, which a call with both cannot express.
      const event: KytosEvent = bus.announce(name, content as never)
      feed.add(event, size)
      saveSnapshot()
      registrar.observe(event)
      if (name === 'settings.changed' && secrets.namespaces.has(content.namespace))
        resealer.look(content.scope === 'schema')
      // A change of a lower layer may make a variable invalid.
      if (name === 'settings.changed' && environment?.isEmpty === false) environmentReport.repeat()
      return event
    },
    onAdvanced(bySteps) {
      // Facts from before a place was marked may have its value: readers receive a snapshot instead.
      const isMarked = secrets.changes !== marksAtFeed
      marksAtFeed = secrets.changes
      feed.advanced(bySteps && !isMarked)
      keeper.look()
    },
    onUnrecorded: documents => adoptEdits(documents, writer, { log, isClosing: () => closing }),
    onTokensChanged() {
      tokens.changed()
      // No fact announces them, and the snapshot must not contain a token that was revoked.
      saveSnapshot()
    },
    // The snapshot records how long the state has been good, even without a change for days.
    onReconciled: () => saveSnapshot(),
    onFatal: error => context.fatal?.(error),
  }
  const watcher = new Watcher(
    { backend, controller, log, strict, secrets, ...(environment && { environment }), ...(pace && { pace }) },
    listener,
  )

  /** The Unix time in milliseconds at which the cache was last known to equal the store. */
  const freshAt = () => Date.now() - (watcher.health.age ?? 0) * 1_000
  /** Writes the snapshot soon; closing writes it for the last time. */
  const saveSnapshot = (): void => {
    if (!closing) snapshot?.save(watcher.cache, freshAt)
  }
  const feed = createWatcherFeed(watcher, backend)
  const recorded = (key: Key, version: number): void => housekeeper.recorded(key, version)
  const keeper: Keeper = new Keeper({ backend, watcher, controller, log, recorded })
  const writer = new DocumentWriter({
    backend,
    controller,
    cached: key => baseFromCache(watcher.cache.stateOf(key)),
    goneAt: key => watcher.cache.stateOf(key)?.goneAt,
    meta: () => watcher.cache.meta,
    recorded,
  })
  const registrar: Registrar = new Registrar({ backend, watcher, log, napps: context.napps })
  const pruner = new SchemaPruner({ backend, watcher, registrar, log })
  const resealer = new Resealer({ backend, cache: watcher.cache, secrets, log })
  const { consumers } = bus
  const settings = new SettingsService({
    backend,
    watcher,
    writer,
    registrar,
    consumers,
    log,
    controller,
    strict,
    secrets,
  })
  const pending = new PendingService({
    backend,
    watcher,
    controller,
    recorded,
    requireReady: () => requireReady(watcher),
  })
  const undo = new UndoService({
    backend,
    watcher,
    controller,
    change: request => settings.change(request),
  })
  const boxes = new BoxService({ backend, watcher })
  const status = new StatusService({
    backend,
    watcher,
    log,
    controller,
    consumers,
    ...(context.napps && { napps: context.napps }),
  })
  const tokens: LiveTokens = new LiveTokens(backend, watcher)
  let closing = false
  let marksAtFeed = 0

  let hasBeenReady = false
  const warnOfRename = (): void => {
    const warning = warningOfRename(watcher.cache)
    if (warning !== undefined) log.warn(warning)
  }

  const environmentReport = new EnvironmentReport(watcher, log)
  /** The handler of every command; a missing one does not compile. */
  const handlers: Handlers = {
    ...settings.handlers,
    ...pending.handlers,
    ...undo.handlers,
    ...boxes.handlers,
    ...status.handlers,
    ...resealHandlers(resealer, watcher, controller),
    'kytos.settings.register': async (content, caller) => {
      const answer = await settings.register(content, caller)
      environmentReport.repeat()
      return answer
    },
  }
  const serve = <N extends CommandName>(name: N): void => void bus.serve(name, handlers[name])

  return {
    feed,
    tokens,
    health: () => watcher.health,
    secretCounts: () => ({
      ...secrets.counts(watcher.cache.documents()),
      resealed: resealer.resealed,
    }),
    fileProblems: () => backend.fileProblems(),
    consumers: () => status.consumers(),
    report,
    reportEnvironment: () => environmentReport.print(),
    async start() {
      const known = await snapshot?.read()
      if (known) await watcher.preload(known.batch, known.epoch, Math.max(0, Date.now() - known.freshAt))
      bus.on('settings.state', ({ content }) => {
        if (content.state !== 'READY') return
        if (!hasBeenReady && context.napps) warnOfRename()
        hasBeenReady = true
        resealer.look(true)
        return registrar.catchUp()
      })
      await watcher.start(context.startTimeout)
      feed.begin()
      bus.describeUnknown((command, name) => unknownName(watcher.cache, command, name))
      for (const name of Object.keys(COMMANDS) as CommandName[]) serve(name)
    },
    async close() {
      closing = true
      registrar.stop()
      const stopped = Promise.all([
        housekeeper.stop(),
        pruner.stop(),
        keeper.stop(),
        resealer.stop(),
        watcher.stop(),
      ])
      // Closing the backend ends their requests to the store, which may otherwise take long to fail.
      const grace = Promise.race([stopped, sleep(CLOSE_GRACE_MS, undefined, { ref: false })])
      await Promise.all([
        grace.then(() => backend.close()),
        stopped.then(() => (watcher.cache.epoch > 0 ? snapshot?.flush(watcher.cache, freshAt) : undefined)),
      ])
    },
  }
}
