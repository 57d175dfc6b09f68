import { join } from 'node:path'
import type { RootBus } from '../../events/event.ts'
import { isSettingsError, type SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import type { Config } from '../boot/config.ts'
import { requireTrusted } from '../boot/trust.ts'
import { MANIFEST, SETTINGS_NAPP } from '../client/manifest.ts'
import type { Log } from '../log/log.ts'
import { type FoundNApp, INSTALLED } from './discover.ts'
import { ProblemLog } from './problem-log.ts'
import { type RunningNApp, startNApp } from './running-napp.ts'
import { type Scan, scanNApps } from './scan-napps.ts'
import { settingsMissing } from './settings-missing.ts'
import { linkShipped, type ShippedNApp, shippedNApps } from './shipped.ts'

/*
 * The host starts, supervises and stops NApps.
 *
 * Invariants:
 *  1. `kytos/settings` is started first and stopped last; without it no other NApp is started.
 *  2. Starts and stops are serialized: no NApp is started or stopped while another one is, regardless of
 *     concurrent changes in the folder.
 *  3. NApps are stopped in the reverse order of their start, each once. A failure of one NApp prevents no
 *     other NApp from being started or stopped.
 *  4. After a scan, the running NApps are the enabled ones, without those reported as broken; a running NApp
 *     whose manifest breaks keeps running.
 */

const SCAN_INTERVAL_MS = 1_000
const SHUTDOWN_TIMEOUT_SECONDS = 10
const SETTINGS_CHANGED =
  `${SETTINGS_NAPP} was disabled or replaced. All NApps depend on it, ` +
  'so the change takes effect at the next start.'

export interface Host {
  /**
   * Links the NApps that ship with the package, then starts all enabled NApps.
   * @throws SettingsError NAPP_DISABLED, or the error of `kytos/settings`.
   */
  start(): Promise<void>
  /** Starts NApps that were enabled and stops those that were disabled since; also runs every second. */
  rescan(): Promise<void>
  /** Stops all NApps in reverse order, also during a start; never fails. */
  stop(): Promise<void>
  /** The ids of the running NApps, in the order of their start. */
  readonly running: readonly string[]
  /** Aborts when a stop begins. */
  readonly stopping: AbortSignal
  /**
   * Settles once all NApps are stopped: rejects with the error of `kytos/settings` if that NApp aborted the
   * host, otherwise resolves.
   */
  readonly stopped: Promise<void>
}

export interface HostOptions {
  readonly config: Config
  readonly bus: RootBus
  readonly log: Log
  /** The NApps that ship with the package; found beside this module when absent. */
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
  /** The stamps of NApps that failed permanently: each is retried when its stamp changes. */
  readonly #failed = new Map<string, string>()
  readonly #loads = new Map<string, number>()
  readonly #problems: ProblemLog
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
    // A rejection without a listener must not end the process.
    this.stopped.catch(() => {})
    this.#log = options.log
    this.#problems = new ProblemLog(options.log)
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
      // The code of NApps runs in this process.
      for (const folder of [this.#root, join(this.#root, INSTALLED)])
        await requireTrusted(folder, `The NApps of ${this.#root} are not started`)
      const shipped = this.#options.shipped ?? (await shippedNApps())
      for (const remark of await linkShipped(
        this.#root,
        this.#options.config.daemon.napps_pre_installed,
        shipped,
      ))
        this.#log.warn(remark)
      const { wanted, broken } = await this.#scan()
      const settings = wanted.find(napp => napp.id === SETTINGS_NAPP)
      if (!settings) throw await settingsMissing(this.#options.config, broken.get(SETTINGS_NAPP))
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
      const { wanted, broken } = await this.#scan()
      const stamps = new Map(wanted.map(napp => [napp.id, napp.stamp]))
      const stale = [...this.#running.values()].filter(
        ({ found: { id, stamp } }) => !broken.has(id) && stamps.get(id) !== stamp,
      )
      const hasSettings = stale.some(({ found }) => found.id === SETTINGS_NAPP)
      this.#problems.report(SETTINGS_NAPP, hasSettings ? [SETTINGS_CHANGED] : [])
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
    // Not awaited: it never fails, and `stopped` reports its end.
    void this.stop()
  }

  /** Scans the tree and reports its problems. */
  async #scan(): Promise<Scan> {
    const scan = await scanNApps(this.#root)
    this.#problems.report('folder', scan.messages)
    return scan
  }

  /** Starts the NApps one after another; a NApp that fails is reported and skipped. */
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
    this.#problems.forget(found.id)
    this.#log.info(
      `Started ${found.id}${found.manifest.version === undefined ? '' : ` ${found.manifest.version}`}.`,
    )
  }

  async #stopOne(id: string, stop: RunningNApp['stop']): Promise<void> {
    this.#running.delete(id)
    await stop()
    this.#discardModules(id)
    this.#log.info(`Stopped ${id}.`)
  }

  /** A retryable failure is retried by the next scan; any other one when the NApp's stamp changes. */
  #recordFailure({ id, stamp }: FoundNApp, error: unknown): void {
    if (this.#stopping.signal.aborted) return
    const reason = reasonOf(error).replace(/\.$/, '')
    if (isSettingsError(error) && error.retryable) {
      this.#problems.report(id, [`${id} cannot start yet: ${reason}. Retrying every second.`])
      return
    }
    this.#failed.set(id, stamp)
    this.#discardModules(id)
    this.#log.error(`${id} failed to start: ${reason}. It is retried when its ${MANIFEST} is saved again.`)
  }

  #discardModules(id: string): void {
    this.#loads.set(id, (this.#loads.get(id) ?? 0) + 1)
  }

  #scheduleScan(): void {
    if (this.#stopping.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.rescan()
        .then(() => this.#problems.report('scan', []))
        .catch(error => this.#problems.report('scan', [reasonOf(error)]))
        .finally(() => this.#scheduleScan())
    }, SCAN_INTERVAL_MS)
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work)
    // The caller gets a failure of its work; later work only waits for its end.
    this.#queue = done.catch(() => {})
    return done
  }
}
