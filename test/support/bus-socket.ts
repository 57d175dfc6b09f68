import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { parseJson, printJson } from '../../model/json.ts'
import type { Json, JsonObject } from '../../model/value.ts'

/** A frame of the server; tests check the members that they expect. */
export interface ServerFrame {
  readonly reply_to?: string | number | null
  readonly data?: Json
  readonly error?: {
    readonly code: string
    readonly status: number
    readonly message: string
    readonly details: JsonObject
  }
  readonly subscribed?: readonly string[]
  readonly cursor?: string | null
  readonly event?: { readonly name: string; readonly content: JsonObject }
}

/** A WebSocket to the bus that sends only the frames of the test. */
export interface BusSocket {
  readonly socket: WebSocket
  /** Resolves with the code and the reason once it is closed. */
  readonly closed: Promise<readonly [code: number, reason: string]>
  send(frame: unknown): void
  /** The next frame, in the order of arrival. @throws Error once the connection is closed. */
  next(): Promise<ServerFrame>
  /** The next frame that has an event. */
  nextEvent(): Promise<ServerFrame>
  /** Sends a command and resolves with its answer; all frames before it are kept for next(). */
  ask(name: string, content?: unknown): Promise<ServerFrame>
}

/** Opens a line, which is closed when the test has finished. */
export async function openBusSocket(
  port: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<BusSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/kytos/settings/v1/bus`, {
    headers,
    perMessageDeflate: false,
  })
  const bus = wrap(socket)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return bus
}

function wrap(socket: WebSocket): BusSocket {
  const frames: ServerFrame[] = []
  const waiting = new Set<() => void>()
  let ids = 0
  // The cast is unchecked, because the tests check the frames of the service.
  socket.on('message', data => {
    frames.push(parseJson(data.toString()) as ServerFrame)
    for (const wake of waiting) wake()
    waiting.clear()
  })
  const closed = once(socket, 'close').then(([code, reason]) => [code, String(reason)] as const)
  // A rejection without a listener must not end the test.
  closed.catch(() => {})
  const over = closed.then(([code, reason]) => {
    throw new Error(`The line was closed: ${code} ${reason}`)
  })
  over.catch(() => {})

  const take = async (wanted: (frame: ServerFrame) => boolean): Promise<ServerFrame> => {
    for (;;) {
      const at = frames.findIndex(wanted)
      const [found] = at < 0 ? [] : frames.splice(at, 1)
      if (found) return found
      await Promise.race([over, new Promise<void>(resolve => waiting.add(resolve))])
    }
  }
  return {
    socket,
    closed,
    send: frame => socket.send(typeof frame === 'string' ? frame : printJson(frame as Json)),
    next: () => take(() => true),
    nextEvent: () => take(frame => frame.event !== undefined),
    ask(name, content) {
      const id = `ask-${++ids}`
      socket.send(printJson({ id, name, ...(content === undefined ? {} : { content: content as Json }) }))
      return take(frame => frame.reply_to === id)
    },
  }
}
