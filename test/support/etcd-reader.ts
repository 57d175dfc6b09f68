import { setTimeout as delay } from 'node:timers/promises'
import type { Backend, Batch } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'

/**
 * A reader of a watch that resumes from the last batch after each loss of the connection, like the service.
 */
export interface Reader {
  /** The batches with changes, in the order of arrival. */
  readonly batches: readonly Batch[]
  /** All batches, including those that only report progress. */
  readonly given: readonly Batch[]
  /** The number of times the watch was opened. */
  readonly opened: number
  /** Resolves once `done` returns true; rejects with the error that ended the watch permanently. */
  until(done: (reader: Reader) => boolean): Promise<void>
  stop(): Promise<void>
}

export function startReader(backend: Backend, since: Revision): Reader {
  const end = new AbortController()
  const batches: Batch[] = []
  const given: Batch[] = []
  let opened = 0
  let failure: unknown
  let wake = (): void => {}

  const read = async (): Promise<void> => {
    for (let last = since; !end.signal.aborted; ) {
      opened++
      try {
        for await (const batch of backend.watch(last, end.signal)) {
          given.push(batch)
          if (batch.changes.length > 0) batches.push(batch)
          if (batch.changes.length > 0) last = batch.revision
          wake()
        }
      } catch (error) {
        if (!isSettingsError(error, 'STORE_UNREACHABLE')) throw error
        await delay(20)
      }
    }
  }
  const reading = read().catch(error => {
    failure = error
    wake()
  })
  const reader: Reader = {
    batches,
    given,
    get opened() {
      return opened
    },
    until: async done => {
      while (!done(reader)) {
        if (failure !== undefined) throw failure
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    stop: async () => {
      end.abort()
      await reading
    },
  }
  return reader
}
