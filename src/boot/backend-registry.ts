import type { Backend, BackendContext } from '../../backends/backend.ts'
import type { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { JsonObject } from '../../model/value.ts'
import type { LoadedModule } from './backend-module.ts'

/** The name of a backend and its options; `other` is a backend of another package, with its loaded module. */
export type BackendChoice =
  | ({ readonly backend: 'filesystem' } & Parameters<typeof createFilesystemBackend>[0])
  | ({ readonly backend: 'etcd' } & Parameters<typeof createEtcdBackend>[0])
  | { readonly backend: 'other'; readonly module: LoadedModule; readonly options: JsonObject }

/** Creates a backend that is not open yet; its findings are passed to `report`. */
export type CreateBackend = (report: BackendContext['report'], seal?: BackendContext['seal']) => Backend

/**
 * Loads the code of the chosen backend only and returns its factory. This is the only place that knows all
 * backends.
 */
export async function loadBackend(choice: BackendChoice): Promise<CreateBackend> {
  // Imported dynamically because of their libraries: etcd's client alone takes a fifth of a service's start.
  switch (choice.backend) {
    case 'filesystem': {
      const { createFilesystemBackend } = await import('../../backends/filesystem/index.ts')
      return (report, seal) => createFilesystemBackend(choice, { report, ...(seal && { seal }) })
    }
    case 'etcd': {
      const { createEtcdBackend } = await import('../../backends/etcd/index.ts')
      return report => createEtcdBackend(choice, { report })
    }
    case 'other':
      return (report, seal) => choice.module.create(choice.options, { report, ...(seal && { seal }) })
  }
}
