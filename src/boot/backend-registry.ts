import type { Backend, Surroundings } from '../../backends/backend.ts'
import type { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { createFilesystemBackend } from '../../backends/filesystem/index.ts'

/** The backends that `[settings] backend` may name, the default first. */
export const BACKENDS = ['filesystem', 'etcd'] as const
export type BackendName = (typeof BACKENDS)[number]

/** A backend's name with the options of that backend. */
export type BackendChoice =
  | ({ readonly backend: 'filesystem' } & Parameters<typeof createFilesystemBackend>[0])
  | ({ readonly backend: 'etcd' } & Parameters<typeof createEtcdBackend>[0])

/** Gives what creates the backend that a configuration chose, not yet opened; loads its code and that of no other. The only place that knows all backends. */
export async function loadBackend(choice: BackendChoice): Promise<(report: Surroundings['report']) => Backend> {
  // Each brings its own libraries: etcd's client alone takes a fifth of the time that a service takes to start.
  switch (choice.backend) {
    case 'filesystem': {
      const { createFilesystemBackend } = await import('../../backends/filesystem/index.ts')
      return report => createFilesystemBackend(choice, { report })
    }
    case 'etcd': {
      const { createEtcdBackend } = await import('../../backends/etcd/index.ts')
      return report => createEtcdBackend(choice, { report })
    }
  }
}
