import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { callerOf } from '../auth/caller.ts'
import { permissionForRoute } from '../openapi/route-permissions.ts'
import { type AnswerBudget, type AnswerShare, estimateAnswer } from './answer-budget.ts'

/*
 * The answers of HTTP that their clients have not read.
 *
 * Invariants:
 *  1. No request is executed, and no body read, before its caller has a share of the budget for the body and
 *     the answer. Without one it is rejected after `wait`; nothing was executed.
 *  2. The share is released when the answer was sent or its connection closed.
 *  3. A connection on which an answer makes no progress for `stall` is closed.
 */

/** The bytes of an answer that are passed to its connection at once. */
const SLICE_BYTES = 65_536

interface Progress {
  answers: number
  bytes: number
  at: number
}

interface Answer {
  readonly share: AnswerShare
  readonly socket: Socket
  /** Undefined until the answer exists. */
  progress: Progress | undefined
}

/** Limits the unread answers of a server. `admit` must be called before a request is executed. */
export function limitUnreadAnswers(
  app: FastifyInstance,
  budget: AnswerBudget,
): { admit(request: FastifyRequest, response: ServerResponse): Promise<void> } {
  const answers = new WeakMap<FastifyRequest['raw'], Answer>()
  const sending = new Map<Socket, Progress>()

  /** Watches the progress of a connection until its answers are sent. */
  const watch = (answer: Answer): void => {
    if (answer.progress) return
    const { socket } = answer
    answer.progress = sending.get(socket) ?? { answers: 0, bytes: socket.bytesWritten, at: performance.now() }
    answer.progress.answers++
    sending.set(socket, answer.progress)
  }

  const end = ({ share, socket, progress }: Answer): void => {
    share.release()
    if (!progress) return
    progress.answers--
    if (progress.answers === 0) sending.delete(socket)
  }

  const timer = setInterval(() => {
    const now = performance.now()
    for (const [socket, progress] of sending) {
      if (socket.bytesWritten !== progress.bytes) {
        progress.bytes = socket.bytesWritten
        progress.at = now
      } else if (now - progress.at > budget.limits.stall) socket.destroy()
    }
  }, budget.limits.stall / 6)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))

  app.addHook('onSend', async (request, reply, payload) => {
    const answer = answers.get(request.raw)
    if (!answer) return payload
    watch(answer)
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
    const size = Buffer.byteLength(payload)
    answer.share.resize(size)
    if (size <= SLICE_BYTES) return payload
    reply.header('content-length', size)
    return Readable.from(slicesOf(Buffer.from(payload)), { objectMode: false })
  })

  return {
    async admit(request, response) {
      const { method, routeOptions, raw } = request
      const { url, config, bodyLimit } = routeOptions
      const { operation } = config
      if (!operation || operation.endless) return
      if (permissionForRoute(method, url, operation.commands) === 'open') return
      const body = raw.headers['transfer-encoding'] ? bodyLimit : Number(raw.headers['content-length'] ?? 0)
      const estimate = estimateAnswer(operation.commands ?? []) + Math.min(body || 0, bodyLimit)
      const share = await acquire(budget, keyOf(request), estimate)
      const answer: Answer = { share, socket: raw.socket, progress: undefined }
      // The close of a response is emitted for each (open-responses.ts), perhaps while this waited.
      if (raw.socket.destroyed) return share.release()
      answers.set(raw, answer)
      response.once('close', () => {
        // An answer to a client that is gone is sent after this, and must not be watched.
        answers.delete(raw)
        end(answer)
      })
    },
  }

  async function acquire(from: AnswerBudget, caller: string, bytes: number): Promise<AnswerShare> {
    const size = Math.min(bytes, from.limits.caller)
    return (
      from.take(caller, size) ??
      new Promise((resolve, reject) => {
        const timeout = setTimeout(() => {
          cancel()
          reject(answersUnread(from.limits.caller))
        }, from.limits.wait)
        const cancel = from.wait(caller, size, share => {
          clearTimeout(timeout)
          resolve(share)
        })
      })
    )
  }
}

/** The caller of a request, to whom its answers count. */
export function keyOf(request: FastifyRequest): string {
  const { type, name } = callerOf(request).actor
  return `${type} ${name}`
}

function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES)
}

function answersUnread(max: number): SettingsError {
  return new SettingsError(
    'ANSWERS_UNREAD',
    `Answers of this caller that are not read yet exceed ${max} bytes, or those of all callers their limit. Nothing was executed: read the answers, then retry.`,
    { details: { max } },
  )
}
