import type { Facts, ServiceState } from '../../events/map.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import type { Log } from '../log.ts'

export interface Health {
  readonly state: ServiceState
  readonly revision: Revision
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
}

/** How far this controller is: everything up to this revision of this epoch has been announced here. */
export interface Position {
  readonly epoch: number
  readonly revision: Revision
}

export interface StandingOptions {
  readonly position: () => Position
  readonly announce: (content: Facts['settings.state']) => void
  readonly log: Log
}

const STARTING = 'The service is starting.'

/** How far the cache can be trusted, and since when: told to the log, and as a fact each time it changes. */
export class Standing {
  readonly #options: StandingOptions
  #state: ServiceState = 'OFFLINE'
  #reason: string | null = STARTING
  #since = new Date()

  constructor(options: StandingOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#state === 'READY'
  }

  get health(): Health {
    return { state: this.#state, ...this.#options.position(), since: this.#since.toISOString(), reason: this.#reason }
  }

  become(state: ServiceState, reason: string | null): void {
    const changed = this.#state !== state
    if (changed || this.#reason === STARTING) this.#log(state, reason)
    this.#state = state
    this.#reason = reason
    if (!changed) return
    this.#since = new Date()
    const { revision, epoch } = this.#options.position()
    this.#options.announce({ state, revision: printRevision(revision), epoch, since: this.#since.toISOString(), reason })
  }

  #log(state: ServiceState, reason: string | null): void {
    const { log, position } = this.#options
    const effect = {
      READY: '',
      STALE: 'Reads are answered from what is known, writes are refused.',
      OFFLINE: 'There is nothing to answer from yet.',
    }[state]
    if (state === 'READY') log.info(`The store is followed, from revision ${position().revision} on.`)
    else log.warn(`${state}: ${reason} ${effect} Trying again.`)
  }
}
