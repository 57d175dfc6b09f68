import type { Supports } from '../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../backends/memory/index.ts'
import type { MemoryStore } from '../../backends/memory/store.ts'
import type { Place, Subject } from './case.ts'

/** A place in memory, which outlives its backends as a server outlives its clients. */
export function memoryPlace(store: MemoryStore = createMemoryStore()): Required<Place> {
  return {
    backend: () => createMemoryBackend(undefined, store),
    afterCrash: async () => createMemoryBackend(undefined, store),
    forget: async () => store.forget(),
    remove: async () => {},
  }
}

/** A store that several memory backends stand on; it keeps all data as long as its place is there, so that cases of durability run on it too. */
export const sharedMemory: Subject = {
  title: 'memory, shared by several backends',
  supports: { sharing: true, durability: true, handEdits: false } satisfies Omit<Supports, 'entryBytes'>,
  crash: true,
  forget: true,
  ttl: 0.1,
  patience: 3_000,
  create: async () => memoryPlace(),
}
