import type { RootBus } from '../../events/event.ts'
import { isSettingsError, type SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import type { Config } from '../boot/config.ts'
import { MANIFEST, SETTINGS_NAPP } from '../client/manifest.ts'
import type { Log } from '../log/log.ts'
import { discover, type FoundNApp } from './discover.ts'
import { describeProblem, orderNApps } from './order.ts'
import { type RunningNApp, startNApp } from './running-napp.ts'
import { settingsMissing } from './settings-missing.ts'
import { linkShipped, type ShippedNApp, shippedNApps } from './shipped.ts'

/*
 * The host starts, watches over and stops NApps.
 *
 * Invariants:
 *  1. `kytos/settings` is started first and stopped last; without it nothing else is started.
 *  2. One thing at a time: no NApp is started or stopped while another one is, whatever happens in the folder
 *     meanwhile.
 *  3. NApps are stopped in the reverse order of their start, each once; what one of them does wrong keeps no
 *     other from being started or stopped.
 *  4. After a scan, what runs is what is enabled, less what is reported as broken; a NApp whose manifest
 *     breaks while it runs goes on.
 */

const SCAN_INTERVAL_MS = 1_000
const SHUTDOWN_TIMEOUT_SECONDS = 10

export interface Host {
  /**
   * Links what ships with the package, then starts everything enabled.
   * @throws SettingsError NAPP_DISABLED, or what `kytos/settings` failed with.
   */
  start(): Promise<void>
  /** Starts what was enabled and stops what was disabled since; happens by itself every second. */
  rescan(): Promise<void>
  /** Stops everything, in reverse, also while it still starts; never fails. */
  stop(): Promise<void>
  /** Ids of the NApps that run, in the order of their start. */
  readonly running: readonly string[]
  /** Aborts as soon as a stop begins. */
  readonly stopping: AbortSignal
  /**
   * Resolves once everything is stopped; rejects then when it was `kytos/settings` that gave up, with its
   * error.
   */
  readonly stopped: Promise<void>
}

export interface HostOptions {
  readonly config: Config
  readonly bus: RootBus
  readonly log: Log
  /** What comes with the package; found beside this module when absent. */
  readonly shipped?: readonly ShippedNApp[]
  /** Seconds a shutdown() may take; 10 when absent. */
  readonly shutdownTimeout?: number
  /** The environment variables of the process; none when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export function createHost(options: HostOptions): Host {
  return new NAppHost(options)
}

class NAppHost implements Host {
  readonly #options: HostOptions
  readonly #log: Log
  readonly #root: string
  readonly #running = new Map<string, RunningNApp>()
  /** Stamps of NApps that failed for good: they wait for a new one. */
  readonly #failed = new Map<string, string>()
  readonly #loads = new Map<string, number>()
  /** What was said last, by topic. */
  readonly #reported = new Map<string, readonly string[]>()
  readonly #stopping = new AbortController()
  #markStarted = (): void => {}
  readonly #started = new Promise<void>(resolve => {
    this.#markStarted = resolve
  })
  #queue: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  readonly stopped: Promise<void>
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve() {}, reject() {} }
  #fatal: SettingsError | undefined

  constructor(options: HostOptions) {
    this.#options = options
    this.stopped = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever waits for it hears of it; nobody has to.
    this.stopped.catch(() => {})
    this.#log = options.log
    this.#root = options.config.daemon.napps
  }

  get running(): readonly string[] {
    return [...this.#running.keys()]
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  start(): Promise<void> {
    return this.#enqueue(async () => {
      const shipped = this.#options.shipped ?? (await shippedNApps())
      for (const remark of await linkShipped(
        this.#root,
        this.#options.config.daemon.napps_pre_installed,
        shipped,
      ))
        this.#log.warn(remark)
      const { wanted, problems } = await this.#scan()
      const settings = wanted.find(napp => napp.id === SETTINGS_NAPP)
      if (!settings) throw await settingsMissing(this.#options.config, problems.get(SETTINGS_NAPP))
      await this.#startOne(settings)
      this.#options.bus.announce('kytos/settings.loaded', {})
      await this.#startAll(wanted.filter(napp => napp !== settings))
      this.#markStarted()
      this.#scheduleScan()
    })
  }

  rescan(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#stopping.signal.aborted || !this.#running.has(SETTINGS_NAPP)) return
      const { wanted, problems } = await this.#scan()
      const stamps = new Map(wanted.map(napp => [napp.id, napp.stamp]))
      const stale = [...this.#running.values()].filter(
        ({ found: { id, stamp } }) => !problems.has(id) && stamps.get(id) !== stamp,
      )
      const hasSettings = stale.some(({ found }) => found.id === SETTINGS_NAPP)
      this.#report(
        SETTINGS_NAPP,
        hasSettings
          ? [
              `${SETTINGS_NAPP} was disabled or replaced. All NApps depend on it, so the change takes effect at the next start.`,
            ]
          : [],
      )
      for (const { found, stop } of stale.reverse())
        if (found.id !== SETTINGS_NAPP) await this.#stopOne(found.id, stop)
      for (const id of this.#failed.keys()) if (!stamps.has(id)) this.#failed.delete(id)
      await this.#startAll(
        wanted.filter(({ id, stamp }) => !this.#running.has(id) && this.#failed.get(id) !== stamp),
      )
    })
  }

  stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    return this.#enqueue(async () => {
      for (const { found, stop } of [...this.#running.values()].reverse()) await this.#stopOne(found.id, stop)
      if (this.#fatal) this.#settle.reject(this.#fatal)
      else this.#settle.resolve()
    })
  }

  #abort(error: SettingsError): void {
    this.#fatal ??= error
    // Never fails; how it ends is told by `stopped`.
    void this.stop()
  }

  /**
   * What is enabled, in order of start, and what wants to be and is broken. Says each problem once, and again
   * when it was away in between.
   */
  async #scan(): Promise<{ wanted: readonly FoundNApp[]; problems: ReadonlyMap<string, SettingsError> }> {
    const { napps, broken } = await discover(this.#root)
    const enabled = new Map(napps.filter(napp => napp.enabled).map(napp => [napp.id, napp]))
    const candidates = [...enabled.values()].map(
      ({ id, manifest: { priority, napp_dependencies = [] } }) => ({
        id,
        priority,
        dependencies: napp_dependencies,
      }),
    )
    const { ids, problems } = orderNApps(candidates)
    const brokenEnabled = broken.filter(napp => napp.enabled)
    this.#report('folder', [
      ...brokenEnabled.map(napp => napp.error.message),
      ...problems.map(describeProblem),
    ])
    return {
      wanted: ids.flatMap(id => enabled.get(id) ?? []),
      problems: new Map(brokenEnabled.map(napp => [napp.id, napp.error])),
    }
  }

  /** Starts one after another; those that fail are reported and left out. */
  async #startAll(napps: readonly FoundNApp[]): Promise<void> {
    for (const found of napps) {
      if (this.#stopping.signal.aborted) return
      try {
        await this.#startOne(found)
        this.#options.bus.emit(`${found.id}.loaded`)
      } catch (error) {
        this.#recordFailure(found, error)
      }
    }
  }

  async #startOne(found: FoundNApp): Promise<void> {
    const { bus, config, shutdownTimeout = SHUTDOWN_TIMEOUT_SECONDS, env = {} } = this.#options
    const loads = this.#loads.get(found.id) ?? 0
    const context = {
      bus,
      config,
      env,
      started: this.#started,
      log: this.#log,
      signal: this.#stopping.signal,
      shutdownTimeout,
      loads,
    }
    const running = await startNApp(found, { ...context, abort: error => this.#abort(error) })
    this.#running.set(found.id, running)
    this.#failed.delete(found.id)
    this.#reported.delete(found.id)
    this.#log.info(
      `Started ${found.id}${found.manifest.version === undefined ? '' : ` ${found.manifest.version}`}.`,
    )
  }

  async #stopOne(id: string, stop: RunningNApp['stop']): Promise<void> {
    this.#running.delete(id)
    await stop()
    this.#countLoad(id)
    this.#log.info(`Stopped ${id}.`)
  }

  /** A NApp that may succeed later is tried again by the next scan, any other one once its folder changes. */
  #recordFailure({ id, stamp }: FoundNApp, error: unknown): void {
    if (this.#stopping.signal.aborted) return
    const reason = reasonOf(error).replace(/\.$/, '')
    if (isSettingsError(error) && error.retryable) {
      this.#report(id, [`${id} cannot start yet: ${reason}. Retrying every second.`])
      return
    }
    this.#failed.set(id, stamp)
    this.#countLoad(id)
    this.#log.error(`${id} failed to start: ${reason}. It is retried when its ${MANIFEST} is saved again.`)
  }

  #countLoad(id: string): void {
    this.#loads.set(id, (this.#loads.get(id) ?? 0) + 1)
  }

  /** Warns of every problem that was not one when this topic came up last. */
  #report(topic: string, problems: readonly string[]): void {
    const before = this.#reported.get(topic) ?? []
    for (const problem of problems) if (!before.includes(problem)) this.#log.warn(problem)
    this.#reported.set(topic, problems)
  }

  #scheduleScan(): void {
    if (this.#stopping.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.rescan()
        .then(() => this.#report('scan', []))
        .catch(error => this.#report('scan', [reasonOf(error)]))
        .finally(() => this.#scheduleScan())
    }, SCAN_INTERVAL_MS)
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work)
    // Whoever asked for the work hears of its failure; the next one in line only waits for it.
    this.#queue = done.catch(() => {})
    return done
  }
}
