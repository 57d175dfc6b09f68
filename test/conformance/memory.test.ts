import { createMemoryBackend } from '../../backends/memory/index.ts'
import { sharedMemory } from './memory-subject.ts'
import { suite } from './suite.ts'

suite({
  ...sharedMemory,
  title: 'memory',
  supports: { sharing: false, durability: false, handEdits: false },
  crash: false,
  forget: false,
  lossy: false,
  create: async () => ({ backend: () => createMemoryBackend(), remove: async () => {} }),
})

suite(sharedMemory)
