import type { NAppStatus } from '../../events/nouns.ts'

/** The members of a state that the host sets; the time is that of the first equal one. */
type NAppState = Omit<NAppStatus, 'since' | 'napp'>

/** The state of every enabled NApp, for `kytos.settings.status`. */
export class NAppStates {
  readonly #states = new Map<string, NAppStatus>()

  /** All states, in the order of the ids. */
  list(): readonly NAppStatus[] {
    return [...this.#states.values()].sort((a, b) => (a.napp < b.napp ? -1 : 1))
  }

  /** Sets the state of a NApp; `since` stays as long as its `state` does. */
  set(napp: string, next: NAppState): void {
    const before = this.#states.get(napp)
    const since = before?.state === next.state ? before.since : new Date().toISOString()
    this.#states.set(napp, { napp, ...next, since })
  }

  /** The NApp waits for its turn; the reason of a failed start stays until the next one has ended. */
  waits(napp: string, version: string | undefined, stamp: string): void {
    const before = this.#states.get(napp)
    const reason = before?.state === 'starting' && before.stamp === stamp ? before.reason : null
    this.set(napp, { state: 'starting', version: version ?? null, stamp, reason })
  }

  remove(napp: string): void {
    this.#states.delete(napp)
  }

  /** Removes the states of all other NApps. */
  keep(napps: ReadonlySet<string>): void {
    for (const napp of this.#states.keys()) if (!napps.has(napp)) this.#states.delete(napp)
  }
}
