import type { Supports } from '../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../backends/memory/index.ts'
import type { MemoryStore } from '../../backends/memory/store.ts'
import type { Lossy, Place, Subject } from '../../conformance/harness/case.ts'
import { LossyClient, type Rules } from '../support/lossy-client.ts'
import { delegate } from './mutants/mutant.ts'

/** A place in memory, whose lossy line may follow other rules than the contract has. */
export interface MemoryPlace extends Required<Place> {
  lossy(rules?: Rules): Promise<Lossy>
}

/** A place in memory, which outlives its backends as a server outlives its clients. */
export function memoryPlace(store: MemoryStore = createMemoryStore()): MemoryPlace {
  return {
    lossy: async rules => lossyMemory(store, rules),
    backend: () => createMemoryBackend(undefined, store),
    afterCrash: async () => createMemoryBackend(undefined, store),
    forget: async () => store.forget(),
    remove: async () => {},
  }
}

function lossyMemory(store: MemoryStore, rules?: Rules): Lossy {
  const line = new LossyClient(store, rules)
  let restore = (): void => {}
  return {
    backend: {
      ...delegate(createMemoryBackend(undefined, store)),
      commit: operations => line.commit(operations),
    },
    loseAnswers() {
      const usable = new Promise<void>(resolve => {
        restore = resolve
      })
      line.usable = () => usable
      line.fate = () => {
        line.fate = () => 'answered'
        return 'applied'
      }
    },
    restore: () => restore(),
    close: async () => {},
  }
}

/**
 * A store that several memory backends stand on; it keeps all data as long as its place is there, so that
 * cases of durability run on it too.
 */
export const sharedMemory: Subject = {
  title: 'memory, shared by several backends',
  supports: { sharing: true, durability: true, handEdits: false } satisfies Omit<Supports, 'entryBytes'>,
  crash: true,
  forget: true,
  lossy: true,
  ttl: 0.1,
  timeoutMs: 3_000,
  create: async () => memoryPlace(),
}
