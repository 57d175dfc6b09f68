import { setTimeout as delay } from 'node:timers/promises'
import type { Backend, Batch } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'

/** Reads a watch as the service does: again from the last batch whenever the line is cut. */
export interface Reader {
  /** Batches that changed something, in the order they came. */
  readonly batches: readonly Batch[]
  /** Everything that came, progress included. */
  readonly given: readonly Batch[]
  /** How often the watch was opened. */
  readonly opened: number
  /** Resolves once `done`; rejects with what ended the watch for good. */
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
