import type { Operation } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import type { Place } from '../../../conformance/harness/case.ts'
import { EVERYTHING } from '../../../model/key.ts'
import { delegate, flat, type Mutant, mutant, operationMutant } from './mutant.ts'

const lasting = (operation: Operation): Operation => {
  if (!('put' in operation)) return operation
  const { ttl: _, ...rest } = operation
  return rest
}

/** Broken ttls, restarts, sharing and ends. */
export const timeMutants: readonly Mutant[] = [
  operationMutant('a ttl never fires', 'ttl', lasting),
  mutant('the time to live is in milliseconds', 'ttl', sound => ({
    async timeToLive(key) {
      const left = await sound.timeToLive(key)
      return left === undefined ? undefined : left * 1000
    },
  })),
  mutant('a key without a ttl has a time to live', 'ttl', sound => ({
    timeToLive: async key => (await sound.timeToLive(key)) ?? 0,
  })),
  operationMutant('a ttl fires early', 'ttl', operation =>
    'put' in operation && operation.ttl !== undefined ? { ...operation, ttl: operation.ttl / 2 } : operation,
  ),
  operationMutant('a ttl is a 32 bit number of milliseconds', 'ttl', operation =>
    'put' in operation && operation.ttl !== undefined
      ? {
          ...operation,
          ttl: ((operation.ttl * 1000) | 0) < 0 || operation.ttl > 2 ** 21 ? 0.001 : operation.ttl,
        }
      : operation,
  ),
  ttlMutant('a later put with a ttl does not count anew', ({ running, again }) => running && again),
  ttlMutant('a later put without a ttl does not end it', ({ running, again }) => running && !again),
  mutant('a losing put starts a ttl', 'ttl', sound => ({
    async commit(operations) {
      const outcome = await sound.commit(operations)
      for (const operation of operations) {
        if (outcome.committed || !('put' in operation) || operation.ttl === undefined) continue
        setTimeout(
          () => void sound.commit([{ key: operation.key, delete: true }]).catch(() => undefined),
          operation.ttl * 1000,
        )
      }
      return outcome
    },
  })),
  mutant('an expiry is not announced', 'ttl', sound => {
    const mortal = new Set<string>()
    return {
      commit(operations) {
        for (const operation of operations) {
          if ('put' in operation && operation.ttl !== undefined) mortal.add(operation.key)
          else mortal.delete(operation.key)
        }
        return sound.commit(operations)
      },
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          if (!batch.changes.some(change => change.type === 'delete' && mortal.has(change.key))) yield batch
        }
      },
    }
  }),
  mutant('a ttl lives only as long as the backend that began it', 'sharing', sound => {
    const begun = new Map<string, Operation>()
    return {
      commit(operations) {
        for (const operation of operations)
          if ('put' in operation && operation.ttl !== undefined) begun.set(operation.key, operation)
        return sound.commit(operations)
      },
      async close() {
        if (begun.size > 0) await sound.commit([...begun.values()].map(lasting)).catch(() => undefined)
        await sound.close()
      },
    }
  }),
  mutant('closing a backend ends the leases that it began', 'sharing', sound => {
    const begun = new Set<Operation['key']>()
    return {
      commit(operations) {
        for (const operation of operations)
          if ('put' in operation && operation.ttl !== undefined) begun.add(operation.key)
        return sound.commit(operations)
      },
      async close() {
        if (begun.size > 0)
          await sound.commit([...begun].map(key => ({ key, delete: true as const }))).catch(() => undefined)
        await sound.close()
      },
    }
  }),
  {
    title: 'a commit is told to have succeeded before it is durable',
    noticedBy: 'durability',
    place: ackedEarly,
  },
  { title: 'the revision starts again at a restart', noticedBy: 'durability', place: startingAgain },
  mutant('what another backend committed is not seen for what was read once', 'sharing', sound => {
    const read = new Map<string, ReturnType<typeof sound.get>>()
    return {
      get(key) {
        const entry = read.get(key) ?? sound.get(key)
        read.set(key, entry)
        return entry
      },
      commit(operations) {
        for (const { key } of operations) read.delete(key)
        return sound.commit(operations)
      },
    }
  }),
  mutant('a backend announces only its own commits', 'sharing', sound => {
    const own = new Set<bigint>()
    return {
      async commit(operations) {
        const outcome = await sound.commit(operations)
        if (outcome.committed) own.add(outcome.revision)
        return outcome
      },
      async *watch(since, signal) {
        for await (const batch of sound.watch(since, signal)) {
          await new Promise(setImmediate)
          if (batch.changes.length === 0 || own.has(batch.revision)) yield batch
        }
      },
    }
  }),
  mutant('a closed backend still answers', 'lifecycle', () => ({ close: async () => undefined })),
  mutant('a closed backend can be opened again', 'lifecycle', sound => {
    let closed = false
    return {
      open: async () => (closed ? undefined : sound.open()),
      async close() {
        closed = true
        await sound.close()
      },
    }
  }),
  mutant('a watch goes on when its backend is closed', 'lifecycle', sound => ({
    async *watch(since, signal) {
      yield* sound.watch(since, signal)
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    },
  })),
  mutant('a commit in flight is never answered when the backend is closed', 'lifecycle', sound => {
    let closed = false
    return {
      async commit(operations) {
        const outcome = await sound.commit(operations)
        await new Promise(setImmediate)
        return closed ? new Promise<never>(() => undefined) : outcome
      },
      async close() {
        closed = true
        await sound.close()
      },
    }
  }),
  mutant('a closed backend fails with an error of somebody else', 'lifecycle', sound => ({
    get: key =>
      sound.get(key).catch(() => {
        throw new TypeError('Cannot read properties of undefined')
      }),
  })),
]

/** A later put leaves the time running that an earlier one began, where `keeps` says so. */
function ttlMutant(
  title: string,
  keeps: (put: { readonly running: boolean; readonly again: boolean }) => boolean,
): Mutant {
  return mutant(title, 'ttl', sound => {
    const ends = new Map<string, number>()
    return {
      commit(operations) {
        const now = performance.now()
        const kept = operations.map((operation): Operation => {
          if (!('put' in operation)) return operation
          const end = ends.get(operation.key) ?? 0
          if (keeps({ running: end > now, again: operation.ttl !== undefined }))
            return { ...operation, ttl: (end - now) / 1000 }
          if (operation.ttl !== undefined) ends.set(operation.key, now + operation.ttl * 1000)
          return operation
        })
        return sound.commit(kept)
      },
    }
  })
}

/**
 * Commits and reads go to a cache, and from there to the store a little later, or at close; a crash loses
 * what is between.
 */
function ackedEarly(sound: Required<Place>): Place {
  const cache = createMemoryStore()
  const behind: (readonly Operation[])[] = []
  const store = sound.backend()
  const hand = async (): Promise<void> => {
    await store.open()
    for (const operations of behind.splice(0)) await store.commit(operations)
  }
  return {
    ...sound,
    backend() {
      const cached = createMemoryBackend(undefined, cache)
      return {
        ...delegate(cached),
        async commit(operations) {
          const outcome = await cached.commit(operations)
          if (outcome.committed) behind.push(operations)
          return outcome
        },
        async close() {
          await hand()
          await cached.close()
        },
      }
    },
  }
}

/** What is stored is written anew, with revisions from one on, when a backend is opened after another. */
function startingAgain(sound: Required<Place>): Place {
  let store = createMemoryStore()
  let last: ReturnType<typeof createMemoryBackend> | undefined
  return {
    ...sound,
    backend() {
      const before = store
      const again = last !== undefined
      if (again) store = createMemoryStore()
      const fresh = createMemoryBackend(undefined, store)
      last = fresh
      return {
        ...delegate(fresh),
        async open() {
          await fresh.open()
          if (!again) return
          const reader = createMemoryBackend(undefined, before)
          await reader.open()
          const entries = await flat((await reader.list(EVERYTHING)).pages)
          if (entries.length > 0) await fresh.commit(entries.map(({ key, text }) => ({ key, put: text })))
        },
      }
    },
  }
}
