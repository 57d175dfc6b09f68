import { onTestFinished, vi } from 'vitest'

/** Milliseconds between two beats on the held clock; they take no real time. */
const HEARTBEAT = 15_000

/** The beats of a server, one at a time. */
export interface HeldBeats {
  /** Lets the next beat happen; resolves once the server has carried it out. */
  beat(): Promise<void>
}

/**
 * Holds the intervals of this process until the test ends, so that a beat comes when the test asks for it,
 * and the load of the machine does not decide how long a peer has to answer. Call it before the server is
 * opened; every other timer stays real.
 */
export function holdBeats(): HeldBeats {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  return {
    async beat() {
      vi.advanceTimersByTime(HEARTBEAT)
      // The server beats once it has read what arrived; the second turn comes after that.
      for (let turns = 0; turns < 2; turns++) await new Promise(resolve => setImmediate(resolve))
    },
  }
}
