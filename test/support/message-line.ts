import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** One message of etcd's answers, as far as a test wants to choose by it. */
export interface Message {
  /** In bytes, as it stands on the line. */
  readonly size: number
  /** The first answer of a watch. */
  readonly created: boolean
  /** How many events of a watch are in it; 0 for anything else. */
  readonly events: number
  /** The answer to a commit that was applied. */
  readonly committed: boolean
}

/**
 * Where the line breaks: when everything up to the frame that ends this message has passed, and of that frame
 * nothing, half, all, or so many bytes. A frame has a head of nine bytes.
 */
export type Break = 'before' | 'within' | 'after' | number

/**
 * A line to an etcd without TLS that knows the messages of its answers, so that it can break at one of them:
 * exactly there, whatever the timing.
 */
export interface MessageLine {
  readonly endpoint: string
  /** How often it broke at a message. */
  readonly breaks: number
  /** Asks this of each message of an answer from now on, until it says where to break; then no more. */
  breakAt(choose: (message: Message) => Break | undefined): void
  /** Ends every connection and takes no new ones. */
  refuse(): void
  /** Takes connections again. */
  resume(): void
  close(): Promise<void>
}

/** Listens on a free loopback port and passes everything on to `port` on loopback. */
export async function startMessageLine(port: number): Promise<MessageLine> {
  const pairs = new Set<() => void>()
  let choose: ((message: Message) => Break | undefined) | undefined
  let refusing = false
  let breaks = 0

  // Small frames wait for nobody: with Nagle's algorithm a window of HTTP/2 would take 40 ms.
  const server = createServer({ noDelay: true }, near => {
    if (refusing) return near.resetAndDestroy()
    const far = createConnection({ port, host: '127.0.0.1', noDelay: true })
    const end = (): void => {
      pairs.delete(end)
      near.destroy()
      far.destroy()
    }
    pairs.add(end)
    // Lines that break are what this is for; 'close' follows every 'error'.
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
 * Passes HTTP/2 frames on, each when it is whole; where `ask` says so the connection ends, with every byte
 * before that place delivered.
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
 * Asks about every message that this frame completes. A message of several frames has passed but for its last
 * one by then.
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

/** The size of the message that these chunks begin with, once it is there as a whole. */
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
/** The field of a part that is the answer to a range. */
const RANGE = 1

/**
 * Reads a protobuf message by its outermost fields. The second and the third are numbers in an answer of a
 * watch (its id, `created`), entries and a number in a listing, a number and parts in the answer to a
 * transaction (`succeeded`, `responses`), whose own first fields say what each answers.
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
    // One that only reads is answered with ranges alone.
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
 * The number and the place after it. Numbers here are lengths and small; a larger one is passed over, its
 * value being of no interest.
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
