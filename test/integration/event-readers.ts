import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { compareCursors, parseCursor } from '../../model/cursor.ts'
import { parseJson } from '../../model/json.ts'
import { equalJson, type Json, type JsonObject } from '../../model/value.ts'
import { openRemoteBus } from '../../src/client/remote/remote-bus.ts'

/*
 * Readers that resume, and the checks of their facts: each fact follows the one before, and its `previous`
 * equals the known state, so that no fact can be missing, doubled or out of order. Only a snapshot may
 * replace the known state, and it never goes back.
 */

/** The state of one reader, built from its received facts. */
export interface EventReader {
  readonly name: string
  /** The settings of each namespace, by the received facts. */
  readonly known: ReadonlyMap<string, Json>
  /** Whether each box exists, for boxes with a fact since the last snapshot, which contains no boxes. */
  readonly boxes: ReadonlyMap<string, boolean>
  /** The last received cursor. */
  readonly cursor: string | undefined
  readonly changes: number
  readonly snapshots: number
  /** The violations, in sentences. */
  readonly faults: readonly string[]
}

class Judge implements EventReader {
  readonly name: string
  readonly known = new Map<string, Json>()
  readonly boxes = new Map<string, boolean>()
  readonly faults: string[] = []
  changes = 0
  snapshots = 0
  #cursor: string | undefined

  constructor(name: string) {
    this.name = name
  }

  take(name: string, content: JsonObject, cursor: string | undefined): void {
    if (name === 'settings.snapshot') this.#takeSnapshot(content, cursor)
    if (name === 'box.changed') this.#takeBox(content, cursor)
    if (name !== 'settings.changed') return
    this.changes++
    this.#place(cursor, 1)
    const namespace = String(content.namespace)
    const before = this.known.get(namespace) ?? {}
    if (!equalJson(content.previous, before))
      this.#fault(`${namespace} was ${print(before)}, but ${print(content.previous)} at ${cursor}`)
    this.known.set(namespace, content.data ?? null)
  }

  get cursor(): string | undefined {
    return this.#cursor
  }

  #takeBox({ namespace, box_id, kind }: JsonObject, cursor: string | undefined): void {
    this.#place(cursor, 1)
    const box = `${namespace}/${box_id}`
    if (this.boxes.get(box) === (kind === 'created')) this.#fault(`the box ${box} is ${kind} at ${cursor}`)
    this.boxes.set(box, kind !== 'deleted')
  }

  #takeSnapshot({ namespaces }: JsonObject, cursor: string | undefined): void {
    this.snapshots++
    this.#place(cursor, 0)
    this.known.clear()
    this.boxes.clear()
    for (const [namespace, settings] of Object.entries(Object(namespaces)))
      this.known.set(namespace, Object(settings).data)
  }

  /** Steps go forward; a snapshot may stay where the reader is. */
  #place(cursor: string | undefined, least: 0 | 1): void {
    if (cursor === undefined) this.#fault('A fact came without a cursor')
    else if (
      this.#cursor !== undefined &&
      compareCursors(parseCursor(cursor), parseCursor(this.#cursor)) < least
    ) {
      this.#fault(`${cursor} came after ${this.#cursor}`)
    }
    this.#cursor = cursor
  }

  #fault(what: string): void {
    this.faults.push(what)
  }
}

function print(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? String(member) : member))
}

/** Follows over the bus, with the client that we ship. */
export async function readBus(url: string): Promise<EventReader> {
  const judge = new Judge('bus')
  const bus = await openRemoteBus(url, { heartbeat: 1_000 })
  onTestFinished(() => bus.close())
  await bus.subscribe({ names: ['settings.*', 'box.changed'] }, (event, cursor) =>
    judge.take(event.name, event.content as JsonObject, cursor),
  )
  return judge
}

/** Follows over Server-Sent Events, as a browser does. */
export async function readSse(url: string): Promise<EventReader> {
  const judge = new Judge('sse')
  const end = new AbortController()
  let lastId: string | undefined
  let begun = (): void => {}
  const ready = new Promise<void>(resolve => (begun = resolve))

  const connect = (): Promise<IncomingMessage | undefined> =>
    new Promise(resolve => {
      const headers = {
        accept: 'text/event-stream',
        ...(lastId !== undefined && { 'last-event-id': lastId }),
      }
      get(`${url}/api/kytos/settings/v1/events`, { headers, agent: false, signal: end.signal }, resolve).on(
        'error',
        () => resolve(undefined),
      )
    })
  const take = (block: string): void => {
    const fields = new Map(
      block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    )
    lastId = fields.get('id') ?? lastId
    const [event, data] = [fields.get('event'), fields.get('data')]
    // Blocks with data are events, by our own documentation.
    if (event !== undefined && data !== undefined)
      judge.take(event, Object(parseJson(data)).content, fields.get('id'))
    begun()
  }
  const read = async (response: IncomingMessage): Promise<void> => {
    response.setEncoding('utf8')
    let text = ''
    try {
      for await (const chunk of response) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) take(block)
      }
    } catch (error) {
      // A line that is cut is what this is about.
      if (!end.signal.aborted && !(error instanceof Error && 'code' in error)) throw error
    }
  }
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const response = await connect()
      if (response?.statusCode === 200) await read(response)
      else response?.destroy()
      await sleep(20)
    }
  }
  const running = run()
  onTestFinished(async () => {
    end.abort()
    await running
  })
  await ready
  return judge
}
