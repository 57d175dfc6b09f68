import type { Unsubscribe } from '../../../events/event.ts'
import type { CommandName } from '../../../events/map.ts'

/*
 * The bytes of answers that are in preparation or not read by their clients.
 *
 * Invariants:
 *  1. A share is granted only while the caller holds no other, or stays within `caller` bytes, and all callers
 *     within `total` bytes. A caller without a share may exceed the total, up to twice of it, so that other
 *     callers cannot exclude it.
 *  2. Requests of one caller are granted in their order.
 *  3. Each share is released once, whatever becomes of its answer.
 */

const MEBIBYTE = 1_048_576

/**
 * The estimate for the answer to a command that returns boxes: the largest box. While it is prepared it exists
 * four times, as text of the store, as value, as text of the answer and as bytes.
 */
const BOX_ANSWER_BYTES = 16 * MEBIBYTE
/** The estimate for any other answer: the largest settings document. */
const OTHER_ANSWER_BYTES = 262_144
const BOX_COMMANDS: readonly string[] = [
  'kytos.storehouse.retrieve',
  'kytos.storehouse.update',
] satisfies readonly CommandName[]

export interface AnswerLimits {
  /** Maximum bytes of one caller. */
  readonly caller: number
  /** Maximum bytes of all callers. */
  readonly total: number
  /** Milliseconds that a request waits for other answers to be read. */
  readonly wait: number
  /** Milliseconds without progress after which an unread answer is dropped with its connection. */
  readonly stall: number
}

export const ANSWER_LIMITS: AnswerLimits = {
  caller: 64 * MEBIBYTE,
  total: 256 * MEBIBYTE,
  wait: 5_000,
  stall: 30_000,
}

/** The bytes of one answer. */
export interface AnswerShare {
  /** Replaces the estimate by the size of the answer. */
  resize(bytes: number): void
  /** Releases the bytes; further calls have no effect. */
  release(): void
}

interface Waiter {
  readonly bytes: number
  readonly grant: (share: AnswerShare) => void
}

/** The bytes that callers hold. */
export class AnswerBudget {
  readonly limits: AnswerLimits
  readonly #held = new Map<string, { bytes: number; shares: number }>()
  readonly #waiting = new Map<string, Waiter[]>()
  #total = 0

  constructor(limits: AnswerLimits = ANSWER_LIMITS) {
    this.limits = limits
  }

  /** The bytes that all callers hold. */
  get bytes(): number {
    return this.#total
  }

  /** A share for an answer of about this size; undefined when the caller must wait. */
  take(caller: string, bytes: number): AnswerShare | undefined {
    return this.#waiting.has(caller) || !this.#hasRoom(caller, bytes) ? undefined : this.#grant(caller, bytes)
  }

  /** Calls `grant` once, as soon as a share is available; the returned function cancels this. */
  wait(caller: string, bytes: number, grant: (share: AnswerShare) => void): Unsubscribe {
    const waiter = { bytes, grant }
    const queue = this.#waiting.get(caller) ?? []
    this.#waiting.set(caller, queue)
    queue.push(waiter)
    this.#grantWaiting()
    return () => {
      const at = queue.indexOf(waiter)
      if (at === -1) return
      queue.splice(at, 1)
      if (queue.length === 0) this.#waiting.delete(caller)
      this.#grantWaiting()
    }
  }

  #hasRoom(caller: string, bytes: number): boolean {
    const own = this.#held.get(caller)
    if (!own) return this.#total < 2 * this.limits.total
    return own.bytes + bytes <= this.limits.caller && this.#total + bytes <= this.limits.total
  }

  #grant(caller: string, bytes: number): AnswerShare {
    let size = 0
    let isReleased = false
    const own = this.#held.get(caller) ?? { bytes: 0, shares: 0 }
    this.#held.set(caller, own)
    own.shares++
    const resize = (next: number): void => {
      if (isReleased) return
      own.bytes += next - size
      this.#total += next - size
      const isSmaller = next < size
      size = next
      if (isSmaller) this.#grantWaiting()
    }
    resize(bytes)
    return {
      resize,
      release: () => {
        if (isReleased) return
        own.shares--
        if (own.shares === 0) this.#held.delete(caller)
        resize(0)
        isReleased = true
        this.#grantWaiting()
      },
    }
  }

  #grantWaiting(): void {
    for (const [caller, queue] of this.#waiting) {
      for (let next = queue[0]; next && this.#hasRoom(caller, next.bytes); next = queue[0]) {
        queue.shift()
        // Before the call, which may take or wait again.
        if (queue.length === 0 && this.#waiting.get(caller) === queue) this.#waiting.delete(caller)
        next.grant(this.#grant(caller, next.bytes))
      }
    }
  }
}

/** The estimated size of an answer to these commands, before it exists. */
export function estimateAnswer(commands: readonly string[]): number {
  return commands.some(name => BOX_COMMANDS.includes(name)) ? BOX_ANSWER_BYTES : OTHER_ANSWER_BYTES
}
