import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { isSettingsError } from '../../../model/errors.ts'
import type { Listener } from '../history.ts'
import { type Player, PlayerGone, type TokenDesk } from '../stage.ts'
import { missedLogs } from './archive.ts'
import type { Assignment } from './messages.ts'
import { ControllerProcess } from './process.ts'

/** How long (ms) a command waits for a process that is just starting. */
const PATIENCE = 5_000
/** How long (ms) a process may take until its service has started, failures of the disk included. */
const START = 60_000

/** What a controller is started with over and over; the seed is chosen anew for each process. */
export interface Place {
  readonly journal: string
  readonly assignment: () => Assignment
}

/**
 * One controller over many processes. The next process is loaded while the one before works, so that a
 * restart takes a fraction of a second. What went wrong that no fault explains is in `errors`.
 */
export class Controller implements Player {
  readonly id: string
  readonly url: string
  readonly errors: string[] = []
  readonly #place: Place
  readonly #lives: ControllerProcess[] = []
  #spare: Promise<ControllerProcess> | undefined
  #open: Promise<ControllerProcess> | undefined
  #kills = 0
  #closed = false

  constructor(id: string, port: number, place: Place) {
    this.id = id
    this.url = `http://127.0.0.1:${port}`
    this.#place = place
  }

  /** How many of its processes were killed. */
  get kills(): number {
    return this.#kills
  }

  /** No process is at work. */
  get down(): boolean {
    return this.#lives.at(-1)?.gone ?? true
  }

  /** The process at work. @throws PlayerGone when there is none. */
  get process(): ControllerProcess {
    const last = this.#lives.at(-1)
    if (!last || last.gone) throw new PlayerGone(`${this.id} is down.`)
    return last
  }

  get listeners(): readonly Listener[] {
    return this.#lives.map((life, at) => life.listener(`${this.id} bus ${at + 1}`, this.id))
  }

  readonly tokens: TokenDesk = {
    make: async name => (await this.#ready()).token('make', name),
    revoke: async id => (await this.#ready()).token('revoke', id),
    check: async token => (await this.#ready()).token('check', token),
  }

  async ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>> {
    return (await this.#ready()).ask(name, content)
  }

  /** The process at work, or the one that is just starting. */
  async #ready(): Promise<ControllerProcess> {
    const late = new AbortController()
    const patience = sleep(PATIENCE, undefined, { signal: late.signal }).then(() => {
      throw new PlayerGone(`${this.id} is down.`)
    })
    patience.catch(() => undefined)
    return Promise.race([this.#open ?? patience, patience]).finally(() => late.abort())
  }

  /** The process that is to be next, loaded but without a task. */
  spare(): Promise<ControllerProcess> {
    this.#spare ??= ControllerProcess.fork()
    return this.#spare
  }

  /**
   * Lets the next process begin; resolves when its service has started. A store that cannot be opened for
   * want of room or rights is tried again.
   */
  async start(): Promise<void> {
    this.#open = this.#start()
    // Commands wait for it, too; its failure is told here.
    this.#open.catch(() => undefined)
    await this.#open
  }

  /** Kills the process at work, if any; resolves when it is gone. */
  async kill(): Promise<void> {
    const last = this.#lives.at(-1)
    this.#open = undefined
    if (!last || last.gone) return
    await last.kill()
    this.#kills++
    this.#checkArchive()
  }

  /** Waits for the process to die of what was prepared for it; kills it when it lives on. */
  async doomed(steps: number, share: number, within: number): Promise<void> {
    const life = this.process
    life.doom(steps, share)
    const late = new AbortController()
    await Promise.race([life.ended, sleep(within, undefined, { signal: late.signal })])
    late.abort()
    this.#open = undefined
    if (!life.gone) await life.kill()
    this.#kills++
    this.#checkArchive()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(
      [...this.#lives, ...(this.#spare ? [await this.#spare] : [])].map(life =>
        life.gone ? undefined : life.kill(),
      ),
    )
  }

  async #start(): Promise<ControllerProcess> {
    for (const begun = performance.now(); ; await sleep(100)) {
      const life = await this.spare()
      this.#spare = undefined
      this.#lives.push(life)
      this.#checkArchive()
      try {
        await life.start(this.#place.assignment())
        this.#watchOver(life)
        void this.spare()
        return life
      } catch (error) {
        await life.ended
        const bearable =
          isSettingsError(error, 'STORE_UNWRITABLE', 'STORE_FULL') && performance.now() - begun < START
        if (bearable && !this.#closed) continue
        if (!life.killed) this.errors.push(`${this.id} did not start: ${String(error)}. ${life.obituary}`)
        throw error
      }
    }
  }

  /** A process ends because it is killed, and for nothing else. */
  #watchOver(life: ControllerProcess): void {
    void life.ended.then(() => {
      if (life.killed || this.#closed) return
      this.#open = undefined
      this.errors.push(`${this.id} ended by itself. ${life.obituary}`)
    })
  }

  #checkArchive(): void {
    const { journal, assignment } = this.#place
    for (const path of missedLogs(journal, assignment().archive))
      this.errors.push(`${path} has no second name in the archive: the truth may not be whole.`)
  }
}
