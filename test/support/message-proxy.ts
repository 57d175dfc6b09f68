import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** One message of etcd's responses, with the properties by which tests select it. */
export interface Message {
  /** Bytes on the connection, including the head. */
  readonly size: number
  /** True for the first response of a watch. */
  readonly created: boolean
  /** The number of watch events in it; 0 for any other message. */
  readonly events: number
  /** True for the response to an applied commit. */
  readonly committed: boolean
}

/**
 * The point at which the connection breaks: within the last frame of a message, after none, half, all or this
 * number of its bytes. All earlier frames have passed. A frame has a head of nine bytes.
 */
export type Break = 'before' | 'within' | 'after' | number

/**
 * A proxy to an etcd without TLS that parses the messages of its responses. It can break the connection
 * exactly at one of them, independent of timing.
 */
export interface MessageProxy {
  readonly endpoint: string
  /** The number of breaks at a message. */
  readonly breaks: number
  /** Calls `choose` for each message from now on, until it returns the point at which to break. */
  breakAt(choose: (message: Message) => Break | undefined): void
  /** Ends all connections and accepts no new ones. */
  refuse(): void
  /** Accepts connections again. */
  resume(): void
  close(): Promise<void>
}

/** Listens on a free loopback port and forwards all data to `port` on loopback. */
export async function startMessageProxy(port: number): Promise<MessageProxy> {
  const pairs = new Set<() => void>()
  let choose: ((message: Message) => Break | undefined) | undefined
  let refusing = false
  let breaks = 0

  // Small frames are sent at once, because with Nagle's algorithm a window of HTTP/2 would take 40 ms.
  const server = createServer({ noDelay: true }, near => {
    if (refusing) return near.resetAndDestroy()
    const far = createConnection({ port, host: '127.0.0.1', noDelay: true })
    const end = (): void => {
      pairs.delete(end)
      near.destroy()
      far.destroy()
    }
    pairs.add(end)
    // Broken connections are expected here; 'close' follows every 'error'.
    near.on('error', () => undefined).on('close', end)
    far.on('error', () => undefined).on('close', end)
    near.pipe(far)
    passAnswers(far, near, message => {
      const at = choose?.(message)
      if (at === undefined) return undefined
      choose = undefined
      breaks++
      return at
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address with a port.')

  const cut = (): void => {
    for (const end of [...pairs]) end()
  }
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    get breaks() {
      return breaks
    },
    breakAt: by => {
      choose = by
    },
    refuse: () => {
      refusing = true
      cut()
    },
    resume: () => {
      refusing = false
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

const FRAME_HEAD = 9
const DATA = 0
const MESSAGE_HEAD = 5

/**
 * Forwards HTTP/2 frames, each once it is complete. The connection ends at the point that `ask` returns,
 * after all bytes before it are delivered.
 */
function passAnswers(far: Socket, near: Socket, ask: (message: Message) => Break | undefined): void {
  const messages = new Map<number, Buffer[]>()
  let held = Buffer.alloc(0)
  let over = false
  far.on('data', chunk => {
    held = Buffer.concat([held, chunk])
    while (!over && held.length >= FRAME_HEAD) {
      const length = FRAME_HEAD + held.readUIntBE(0, 3)
      if (held.length < length) return
      const frame = held.subarray(0, length)
      held = held.subarray(length)
      const at = frame[3] === DATA ? readMessages(messages, frame, ask) : undefined
      if (at === undefined) near.write(frame)
      else {
        over = true
        near.end(frame.subarray(0, bytesOf(at, frame.length)))
      }
    }
  })
}

function bytesOf(at: Break, length: number): number {
  if (typeof at === 'number') return Math.min(at, length)
  return { before: 0, within: length >> 1, after: length }[at]
}

/**
 * Calls `ask` for every message that this frame completes. Of a message in several frames, all but the last
 * frame have passed by then.
 */
function readMessages(
  messages: Map<number, Buffer[]>,
  frame: Buffer,
  ask: (message: Message) => Break | undefined,
): Break | undefined {
  const stream = frame.readUInt32BE(5)
  const chunks = messages.get(stream) ?? []
  messages.set(stream, chunks)
  chunks.push(frame.subarray(FRAME_HEAD))
  for (let size = nextSize(chunks); size !== undefined; size = nextSize(chunks)) {
    const bytes = Buffer.concat(chunks.splice(0))
    chunks.push(bytes.subarray(size))
    const at = ask(describe(bytes.subarray(MESSAGE_HEAD, size)))
    if (at !== undefined) return at
  }
  return undefined
}

/** The size of the message at the start of these chunks, once it is complete. */
function nextSize(chunks: Buffer[]): number | undefined {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (length < MESSAGE_HEAD) return undefined
  if ((chunks[0]?.length ?? 0) < MESSAGE_HEAD) chunks.splice(0, chunks.length, Buffer.concat(chunks))
  const size = MESSAGE_HEAD + (chunks[0]?.readUInt32BE(1) ?? 0)
  return length < size ? undefined : size
}

const SECOND = 2
const THIRD = 3
const EVENTS = 11
/** The field of a part with the response to a range. */
const RANGE = 1

/**
 * Reads a protobuf message by its outermost fields. The second and the third field differ by message. In a
 * response of a watch they are numbers (its id, `created`), and in a listing entries and a number. In the
 * response to a transaction they are a number and parts (`succeeded`, `responses`); the first field of a part
 * shows its kind.
 */
function describe(bytes: Buffer): Message {
  let events = 0
  let [entries, succeeded, created, parts] = [false, false, false, false]
  for (let at = 0; at < bytes.length; ) {
    const [tag, value] = readVarint(bytes, at)
    const [field, wire] = [tag >> 3, tag & 7]
    const [number, next] = readVarint(bytes, value)
    const isNumber = wire === 0
    if (field === SECOND && isNumber) succeeded = number === 1
    if (field === SECOND && !isNumber) entries = true
    if (field === THIRD && isNumber) created = number === 1
    // The response to a transaction that only reads contains only ranges.
    if (field === THIRD && !isNumber && (bytes[next] ?? 0) >> 3 !== RANGE) parts = true
    if (field === EVENTS && !isNumber) events++
    at = isNumber ? next : next + number
  }
  return {
    size: MESSAGE_HEAD + bytes.length,
    created: created && !entries,
    events,
    committed: succeeded && parts && events === 0,
  }
}

/**
 * The number and the position after it. Numbers here are lengths and small; the value of a larger one is
 * inexact, because it is not used.
 */
function readVarint(bytes: Buffer, from: number): [number, number] {
  let number = 0
  for (let at = from, factor = 1; at < bytes.length; at++, factor *= 128) {
    const byte = bytes[at] ?? 0
    number += (byte & 127) * factor
    if (byte < 128) return [number, at + 1]
  }
  return [number, bytes.length]
}
