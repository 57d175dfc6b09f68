import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import type { Heard, Listener } from './history.ts'
import type { Random } from './random.ts'
import type { Player } from './stage.ts'

/**
 * A reader of Server-Sent Events that loses its line, is slow at times, and resumes from the last id it has.
 */
export interface SseReader {
  readonly listener: Listener
  /** Resolves once it has an id to resume from. */
  readonly begun: Promise<void>
  /** Resolves once it heard what it was told to wait for. */
  heard(holds: (heard: Heard) => boolean, signal: AbortSignal): Promise<void>
  /** @throws Error what ended it before, such as an event that is malformed. */
  stop(): Promise<void>
}

/** Begins to connect to a controller, again and again until it is stopped. */
export function createSseReader(player: Player, name: string, random: Random): SseReader {
  return new Reader(player, name, random)
}

class EventMalformed extends Error {}

class Reader implements SseReader {
  readonly begun: Promise<void>
  readonly #player: Player
  readonly #name: string
  readonly #random: Random
  readonly #heard: Heard[] = []
  readonly #end = new AbortController()
  readonly #running: Promise<void>
  readonly #wakes = new Set<() => void>()
  #since: string | undefined
  #lastId: string | undefined

  constructor(player: Player, name: string, random: Random) {
    this.#player = player
    this.#name = name
    this.#random = random
    this.begun = new Promise(resolve => this.#wakes.add(resolve))
    this.#running = this.#run()
    // stop() reports what ended it.
    this.#running.catch(() => undefined)
  }

  get listener(): Listener {
    return {
      name: this.#name,
      controller: this.#player.id,
      kind: 'sse',
      since: this.#since,
      heard: this.#heard,
      lasted: true,
    }
  }

  async heard(holds: (heard: Heard) => boolean, signal: AbortSignal): Promise<void> {
    let seen = 0
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener(
        'abort',
        () => reject(new Error(`${this.#name} has not heard it after its id ${this.#lastId}.`)),
        { once: true },
      )
    })
    // Nobody waits for it any more once the reader has heard it.
    late.catch(() => {})
    for (;;) {
      while (seen < this.#heard.length) if (holds(this.#heard[seen++] as Heard)) return
      await Promise.race([late, new Promise<void>(resolve => this.#wakes.add(resolve))])
    }
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#end.signal.aborted) {
      const response = await this.#connect()
      if (response?.statusCode === 200) await this.#read(response)
      else response?.destroy()
      await sleep(this.#random.between(10, 300))
    }
  }

  /** Undefined when nobody answers. */
  #connect(): Promise<IncomingMessage | undefined> {
    return new Promise(resolve => {
      const headers = {
        accept: 'text/event-stream',
        ...(this.#lastId !== undefined && { 'last-event-id': this.#lastId }),
      }
      const request = get(`${this.#player.url}/api/kytos/settings/v1/events`, {
        headers,
        agent: false,
        signal: this.#end.signal,
      })
      request.once('response', resolve).once('error', () => resolve(undefined))
    })
  }

  async #read(response: IncomingMessage): Promise<void> {
    // It hangs up by itself some time, as a browser on a train does.
    const hangUp = setTimeout(() => response.destroy(), this.#random.between(200, 8_000))
    response.setEncoding('utf8')
    let text = ''
    try {
      for await (const chunk of response) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#take(block)
        this.#wake()
        if (this.#random.chance(0.02)) await sleep(this.#random.between(0, 400))
      }
    } catch (error) {
      // A line that was cut is what this reader is for; it connects again.
      if (error instanceof EventMalformed) throw error
    } finally {
      clearTimeout(hangUp)
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    )
    this.#lastId = fields.get('id') ?? this.#lastId
    this.#since ??= this.#lastId
    const [name, data] = [fields.get('event'), fields.get('data')]
    if (name === undefined || data === undefined) return
    const event = parseJson(data)
    const content = isObject(event) ? event.content : undefined
    if (!isObject(content))
      throw new EventMalformed(`${this.#name} was sent an event without content: ${data.slice(0, 200)}`)
    this.#heard.push({ name, content, at: process.hrtime.bigint() })
  }

  #wake(): void {
    for (const wake of this.#wakes) wake()
    this.#wakes.clear()
  }
}
