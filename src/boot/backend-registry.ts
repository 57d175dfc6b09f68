import type { Backend, BackendContext } from '../../backends/backend.ts'
import type { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { JsonObject } from '../../model/value.ts'
import type { LoadedModule } from './backend-module.ts'

/**
 * A backend's name with the options of that backend; `other` is one of another package, whose module is
 * loaded.
 */
export type BackendChoice =
  | ({ readonly backend: 'filesystem' } & Parameters<typeof createFilesystemBackend>[0])
  | ({ readonly backend: 'etcd' } & Parameters<typeof createEtcdBackend>[0])
  | { readonly backend: 'other'; readonly module: LoadedModule; readonly options: JsonObject }

/** Creates a backend that is not yet open; what it finds is given to `report`. */
export type CreateBackend = (report: BackendContext['report']) => Backend

/**
 * Returns what creates the chosen backend; loads its code and that of no other. The only place that knows all
 * backends.
 */
export async function loadBackend(choice: BackendChoice): Promise<CreateBackend> {
  // Each brings its own libraries: etcd's client alone takes a fifth of the time that a service takes to
  // start.
  switch (choice.backend) {
    case 'filesystem': {
      const { createFilesystemBackend } = await import('../../backends/filesystem/index.ts')
      return report => createFilesystemBackend(choice, { report })
    }
    case 'etcd': {
      const { createEtcdBackend } = await import('../../backends/etcd/index.ts')
      return report => createEtcdBackend(choice, { report })
    }
    case 'other':
      return report => choice.module.create(choice.options, { report })
  }
}
