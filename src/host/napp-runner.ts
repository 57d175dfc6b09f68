import { isSettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import { MANIFEST, SETTINGS_NAPP } from '../client/manifest.ts'
import { unlessAborted, within } from './deadline.ts'
import type { FoundNApp } from './discover.ts'
import { describeFailure } from './failure-place.ts'
import { type LoadedNApp, loadNApp } from './load-napp.ts'
import { NAppStates } from './napp-states.ts'
import type { ProblemLog } from './problem-log.ts'
import { type PreparedNApp, prepareNApp, type RunContext, type RunningNApp } from './running-napp.ts'
import type { Scan } from './scan-napps.ts'

/*
 * Starts, stops and replaces single NApps; the host calls one method after the other.
 *
 * Invariants:
 *  1. A call ends: import, setup() and shutdown() of a NApp have limits; the first two of `kytos/settings`
 *     have none, because it waits for the store, which has its own.
 *  2. At most one version of a NApp is between its setup() and its shutdown().
 *  3. A running NApp is stopped for a new version only once that version is loaded and registered. If its
 *     setup() fails, the previous version is started again from memory.
 *  4. Each NApp has its state in `states` from the scan that finds it to the scan that misses it.
 *  5. A version that failed is started again only when its stamp changes; a start that failed for a
 *     retryable reason, at every scan, unless a running NApp would be stopped for it.
 */
export class NAppRunner {
  readonly states = new NAppStates()
  readonly #context: RunContext
  readonly #problems: ProblemLog
  /** In the order of the starts. */
  readonly #running = new Map<string, RunningNApp>()
  /** The stamps of NApps that failed permanently. */
  readonly #failed = new Map<string, string>()
  /** NApps whose start is retried, so that a retry loads no further copy of their modules. */
  readonly #retried = new Map<string, LoadedNApp>()
  readonly #loads = new Map<string, number>()

  constructor(context: RunContext, problems: ProblemLog) {
    this.#context = context
    this.#problems = problems
  }

  get running(): ReadonlyMap<string, RunningNApp> {
    return this.#running
  }

  /** True for a NApp that is to be started: it neither runs in this version nor failed in it. */
  isDue({ id, stamp }: FoundNApp): boolean {
    return this.#running.get(id)?.loaded.found.stamp !== stamp && this.#failed.get(id) !== stamp
  }

  /** Takes over a scan: forgets NApps that are not enabled any more, and notes broken manifests. */
  see({ wanted, broken }: Scan): void {
    const enabled = new Map(wanted.map(found => [found.id, found]))
    for (const known of [this.#failed, this.#retried])
      for (const id of known.keys()) if (!enabled.has(id)) known.delete(id)
    this.states.keep(new Set([...enabled.keys(), ...broken.keys(), ...this.#running.keys()]))
    for (const [id, { message }] of broken) {
      const version = this.#running.get(id)?.loaded.found.manifest.version ?? null
      const state = this.#running.has(id) ? 'running' : 'failed'
      this.states.set(id, { state, version, stamp: '', reason: message })
    }
    for (const [id, { loaded }] of this.#running) {
      // The manifest is that of the running version again, so there is no failed one.
      if (enabled.get(id)?.stamp === loaded.found.stamp) this.#runs(loaded.found)
    }
  }

  /** Starts `kytos/settings`. @throws the error of its start. */
  async startSettings(found: FoundNApp): Promise<void> {
    this.#waits(found)
    await this.#start(await this.#load(found))
  }

  /** Starts a NApp, in the place of its running version if there is one; a failure is reported. */
  async start(found: FoundNApp): Promise<void> {
    const previous = this.#running.get(found.id)
    if (previous) return this.#replace(previous, found)
    try {
      await this.#start(await this.#load(found))
      this.#context.bus.emit(`${found.id}.loaded`)
    } catch (error) {
      this.#recordFailure(found, error)
    }
  }

  /** Stops a running NApp; never fails. */
  async stop(id: string): Promise<void> {
    const running = this.#running.get(id)
    this.#running.delete(id)
    await running?.stop()
    this.states.remove(id)
    this.#context.log.info(`Stopped ${id}.`)
  }

  /** Shows NApps that are to be started as such, before their turn. */
  announce(napps: readonly FoundNApp[]): void {
    for (const found of napps) if (!this.#running.has(found.id)) this.#waits(found)
  }

  #runs({ id, stamp, manifest }: FoundNApp): void {
    this.states.set(id, { state: 'running', version: manifest.version ?? null, stamp, reason: null })
  }

  #waits({ id, stamp, manifest }: FoundNApp): void {
    this.states.waits(id, manifest.version, stamp)
  }

  async #load(found: FoundNApp): Promise<LoadedNApp> {
    const { id, stamp } = found
    const retried = this.#retried.get(id)
    if (retried?.found.stamp === stamp) return retried
    const loads = this.#loads.get(id) ?? 0
    this.#loads.set(id, loads + 1)
    const { signal, config } = this.#context
    const limit = config.settings.setup_timeout
    const loading = loadNApp(found, loads)
    return unlessAborted(
      // The process serves nothing without it, so a busy host must not end it.
      id === SETTINGS_NAPP
        ? loading
        : within(limit, loading, `its main file was not loaded within ${limit} s`),
      signal,
    )
  }

  async #start(loaded: LoadedNApp): Promise<void> {
    const { id } = loaded.found
    this.#retried.set(id, loaded)
    const prepared = await prepareNApp(loaded, this.#context)
    this.#started(await prepared.setup())
  }

  #started(running: RunningNApp): void {
    const { id, manifest } = running.loaded.found
    this.#running.set(id, running)
    this.#failed.delete(id)
    this.#retried.delete(id)
    this.#problems.forget(id)
    this.#runs(running.loaded.found)
    this.#context.log.info(`Started ${id}${manifest.version === undefined ? '' : ` ${manifest.version}`}.`)
  }

  async #replace(previous: RunningNApp, found: FoundNApp): Promise<void> {
    const { id } = found
    let prepared: PreparedNApp
    try {
      const loaded = await this.#load(found)
      this.#retried.set(id, loaded)
      prepared = await prepareNApp(loaded, this.#context)
    } catch (error) {
      this.#recordFailure(found, error)
      return
    }
    await this.stop(id)
    this.#waits(found)
    try {
      this.#started(await prepared.setup())
      this.#context.bus.emit(`${id}.loaded`)
    } catch (error) {
      await this.#restart(previous.loaded, found, error)
    }
  }

  /** Starts the previous version of a NApp, because the setup() of the new one failed with `cause`. */
  async #restart(previous: LoadedNApp, found: FoundNApp, cause: unknown): Promise<void> {
    if (this.#context.signal.aborted) return
    try {
      await this.#start(previous)
      this.#failed.set(found.id, found.stamp)
      this.#recordFailure(found, cause, true)
    } catch (error) {
      if (!this.#context.signal.aborted)
        this.#context.log.error(`The previous version of ${found.id} failed, too: ${reasonOf(error)}`)
      this.#retried.delete(found.id)
      this.#recordFailure(found, cause)
    }
  }

  /**
   * Reports a failed start. A retryable failure is retried by the next scan; any other one, and one that is
   * `final`, when the NApp's stamp changes.
   */
  #recordFailure({ id, stamp, folder, manifest }: FoundNApp, error: unknown, final = false): void {
    if (this.#context.signal.aborted) return
    const reason = describeFailure(folder, error)
    const previous = this.#running.get(id)
    const isRetried = !final && isSettingsError(error) && error.retryable
    const version = manifest.version ?? null
    if (previous) {
      const runs = previous.loaded.found.manifest.version ?? null
      this.states.set(id, { state: 'running', version: runs, stamp, reason: describe(version, reason) })
    } else this.states.set(id, { state: isRetried ? 'starting' : 'failed', version, stamp, reason })
    const what = previous
      ? `The new version of ${id} failed to start; the previous version runs: ${reason}.`
      : `${id} ${isRetried ? 'cannot start yet' : 'failed to start'}: ${reason}.`
    if (isRetried) {
      this.#problems.report(id, [`${what} Retrying every second.`])
      return
    }
    this.#failed.set(id, stamp)
    this.#retried.delete(id)
    this.#context.log.error(`${what} It is retried when its ${MANIFEST} is saved again.`)
  }
}

/** The reason that a new version does not run. */
function describe(version: string | null, reason: string): string {
  return `${version === null ? 'The new version' : `Version ${version}`} failed to start: ${reason}`
}
