import type { Operation, Outcome } from '../../../backends/backend.ts'

/** Commits that were made in one tick. */
export type Flight = readonly {
  readonly operations: readonly Operation[]
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (reason: unknown) => void
}[]

/** A commit method that collects the calls of one tick and sends them together. */
export function inFlights(
  send: (flight: Flight) => Promise<void>,
): (operations: readonly Operation[]) => Promise<Outcome> {
  let waiting: Flight[number][] = []
  return operations =>
    new Promise((resolve, reject) => {
      waiting.push({ operations, resolve, reject })
      if (waiting.length > 1) return
      setImmediate(() => {
        const flight = waiting
        waiting = []
        send(flight).catch((error: unknown) => {
          for (const call of flight) call.reject(error)
        })
      })
    })
}
