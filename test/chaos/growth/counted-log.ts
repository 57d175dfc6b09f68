import type { Log } from '../../../src/log/log.ts'

/**
 * A log that counts its lines and keeps none, so that what a scene weighs is the service's and not the log's.
 */
export interface CountedLog extends Log {
  readonly count: number
}

export function createCountedLog(): CountedLog {
  let count = 0
  const add = (): void => void count++
  const log: CountedLog = {
    get count() {
      return count
    },
    info: add,
    warn: add,
    error: add,
    child: () => log,
  }
  return log
}
