import { createMemoryBackend } from '../../backends/memory/index.ts'
import { declareSuite } from './declare-suite.ts'
import { sharedMemory } from './memory-subject.ts'

declareSuite({
  ...sharedMemory,
  title: 'memory',
  supports: { sharing: false, durability: false, handEdits: false },
  crash: false,
  forget: false,
  lossy: false,
  create: async () => ({ backend: () => createMemoryBackend(), remove: async () => {} }),
})

declareSuite(sharedMemory)
