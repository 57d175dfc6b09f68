import { onTestFinished, vi } from 'vitest'

/** The time between two heartbeats on the held clock; they take no real time. */
const HEARTBEAT_MS = 15_000

/** The heartbeats of a server, one at a time. */
export interface HeldBeats {
  /** Triggers the next heartbeat; resolves once the server has executed it. */
  beat(): Promise<void>
}

/**
 * Holds the intervals of this process until the test ends, and lets the test trigger each heartbeat. So the
 * load of the machine does not determine the time for a response. Call it before the server is opened. All
 * other timers stay real.
 */
export function holdBeats(): HeldBeats {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  return {
    async beat() {
      vi.advanceTimersByTime(HEARTBEAT_MS)
      // The server executes a heartbeat after it has read arrived data; the second turn is after that.
      for (let turns = 0; turns < 2; turns++) await new Promise(resolve => setImmediate(resolve))
    },
  }
}
