import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { WebSocket } from 'ws'
import { type Act, API } from './act.ts'
import type { FuzzedService, Role } from './fuzzed-service.ts'

/** Milliseconds after which an answer is missing: only a service that hangs takes all of this. */
const ANSWER_MS = 120_000
/** Milliseconds that a frame without an answer is waited for: not every frame has one. */
const FRAME_MS = 300
const KEPT_CHARACTERS = 2_000

/** What an act led to; a text in place of a status for a connection that ended without an answer. */
export interface Answer {
  readonly status: number | string
  readonly retryAfter: string | undefined
  /** The start of the body. */
  readonly text: string
}

/** Sends acts one at a time, as a reader or a writer. */
export interface FuzzClient {
  send(act: Act): Promise<Answer>
  close(): void
}

export function createFuzzClient(service: FuzzedService): FuzzClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = new Map<Role, WebSocket>()
  const socketOf = async (role: Role): Promise<WebSocket> => {
    const open = sockets.get(role)
    if (open?.readyState === WebSocket.OPEN) return open
    const socket = openBus(service, role)
    sockets.set(role, socket)
    await once(socket, 'open')
    return socket
  }
  return {
    send: async act => {
      const { role, frame } = act
      return frame === undefined ? sendRequest(service, agent, act) : sendFrame(await socketOf(role), frame)
    },
    close() {
      agent.destroy()
      for (const socket of sockets.values()) socket.terminate()
    },
  }
}

/** A connection to the bus; its errors are ignored, because its end shows in `close`. */
export function openBus({ port, tokens }: FuzzedService, role: Role): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${API}/bus`, {
    headers: { authorization: `Bearer ${tokens[role]}` },
    perMessageDeflate: false,
  })
  return socket.on('error', () => {})
}

function sendRequest({ port, tokens }: FuzzedService, agent: Agent, act: Act): Promise<Answer> {
  const { method, path, body, role, headers } = act
  return new Promise(resolve => {
    const sent = request({
      host: '127.0.0.1',
      port,
      agent,
      method,
      path,
      headers: {
        'content-type': 'application/json',
        ...headers,
        authorization: `Bearer ${tokens[role]}`,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    })
    const lose = (why: string): void => resolve({ status: why, retryAfter: undefined, text: '' })
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`no answer within ${ANSWER_MS / 1_000} s`)))
    sent.on('error', error => lose((error as NodeJS.ErrnoException).code ?? error.message))
    sent.on('upgrade', (_, socket) => {
      socket.destroy()
      lose('upgraded')
    })
    sent.on('response', answer => {
      void readAnswer(answer).then(resolve)
    })
    sent.end(body)
  })
}

async function readAnswer(answer: IncomingMessage): Promise<Answer> {
  const { statusCode = 0, headers } = answer
  let text = ''
  const add = (chunk: Buffer): void => {
    if (text.length < KEPT_CHARACTERS) text += chunk.toString('latin1', 0, KEPT_CHARACTERS)
  }
  answer.on('data', add).on('error', () => {})
  // A stream of events has no end.
  if (headers['content-type']?.startsWith('text/event-stream')) {
    answer.destroy()
  } else if (!answer.complete) await once(answer, 'close')
  return { status: statusCode, retryAfter: headers['retry-after'], text }
}

async function sendFrame(socket: WebSocket, frame: string): Promise<Answer> {
  const received: string[] = []
  const receive = (data: unknown): void => {
    received.push(String(data).slice(0, KEPT_CHARACTERS))
  }
  socket.on('message', receive)
  socket.send(frame)
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, FRAME_MS)
    for (const event of ['message', 'close'])
      socket.once(event, () => {
        clearTimeout(timer)
        resolve()
      })
  })
  socket.off('message', receive)
  const text = received.find(one => one.includes('"error"')) ?? ''
  const status = Number(/"status":(\d+)/.exec(text)?.[1] ?? 200)
  // Frames have no header: each 503 of the bus may be repeated.
  return { status, retryAfter: 'frame', text }
}
