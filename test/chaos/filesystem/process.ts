import { type ChildProcess, fork } from 'node:child_process'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { isObject, type Json, type JsonObject, toJson } from '../../../model/value.ts'
import type { Heard, Listener } from '../history.ts'
import { PlayerGone, type TokenDesk } from '../stage.ts'
import type { Assignment, Order, Report, Status, Trouble } from './messages.ts'
import { compileChild } from './program.ts'

const RUNNING = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of RUNNING) child.kill('SIGKILL')
})

/** How much of what a process prints is kept, in characters. */
const OUTPUT = 8_192

interface Waiting {
  readonly resolve: (value: Json) => void
  readonly reject: (error: Error) => void
}

/** One process, from its start to its death. */
export class ControllerProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #heard: Heard[] = []
  /** Resolves when it waits for orders, rejects when it ends before. */
  readonly warm: Promise<void>
  /** Resolves once it is gone. */
  readonly ended: Promise<void>
  #settleWarm: Waiting | undefined
  #settleOpen: Waiting | undefined
  #known: string | undefined
  #output = ''
  #count = 0
  #gone = false

  /** Forks a process that loads everything and waits for its first order. */
  static async fork(): Promise<ControllerProcess> {
    return new ControllerProcess(
      fork(await compileChild(), {
        execArgv: ['--enable-source-maps'],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      }),
    )
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    RUNNING.add(child)
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    this.warm = new Promise<Json>((resolve, reject) => {
      this.#settleWarm = { resolve, reject }
    }).then(() => undefined)
    // Who waits for it is told; nobody has to.
    this.warm.catch(() => undefined)
    this.ended = new Promise(resolve => child.once('exit', () => resolve()))
    void this.ended.then(() => this.#end())
    // Reports are typed where they are sent.
    child.on('message', report => this.#take(report as Report))
    // A message to a process that is dying; what it was about ends with the process.
    child.on('error', () => undefined)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get gone(): boolean {
    return this.#gone
  }

  /** How it ended and what it printed last, for people. */
  get obituary(): string {
    return `Process ${this.pid} ended with ${this.#child.signalCode ?? this.#child.exitCode}: ${this.#output.trim().slice(-2_000)}`
  }

  /** True when it was killed; false while it runs, and when it ended by itself. */
  get killed(): boolean {
    return this.#child.signalCode === 'SIGKILL'
  }

  /**
   * Begins its work; resolves when its service has started.
   * @throws SettingsError why it has not; {@link PlayerGone}.
   */
  async start(assignment: Assignment): Promise<void> {
    await this.warm
    await new Promise<Json>((resolve, reject) => {
      this.#settleOpen = { resolve, reject }
      this.#send({ type: 'start', assignment })
    })
  }

  async ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>> {
    // The answer is what the bus of the process gave, whose table of commands is the same.
    return (await this.#order(id => ({
      type: 'ask',
      id,
      name,
      content: printJson(toJson(content)),
    }))) as unknown as CommandAnswer<N>
  }

  /** One act at its token desk. */
  async token<A extends keyof TokenDesk>(
    act: A,
    argument: string,
  ): Promise<Awaited<ReturnType<TokenDesk[A]>>> {
    // It was printed from what the desk gave.
    return (await this.#order(id => ({ type: 'token', id, act, argument }))) as unknown as Awaited<
      ReturnType<TokenDesk[A]>
    >
  }

  async status(): Promise<Status> {
    // It was printed from a Status.
    return (await this.#order(id => ({ type: 'status', id }))) as unknown as Status
  }

  /** The disk of the process fails like this from now on. */
  async trouble(trouble: Trouble | undefined): Promise<void> {
    await this.#order(id => ({ type: 'trouble', id, ...(trouble && { trouble }) }))
  }

  /** Opens a store beside its owner. @throws SettingsError why that was refused, as it has to be. */
  async intrude(store: string): Promise<void> {
    await this.warm
    await this.#order(id => ({ type: 'intrude', id, store }))
  }

  /** Has it die in place of a step to come. */
  doom(steps: number, share: number): void {
    this.#send({ type: 'doom', steps, share })
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** Ends it as `kill -9` does; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }

  listener(name: string, controller: string): Listener {
    return { name, controller, kind: 'bus', since: this.#known, heard: this.#heard, lasted: !this.#gone }
  }

  #order(make: (id: number) => Order): Promise<Json> {
    if (this.#gone) return Promise.reject(new PlayerGone(`Process ${this.pid} is gone.`))
    return new Promise((resolve, reject) => {
      const id = ++this.#count
      this.#waiting.set(id, { resolve, reject })
      this.#send(make(id))
    })
  }

  #send(order: Order): void {
    // A process that is gone is told of by its end.
    if (this.#child.connected) this.#child.send(order, () => undefined)
  }

  #take(report: Report): void {
    if (report.type === 'warm') this.#settleWarm?.resolve(null)
    else if (report.type === 'known') this.#known = report.cursor
    else if (report.type === 'open') this.#settleOpen?.resolve(null)
    else if (report.type === 'failed') this.#settleOpen?.reject(errorOf(report.code, report.message, {}))
    else if (report.type === 'heard')
      this.#heard.push({ name: report.name, content: objectOf(report.content), at: BigInt(report.at) })
    else {
      const waiting = this.#waiting.get(report.id)
      this.#waiting.delete(report.id)
      if (report.type === 'answer') waiting?.resolve(parseJson(report.text))
      else waiting?.reject(errorOf(report.code, report.message, objectOf(report.details)))
    }
  }

  #end(): void {
    this.#gone = true
    RUNNING.delete(this.#child)
    const error = new PlayerGone(this.obituary)
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#settleWarm?.reject(error)
    this.#settleOpen?.reject(error)
  }
}

function objectOf(text: string): JsonObject {
  const value = parseJson(text)
  if (!isObject(value)) throw new Error(`This is no object: ${text.slice(0, 200)}`)
  return value
}

function errorOf(code: string, message: string, details: JsonObject): SettingsError {
  // A code that is not in the table cannot come from a SettingsError.
  return new SettingsError(code in ERRORS ? (code as ErrorCode) : 'INTERNAL_ERROR', message, { details })
}
