import { join } from 'node:path'
import type { RootBus } from '../../events/event.ts'
import type { NAppStatus } from '../../events/nouns.ts'
import type { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import type { Config } from '../boot/config.ts'
import { requireTrusted } from '../boot/trust.ts'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import type { Log } from '../log/log.ts'
import { type FoundNApp, INSTALLED } from './discover.ts'
import { NAppRunner } from './napp-runner.ts'
import { ProblemLog } from './problem-log.ts'
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
 *  4. After a scan, the running NApps are the enabled ones, without those reported as broken or failed; a
 *     running NApp whose manifest breaks, or whose new version fails, keeps running.
 *  5. A scan ends: each NApp has limits (napp-runner.ts).
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
  /** The state of each enabled NApp, in the order of the ids. */
  napps(): readonly NAppStatus[]
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
  readonly #runner: NAppRunner
  readonly #problems: ProblemLog
  readonly #stopping = new AbortController()
  #markStarted = (): void => {}
  #queue: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  readonly stopped: Promise<void>
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve() {}, reject() {} }
  #fatal: SettingsError | undefined

  constructor(options: HostOptions) {
    const { bus, config, log, env = {}, shutdownTimeout = SHUTDOWN_TIMEOUT_SECONDS } = options
    this.#options = options
    this.stopped = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // A rejection without a listener must not end the process.
    this.stopped.catch(() => {})
    this.#log = log
    this.#problems = new ProblemLog(log)
    this.#root = config.daemon.napps
    const started = new Promise<void>(resolve => {
      this.#markStarted = resolve
    })
    const { signal } = this.#stopping
    const abort = (error: SettingsError): void => this.#abort(error)
    const napps = (): readonly NAppStatus[] => this.napps()
    const context = { bus, config, log, env, shutdownTimeout, started, signal, abort, napps }
    this.#runner = new NAppRunner(context, this.#problems)
  }

  get running(): readonly string[] {
    return [...this.#runner.running.keys()]
  }

  napps(): readonly NAppStatus[] {
    return this.#runner.states.list()
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
      const others = wanted.filter(napp => napp !== settings)
      this.#runner.announce(others)
      await this.#runner.startSettings(settings)
      this.#options.bus.announce('kytos/settings.loaded', {})
      await this.#startAll(others)
      this.#markStarted()
      this.#scheduleScan()
    })
  }

  rescan(): Promise<void> {
    return this.#enqueue(async () => {
      const { running } = this.#runner
      if (this.#stopping.signal.aborted || !running.has(SETTINGS_NAPP)) return
      const { wanted, broken } = await this.#scan()
      const stamps = new Map(wanted.map(napp => [napp.id, napp.stamp]))
      const settings = running.get(SETTINGS_NAPP)?.loaded.found
      const isSettingsStale = !broken.has(SETTINGS_NAPP) && settings?.stamp !== stamps.get(SETTINGS_NAPP)
      this.#problems.report(SETTINGS_NAPP, isSettingsStale ? [SETTINGS_CHANGED] : [])
      const others = [...running.keys()].filter(id => id !== SETTINGS_NAPP)
      for (const id of others.reverse()) if (!stamps.has(id) && !broken.has(id)) await this.#runner.stop(id)
      await this.#startAll(wanted.filter(found => found.id !== SETTINGS_NAPP && this.#runner.isDue(found)))
    })
  }

  stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    return this.#enqueue(async () => {
      for (const id of [...this.#runner.running.keys()].reverse()) await this.#runner.stop(id)
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
    this.#runner.see(scan)
    return scan
  }

  /** Starts the NApps one after another; a NApp that fails is reported and skipped. */
  async #startAll(napps: readonly FoundNApp[]): Promise<void> {
    this.#runner.announce(napps)
    for (const found of napps) {
      if (this.#stopping.signal.aborted) return
      await this.#runner.start(found)
    }
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
