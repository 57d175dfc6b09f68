import type { Batch } from '../../../backends/backend.ts'
import { EVERYTHING } from '../../../model/key.ts'
import { type Mutant, mutant, watchMutant } from './mutant.ts'

/** Broken watches: gaps, repetitions, halves, wrong starts and ends. */
export const watchMutants: readonly Mutant[] = [
  mutant('the watch skips a batch now and then', 'watch', sound => {
    let n = 0
    return {
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal))
          if (batch.changes.length === 0 || ++n % 5 !== 0) yield batch
      },
    }
  }),
  mutant('the watch repeats a batch now and then', 'watch', sound => {
    let n = 0
    return {
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          yield batch
          if (batch.changes.length > 0 && ++n % 5 === 0) yield batch
        }
      },
    }
  }),
  watchMutant('the watch splits a revision into two batches', 'watch', ({ revision, changes }) => {
    const half = Math.ceil(changes.length / 2)
    return [changes.slice(0, half), changes.slice(half)]
      .filter(some => some.length > 0)
      .map(some => ({ revision, changes: some }))
  }),
  mutant('the watch joins two revisions into one batch', 'watch', sound => ({
    async *watch(since, signal) {
      let held: Batch | undefined
      for await (const batch of sound.watch(since, signal)) {
        const joined: Batch = held
          ? { revision: batch.revision, changes: [...held.changes, ...batch.changes] }
          : batch
        held = !held && batch.changes.length > 1 ? batch : undefined
        if (!held) yield joined
      }
    },
  })),
  mutant('the watch starts with the batch of its start', 'watch', sound => ({
    watch: (since, signal) => sound.watch(since > 0n ? since - 1n : since, signal),
  })),
  mutant('the watch starts one batch too late', 'watch', sound => ({
    async *watch(since, signal) {
      let first = true
      for await (const batch of sound.watch(since, signal)) {
        if (first && since > 0n && batch.changes.length > 0) {
          first = false
          continue
        }
        yield batch
      }
    },
  })),
  mutant('the watch starts at what is new, whatever its start', 'watch', sound => ({
    async *watch(_since, signal) {
      yield* sound.watch((await sound.list(EVERYTHING)).revision, signal)
    },
  })),
  mutant('a cut drops the batch that was on its way', 'watchers', sound => {
    let dropped = 0n
    return {
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          if (batch.revision <= dropped && since > 0n) continue
          yield batch
          if (signal.aborted && batch.changes.length > 0) dropped = batch.revision + 1n
        }
      },
    }
  }),
  mutant(
    "after the first batch of what was missed, the watch goes on at the header's revision",
    'watch',
    sound => ({
      async *watch(since, signal) {
        const { revision: header } = await sound.list(EVERYTHING)
        for await (const batch of sound.watch(since, signal)) {
          yield batch
          if (batch.revision < header && batch.changes.length > 0) break
        }
        yield* sound.watch(header, signal)
      },
    }),
  ),
  mutant(
    'progress is taken for the point to resume at, though batches before it were not given',
    'watchers',
    sound => ({
      async *watch(since, signal) {
        const { revision } = await sound.list(EVERYTHING)
        if (signal.aborted) return
        yield { revision, changes: [] }
        yield* sound.watch(since === 0n ? since : revision, signal)
      },
    }),
  ),
  watchMutant('deletes are forgotten', 'watch', ({ revision, changes }) => {
    const puts = changes.filter(change => change.type === 'put')
    return puts.length > 0 ? [{ revision, changes: puts }] : []
  }),
  watchMutant('changes stand in the reverse order', 'watch', ({ revision, changes }) => [
    { revision, changes: changes.toReversed() },
  ]),
  mutant('losers are announced', 'watch', sound => {
    const losers: Batch[] = []
    return {
      async commit(operations) {
        const outcome = await sound.commit(operations)
        if (!outcome.committed)
          losers.push({ revision: 0n, changes: outcome.found.map(entry => ({ type: 'put', entry })) })
        return outcome
      },
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          yield* losers.splice(0).map(({ changes }) => ({ revision: batch.revision, changes }))
          yield batch
        }
      },
    }
  }),
  mutant('there is no progress: a watch without news is silent', 'watch', sound => ({
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal)) if (batch.changes.length > 0) yield batch
    },
  })),
  mutant('a watch from a revision that is yet to come waits for it', 'watch', sound => ({
    async *watch(since, signal) {
      const { revision } = await sound.list(EVERYTHING)
      yield* sound.watch(since > revision ? revision : since, signal)
    },
  })),
  mutant('a watch whose start is no longer kept goes on behind a silent gap', 'lost history', sound => ({
    async *watch(since, signal) {
      try {
        yield* sound.watch(since, signal)
      } catch {
        // This is what is broken: the gap is not told.
        yield* sound.watch((await sound.list(EVERYTHING)).revision, signal)
      }
    },
  })),
  mutant('an abort is noticed at the next batch only', 'watchers', sound => ({
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, new AbortController().signal)) {
        yield batch
        if (signal.aborted) return
      }
    },
  })),
  mutant('an abort is noticed only when nothing is left to give', 'watchers', sound => ({
    async *watch(since, signal) {
      const late = new AbortController()
      signal.addEventListener('abort', () => setTimeout(() => late.abort(), 20), { once: true })
      yield* sound.watch(since, signal.aborted ? signal : late.signal)
    },
  })),
  mutant('a slow reader loses what does not fit into its buffer', 'watchers', sound => ({
    async *watch(since, signal) {
      const buffer: Batch[] = []
      let wake = () => {}
      let ended = false
      const read = async () => {
        for await (const batch of sound.watch(since, signal)) {
          buffer.push(batch)
          if (buffer.length > 100) buffer.shift()
          wake()
        }
      }
      const reading = read().finally(() => {
        ended = true
        wake()
      })
      while (!ended || buffer.length > 0) {
        const batch = buffer.shift()
        if (batch) yield batch
        else
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
      await reading
    },
  })),
  mutant('each batch is given to one of the watchers only', 'watchers', sound => {
    const given = new Set<bigint>()
    return {
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          if (batch.changes.length > 1 && given.has(batch.revision)) continue
          given.add(batch.revision)
          yield batch
        }
      },
    }
  }),
  mutant('a slow reader stops the store', 'watchers', sound => {
    let behind = 0
    return {
      async commit(operations) {
        while (behind > 0) await new Promise(setImmediate)
        return sound.commit(operations)
      },
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          behind++
          const free = () => {
            behind = 0
          }
          signal.addEventListener('abort', free)
          yield batch
          behind--
        }
      },
    }
  }),
]
