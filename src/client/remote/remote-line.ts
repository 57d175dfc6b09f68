import { type ClientOptions, WebSocket } from 'ws'
import { messageBytes } from '../../../events/limits.ts'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { isObject, type JsonObject, toJson } from '../../../model/value.ts'

/** What a line tells whoever uses it. */
export interface LineListener {
  /** It is open: frames can be sent. */
  opened(): void
  /** A frame came. */
  heard(frame: JsonObject): void
  /** It was lost, what was sent last perhaps with it; it is opened again by itself. */
  lost(): void
  /** It could not be opened, and why; it is tried again by itself. */
  refused(why: SettingsError): void
}

export interface LineOptions {
  /** Headers of the handshake, such as `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  /** Certificates to trust, as PEM, in place of those that Node knows. */
  readonly ca?: string | Buffer
  /** True takes any certificate. */
  readonly anyCertificate: boolean
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number
}

/**
 * Milliseconds before the first, and at most before any other attempt; each is anything from half of it on,
 * so that many clients do not come at once.
 */
const FIRST_DELAY = 100
const LONGEST_DELAY = 5_000
/** Milliseconds that a handshake may take. */
const HANDSHAKE = 10_000
/** How much of a refusal is read, in bytes. */
const LONGEST_PROBLEM = 65_536

/**
 * A WebSocket that is opened again whenever it is lost.
 *
 * Invariants: there is one WebSocket at a time; `opened` and `lost` take turns; after `close` nothing is told
 * any more.
 */
export class RemoteLine {
  readonly #url: URL
  readonly #options: LineOptions
  readonly #listener: LineListener
  readonly #beats: NodeJS.Timeout
  #socket: WebSocket | undefined
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  #heard = true
  #closed = false

  /** Begins to open it at once. */
  constructor(url: URL, options: LineOptions, listener: LineListener) {
    this.#url = url
    this.#options = options
    this.#listener = listener
    // Once what has arrived is read: after a pause of this process, that is the answer to the beat before.
    this.#beats = setInterval(() => setImmediate(() => this.#beat()), options.heartbeat)
    this.#open()
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Sends a frame; only while {@link isOpen}. */
  send(frame: string): void {
    // What becomes of it shows in the answer, or in the loss of the line.
    this.#socket?.send(frame, () => {})
  }

  /** Closes it for good; resolves once it is. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#beats)
    clearTimeout(this.#retry)
    const socket = this.#socket
    if (!socket || socket.readyState === WebSocket.CLOSED) return
    await new Promise(resolve => {
      socket.once('close', resolve)
      const impatience = setTimeout(() => socket.terminate(), 1_000)
      socket.once('close', () => clearTimeout(impatience))
      socket.close(1000)
    })
  }

  #open(): void {
    const { headers, ca, anyCertificate } = this.#options
    // What Node is told by NODE_TLS_REJECT_UNAUTHORIZED counts where nothing is said here.
    const trust = { ...(anyCertificate && { rejectUnauthorized: false }), ...(ca && { ca }) }
    const options: ClientOptions = {
      handshakeTimeout: HANDSHAKE,
      perMessageDeflate: false,
      headers,
      ...trust,
    }
    const socket = new WebSocket(this.#url, options)
    this.#socket = socket
    let isOpen = false
    let why: SettingsError | undefined
    socket.on('open', () => {
      isOpen = true
      this.#heard = true
      if (!this.#closed) this.#listener.opened()
    })
    socket.on('unexpected-response', (request, response) => {
      // Whoever listens to this has to end the attempt, too.
      const chunks: Buffer[] = []
      const size = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      response.on('data', (chunk: Buffer) => void (size() < LONGEST_PROBLEM && chunks.push(chunk)))
      response.on('error', () => {}) // 'close' follows
      response.on('close', () => {
        why = refusal(this.#url, response.statusCode ?? 0, Buffer.concat(chunks).toString())
        request.destroy()
        socket.terminate()
      })
    })
    socket.on('error', cause => {
      why ??= new SettingsError('SERVICE_ABSENT', `${this.#url.host} does not respond: ${cause.message}.`, {
        cause,
      })
    })
    socket.on('ping', () => this.#hear())
    socket.on('pong', () => this.#hear())
    socket.on('message', data => {
      this.#hear()
      const frame = parseFrame(data.toString())
      // Whatever is there, it is not the bus.
      if (!frame) socket.terminate()
      else if (!this.#closed) this.#listener.heard(frame)
    })
    socket.on('close', () => {
      if (this.#closed) return
      this.#retry = setTimeout(() => this.#open(), this.#nextDelay())
      if (isOpen) this.#listener.lost()
      else
        this.#listener.refused(
          why ?? new SettingsError('SERVICE_ABSENT', `${this.#url.host} closed the connection.`),
        )
    })
  }

  #hear(): void {
    this.#heard = true
    this.#failures = 0
  }

  #beat(): void {
    if (!this.isOpen) return
    if (this.#heard) this.#socket?.ping()
    else this.#socket?.terminate()
    this.#heard = false
  }

  #nextDelay(): number {
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++)
    return longest * (0.5 + Math.random() / 2)
  }
}

/**
 * A frame as it is sent, by which a command may be said.
 * @throws SettingsError JSON_MALFORMED, DOCUMENT_TOO_LARGE.
 */
export function printFrame(frame: object, command?: string): string {
  const text = printJson(toJson(frame))
  const size = Buffer.byteLength(text)
  const max = messageBytes(command)
  if (size <= max) return text
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The frame has ${size} bytes; the bus allows ${max}. Send less data.`,
    { details: { size, max } },
  )
}

/** True when the same attempt will be refused again: it is the request that is wrong. */
export function isFinal({ status }: SettingsError): boolean {
  return status >= 400 && status < 500
}

function refusal({ host }: URL, status: number, body: string): SettingsError {
  // A proxy answers in its own words; then the status says enough.
  const problem = parseFrame(body) ?? {}
  const code = problem.code
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined // Checked in this line.
  const detail = typeof problem.detail === 'string' ? problem.detail : `HTTP ${status}`
  const fallback: ErrorCode = status >= 400 && status < 500 ? 'CONTENT_MALFORMED' : 'SERVICE_ABSENT'
  return new SettingsError(known ?? fallback, `${host} rejected the connection: ${detail}`, {
    details: { status },
  })
}

/** The object that a text holds; undefined when it holds none. */
function parseFrame(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
