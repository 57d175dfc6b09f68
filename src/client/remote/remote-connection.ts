import { type ClientOptions, WebSocket } from 'ws'
import { messageBytes } from '../../../events/limits.ts'
import { ERRORS, type ErrorCode, SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { isObject, type JsonObject, toJson } from '../../../model/value.ts'

/** The callbacks of a connection. */
export interface ConnectionListener {
  /** The connection is open: frames can be sent. */
  opened(): void
  /** A frame arrived. */
  received(frame: JsonObject): void
  /** The connection was lost, and possibly the last frames with it; it reconnects automatically. */
  lost(): void
  /** An attempt to connect failed, for this reason; it is retried automatically. */
  rejected(error: SettingsError): void
}

export interface ConnectionOptions {
  /** Headers of the handshake, such as `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  /** Trusted certificate authorities (PEM), instead of those of Node. */
  readonly ca?: string | Buffer
  /** True accepts any certificate. */
  readonly anyCertificate: boolean
  /** Milliseconds between two heartbeats. */
  readonly heartbeat: number
}

/**
 * The upper limit of the delay before the first retry, doubled before each further one up to the maximum.
 * Each delay is random, between half of its limit and the limit, so that many clients do not reconnect at
 * once.
 */
const FIRST_RETRY_DELAY_MS = 100
const MAX_RETRY_DELAY_MS = 5_000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** The size of a rejection's body from which on further chunks are discarded. */
const MAX_PROBLEM_BYTES = 65_536

/**
 * A WebSocket connection that reconnects after each loss.
 *
 * Invariants: there is one WebSocket at a time; `opened` and `lost` alternate; after `close` no callback is
 * called.
 */
export class RemoteConnection {
  readonly #url: URL
  readonly #options: ConnectionOptions
  readonly #listener: ConnectionListener
  readonly #heartbeat: NodeJS.Timeout
  #socket: WebSocket | undefined
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  #isAlive = true
  #closed = false

  /** Starts to connect at once. */
  constructor(url: URL, options: ConnectionOptions, listener: ConnectionListener) {
    this.#url = url
    this.#options = options
    this.#listener = listener
    // Checked after arrived data is read, because after a pause of this process the data includes the
    // response to the previous heartbeat.
    this.#heartbeat = setInterval(() => setImmediate(() => this.#checkHeartbeat()), options.heartbeat)
    this.#open()
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Sends a frame; only while {@link isOpen}. */
  send(frame: string): void {
    // The callback ignores errors, because the response or the loss of the connection shows the outcome.
    this.#socket?.send(frame, () => {})
  }

  /** Closes the connection permanently; resolves once it is closed. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#retry)
    const socket = this.#socket
    if (!socket || socket.readyState === WebSocket.CLOSED) return
    await new Promise(resolve => {
      socket.once('close', resolve)
      const timer = setTimeout(() => socket.terminate(), 1_000)
      socket.once('close', () => clearTimeout(timer))
      socket.close(1000)
    })
  }

  #open(): void {
    const { headers, ca, anyCertificate } = this.#options
    // Absent options are left out, so that NODE_TLS_REJECT_UNAUTHORIZED applies to them.
    const trust = { ...(anyCertificate && { rejectUnauthorized: false }), ...(ca && { ca }) }
    const options: ClientOptions = {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      perMessageDeflate: false,
      headers,
      ...trust,
    }
    const socket = new WebSocket(this.#url, options)
    this.#socket = socket
    let isOpen = false
    let error: SettingsError | undefined
    socket.on('open', () => {
      isOpen = true
      this.#isAlive = true
      if (!this.#closed) this.#listener.opened()
    })
    socket.on('unexpected-response', (request, response) => {
      // A listener of this event must end the attempt itself.
      const chunks: Buffer[] = []
      const size = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      response.on('data', (chunk: Buffer) => void (size() < MAX_PROBLEM_BYTES && chunks.push(chunk)))
      response.on('error', () => {}) // 'close' follows
      response.on('close', () => {
        error = rejectionError(this.#url, response.statusCode ?? 0, Buffer.concat(chunks).toString())
        request.destroy()
        socket.terminate()
      })
    })
    socket.on('error', cause => {
      error ??= new SettingsError('SERVICE_ABSENT', `${this.#url.host} does not respond: ${cause.message}.`, {
        cause,
      })
    })
    socket.on('ping', () => this.#markAlive())
    socket.on('pong', () => this.#markAlive())
    socket.on('message', data => {
      this.#markAlive()
      const frame = parseFrame(data.toString())
      // The peer is not the bus.
      if (!frame) socket.terminate()
      else if (!this.#closed) this.#listener.received(frame)
    })
    socket.on('close', () => {
      if (this.#closed) return
      this.#retry = setTimeout(() => this.#open(), this.#nextDelay())
      if (isOpen) this.#listener.lost()
      else
        this.#listener.rejected(
          error ?? new SettingsError('SERVICE_ABSENT', `${this.#url.host} closed the connection.`),
        )
    })
  }

  #markAlive(): void {
    this.#isAlive = true
    this.#failures = 0
  }

  #checkHeartbeat(): void {
    if (!this.isOpen) return
    if (this.#isAlive) this.#socket?.ping()
    else this.#socket?.terminate()
    this.#isAlive = false
  }

  #nextDelay(): number {
    const longest = Math.min(MAX_RETRY_DELAY_MS, FIRST_RETRY_DELAY_MS * 2 ** this.#failures++)
    return longest * (0.5 + Math.random() / 2)
  }
}

/**
 * The text of a frame; the size limit depends on the command in it, if any.
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

/** True when a retry will be rejected again, because the request itself is wrong. */
export function isFinal({ status }: SettingsError): boolean {
  return status >= 400 && status < 500
}

function rejectionError({ host }: URL, status: number, body: string): SettingsError {
  // A proxy responds with another body; then the status is sufficient.
  const problem = parseFrame(body) ?? {}
  const code = problem.code
  // The cast is checked by `hasOwn`.
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined
  const detail = typeof problem.detail === 'string' ? problem.detail : `HTTP ${status}`
  const fallback: ErrorCode = status >= 400 && status < 500 ? 'CONTENT_MALFORMED' : 'SERVICE_ABSENT'
  return new SettingsError(known ?? fallback, `${host} rejected the connection: ${detail}`, {
    details: { status },
  })
}

/** The JSON object in a text; undefined for any other text. */
function parseFrame(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
