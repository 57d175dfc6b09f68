import { AsyncLocalStorage } from 'node:async_hooks'
import { SettingsError } from '../model/errors.ts'
import { describeError } from './dead-letters.ts'
import type {
  AdmissionHooks,
  AdmissionRequest,
  AdmissionResponse,
  ChangingHook,
  Consumer,
  Unsubscribe,
} from './event.ts'
import { deepFreeze } from './freeze.ts'
import { isThenable } from './inbox.ts'

/*
 * Who uses which settings in this process, and what they say before a change is committed.
 *
 * Invariants:
 *  1. A question is answered within its deadline, whatever the hooks do; a hook that has not answered an
 *     earlier one in time is not waited for again until it has, or half a minute has passed.
 *  2. Only a hook that ends well and gives no reason accepts; one that throws, or is late, refuses.
 *  3. A hook issues no commands while it is asked: it would wait for the very change that waits for it.
 */

interface Registration {
  readonly napp: string
  readonly changing: ChangingHook | undefined
  /** What it was asked and has not answered in time. */
  readonly owing: Set<Question>
}

interface Question {
  /** ISO 8601. */
  readonly at: string
  /** By `performance.now`. */
  readonly since: number
  over: boolean
}

/**
 * Milliseconds for which a hook that owes an answer is not asked again: one that was lost must not refuse for
 * ever.
 */
const PATIENCE = 30_000

/** The question that a hook is being asked, in everything that it calls. */
const asked = new AsyncLocalStorage<Question>()
/** What those are in who are called because of a hook, and are none. */
const NO_QUESTION: Question = { at: '', since: 0, over: true }

/** The consumers of every namespace. */
export class Consumers implements AdmissionHooks {
  readonly #seats = new Map<string, Set<Registration>>()
  readonly #deadline: number

  /** `deadline` in milliseconds: how long one question may take. */
  constructor(deadline = 2_000) {
    this.#deadline = deadline
  }

  /** @throws SettingsError CONTENT_MALFORMED for a hook that is no function. */
  add(namespace: string, napp: string, { changing }: Consumer): Unsubscribe {
    if (changing !== undefined && typeof changing !== 'function') {
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `"changing" for "${namespace}" must be a function, not ${typeof changing}.`,
      )
    }
    const seat: Registration = { napp, changing, owing: new Set() }
    const seats = this.#seats.get(namespace) ?? new Set()
    this.#seats.set(namespace, seats.add(seat))
    return () => {
      seats.delete(seat)
      if (seats.size === 0 && this.#seats.get(namespace) === seats) this.#seats.delete(namespace)
    }
  }

  /** The NApps that use a namespace, sorted. */
  of(namespace: string): readonly string[] {
    return [...new Set([...(this.#seats.get(namespace) ?? [])].map(({ napp }) => napp))].sort()
  }

  /** How many there are, each hook counted. */
  get size(): number {
    return [...this.#seats.values()].reduce((sum, seats) => sum + seats.size, 0)
  }

  /**
   * Asks every hook of the namespace at once and gives what each NApp says, sorted by name; the first hook of
   * a NApp that does not accept speaks for it.
   */
  async admit(proposal: AdmissionRequest): Promise<readonly AdmissionResponse[]> {
    // Those who are there when the question is asked, whatever they do about it.
    const seats = [...(this.#seats.get(proposal.namespace) ?? [])]
    const napps = this.of(proposal.namespace)
    // What is asked about is what is committed, and nobody changes it on the way.
    deepFreeze(proposal)
    const said = await Promise.all(seats.map(seat => this.#ask(seat, proposal)))
    return napps.map(napp => {
      const own = said.filter(one => one.napp === napp)
      return own.find(({ verdict }) => verdict !== 'accepted') ?? { napp, verdict: 'accepted', reason: null }
    })
  }

  async #ask(seat: Registration, proposal: AdmissionRequest): Promise<AdmissionResponse> {
    const { napp, changing } = seat
    if (!changing) return { napp, verdict: 'accepted', reason: null }
    const since = performance.now()
    const owed = [...seat.owing].find(one => since - one.since < PATIENCE)
    if (owed)
      return {
        napp,
        verdict: 'late',
        reason: `it has not answered the request of ${owed.at}; if it hangs, restart or disable it`,
      }
    const end = new AbortController()
    const question: Question = { at: new Date().toISOString(), since, over: false }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<AdmissionResponse>(resolve => {
      timer = setTimeout(() => {
        seat.owing.add(question)
        resolve({ napp, verdict: 'late', reason: `it did not answer within ${this.#deadline / 1_000} s` })
        end.abort()
      }, this.#deadline)
    })
    const answer = asked
      .run(question, () => answerOf(napp, changing, proposal, end.signal))
      .finally(() => seat.owing.delete(question))
    try {
      return await Promise.race([answer, late])
    } finally {
      question.over = true
      clearTimeout(timer)
    }
  }
}

/** Does what a hook that is being asked brings about in others, who are not asked. */
export function outsideHook<Result>(work: () => Result): Result {
  return asked.getStore() ? asked.run(NO_QUESTION, work) : work()
}

/** @throws SettingsError HOOK_COMMAND when a hook that is being asked says a command. */
export function refuseInHook(command: string): void {
  if (asked.getStore()?.over !== false) return
  throw new SettingsError(
    'HOOK_COMMAND',
    `A changing hook may not send commands, such as "${command}". Use the hook's arguments instead.`,
  )
}

async function answerOf(
  napp: string,
  changing: ChangingHook,
  proposal: AdmissionRequest,
  signal: AbortSignal,
): Promise<AdmissionResponse> {
  try {
    const given: unknown = changing(proposal, signal)
    const reason: unknown = isThenable(given) ? await given : given
    if (reason === undefined) return { napp, verdict: 'accepted', reason: null }
    if (reason === '') return { napp, verdict: 'refused', reason: 'it returned an empty reason' }
    return {
      napp,
      verdict: 'refused',
      reason:
        typeof reason === 'string' ? reason : `its hook returned ${typeof reason}, not a string or undefined`,
    }
  } catch (error) {
    return { napp, verdict: 'refused', reason: describeError(error).message }
  }
}
