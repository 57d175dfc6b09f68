import type { Backend, Surroundings } from './backend.ts'
import { createEtcdBackend } from './etcd/index.ts'
import { createFilesystemBackend } from './filesystem/index.ts'

/** The backends that `[settings] backend` may name, the default first. */
export const BACKENDS = ['filesystem', 'etcd'] as const
export type BackendName = (typeof BACKENDS)[number]

/** A backend's name with the options of that backend. */
export type BackendChoice =
  | ({ readonly backend: 'filesystem' } & Parameters<typeof createFilesystemBackend>[0])
  | ({ readonly backend: 'etcd' } & Parameters<typeof createEtcdBackend>[0])

/** The backend that a configuration chose, not yet opened; does no I/O. The only place that knows all backends. */
export function createBackend(choice: BackendChoice, surroundings: Surroundings): Backend {
  switch (choice.backend) {
    case 'filesystem':
      return createFilesystemBackend(choice, surroundings)
    case 'etcd':
      return createEtcdBackend(choice, surroundings)
  }
}
