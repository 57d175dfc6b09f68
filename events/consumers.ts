import { AsyncLocalStorage } from 'node:async_hooks'
import { SettingsError } from '../model/errors.ts'
import type { ConsumerReport, NamedReport } from './commands/consumer-nouns.ts'
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
 * The consumers of settings in this process, and their responses before a change is committed.
 *
 * Invariants:
 *  1. An admission ends within its deadline, whatever the hooks do. A hook that has not responded to an
 *     earlier request in time is not called again until it has, or until half a minute has passed.
 *  2. Only a hook that returns normally and without a reason accepts; one that throws, or is late, rejects.
 *  3. A hook sends no commands while it is called, because a command may wait for the change that waits for
 *     the hook.
 */

interface Registration {
  readonly napp: string
  readonly changing: ChangingHook | undefined
  readonly report: (() => ConsumerReport) | undefined
  /** The admissions that its hook has not responded to in time. */
  readonly overdue: Set<Admission>
}

/** One call of a hook. */
interface Admission {
  /** ISO 8601. */
  readonly at: string
  /** By `performance.now`. */
  readonly since: number
  isOver: boolean
}

/**
 * The time after which an overdue hook is called again, because a lost response must not reject all changes.
 */
const OVERDUE_RETRY_MS = 30_000

/** The admission in whose hook, or in a function called by it, the code runs. */
const currentAdmission = new AsyncLocalStorage<Admission>()
/** The admission of listeners that run because of a hook and are not part of it. */
const NO_ADMISSION: Admission = { at: '', since: 0, isOver: true }

/** The consumers of every namespace. */
export class Consumers implements AdmissionHooks {
  readonly #registrations = new Map<string, Set<Registration>>()
  readonly #deadline: number

  /** `deadline` is the time that one admission may take, in milliseconds. */
  constructor(deadline = 2_000) {
    this.#deadline = deadline
  }

  /** @throws SettingsError CONTENT_MALFORMED for a hook that is not a function. */
  add(namespace: string, napp: string, { changing, report }: Consumer): Unsubscribe {
    if (changing !== undefined && typeof changing !== 'function') {
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `"changing" for "${namespace}" must be a function, not ${typeof changing}.`,
      )
    }
    const registration: Registration = { napp, changing, report, overdue: new Set() }
    const registered = this.#registrations.get(namespace) ?? new Set()
    this.#registrations.set(namespace, registered.add(registration))
    return () => {
      registered.delete(registration)
      if (registered.size === 0 && this.#registrations.get(namespace) === registered)
        this.#registrations.delete(namespace)
    }
  }

  /** The NApps that use a namespace, sorted. */
  of(namespace: string): readonly string[] {
    return [...new Set([...(this.#registrations.get(namespace) ?? [])].map(({ napp }) => napp))].sort()
  }

  /** The number of registrations in all namespaces. */
  get size(): number {
    return [...this.#registrations.values()].reduce((sum, registered) => sum + registered.size, 0)
  }

  reports(): readonly NamedReport[] {
    return [...this.#registrations.keys()]
      .sort()
      .flatMap(namespace =>
        [...(this.#registrations.get(namespace) ?? [])]
          .sort((a, b) => (a.napp < b.napp ? -1 : a.napp > b.napp ? 1 : 0))
          .flatMap(({ napp, report }) => (report ? [{ napp, namespace, report: report() }] : [])),
      )
  }

  /**
   * Calls all hooks of the namespace at once and returns the response of each NApp, sorted by name. A NApp
   * responds with the first of its hooks that does not accept.
   */
  async admit(request: AdmissionRequest): Promise<readonly AdmissionResponse[]> {
    // Copied, because a hook may add and remove registrations.
    const registrations = [...(this.#registrations.get(request.namespace) ?? [])]
    const napps = this.of(request.namespace)
    // The change that is committed must be the one that the hooks admitted.
    deepFreeze(request)
    const responses = await Promise.all(registrations.map(registration => this.#call(registration, request)))
    return napps.map(napp => {
      const own = responses.filter(response => response.napp === napp)
      return own.find(({ verdict }) => verdict !== 'accepted') ?? { napp, verdict: 'accepted', reason: null }
    })
  }

  async #call(registration: Registration, request: AdmissionRequest): Promise<AdmissionResponse> {
    const { napp, changing, overdue } = registration
    if (!changing) return { napp, verdict: 'accepted', reason: null }
    const since = performance.now()
    const blocking = [...overdue].find(earlier => since - earlier.since < OVERDUE_RETRY_MS)
    if (blocking)
      return {
        napp,
        verdict: 'late',
        reason: `it has not answered the request of ${blocking.at}; if it hangs, restart or disable it`,
      }
    const end = new AbortController()
    const admission: Admission = { at: new Date().toISOString(), since, isOver: false }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<AdmissionResponse>(resolve => {
      timer = setTimeout(() => {
        overdue.add(admission)
        resolve({ napp, verdict: 'late', reason: `it did not answer within ${this.#deadline / 1_000} s` })
        end.abort()
      }, this.#deadline)
    })
    const response = currentAdmission
      .run(admission, () => responseOf(napp, changing, request, end.signal))
      .finally(() => overdue.delete(admission))
    try {
      return await Promise.race([response, late])
    } finally {
      admission.isOver = true
      clearTimeout(timer)
    }
  }
}

/** Runs the effects of a hook on listeners, which are not part of the hook and may send commands. */
export function outsideHook<Result>(work: () => Result): Result {
  return currentAdmission.getStore() ? currentAdmission.run(NO_ADMISSION, work) : work()
}

/** @throws SettingsError HOOK_COMMAND when a hook sends a command while it is called. */
export function rejectInHook(command: string): void {
  if (currentAdmission.getStore()?.isOver !== false) return
  throw new SettingsError(
    'HOOK_COMMAND',
    `A changing hook may not send commands, such as "${command}". Use the hook's arguments instead.`,
  )
}

async function responseOf(
  napp: string,
  changing: ChangingHook,
  request: AdmissionRequest,
  signal: AbortSignal,
): Promise<AdmissionResponse> {
  try {
    const returned: unknown = changing(request, signal)
    const reason: unknown = isThenable(returned) ? await returned : returned
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
