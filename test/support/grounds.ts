import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { createMemoryBackend, createMemoryStore } from '../../backends/memory/index.ts'
import { type Controller, type ControllerOptions, openController } from './controller.ts'
import { type EtcdServer, startEtcd } from './etcd.ts'

/** One kind of store, for tests of properties that hold on every kind. */
export interface Ground {
  readonly backend: 'memory' | 'filesystem' | 'etcd'
  /** The number of controllers that may share one store. */
  readonly controllers: number
  /**
   * Opens that number of controllers on a new store and passes them to the test, with the backend of the first
   * one; then closes and removes all.
   */
  with(work: Work, options?: ControllerOptions): Promise<void>
  stop(): Promise<void>
}

type Work = (controllers: readonly Controller[], backend: Backend) => Promise<void>
type OpenBackend = ControllerOptions['backend'] & {}

const IDS = ['one', 'two', 'three']

/** Starts the servers that a kind of store requires. */
export async function openGround(backend: Ground['backend']): Promise<Ground> {
  if (backend === 'memory') return memoryGround()
  return backend === 'filesystem' ? filesystemGround() : etcdGround(await startEtcd())
}

function memoryGround(): Ground {
  return {
    backend: 'memory',
    controllers: IDS.length,
    async with(work, options) {
      const store = createMemoryStore()
      await withControllers(IDS, () => createMemoryBackend(undefined, store), work, options)
    },
    stop: async () => {},
  }
}

function filesystemGround(): Ground {
  return {
    backend: 'filesystem',
    controllers: 1,
    async with(work, options) {
      const path = await mkdtemp(join(tmpdir(), 'kytos-ground-'))
      try {
        const open: OpenBackend = report => createFilesystemBackend({ path }, { report })
        await withControllers(IDS.slice(0, 1), open, work, options)
      } finally {
        await rm(path, { recursive: true, force: true })
      }
    },
    stop: async () => {},
  }
}

function etcdGround(server: EtcdServer): Ground {
  let stores = 0
  return {
    backend: 'etcd',
    controllers: IDS.length,
    async with(work, options) {
      const etcd = { endpoints: server.endpoints, prefix: `/ground-${++stores}`, timeout: 5 }
      await withControllers(IDS, report => createEtcdBackend(etcd, { report }), work, options)
    },
    stop: () => server.stop(),
  }
}

async function withControllers(
  ids: readonly string[],
  open: OpenBackend,
  work: Work,
  options: ControllerOptions | undefined,
) {
  const controllers: Controller[] = []
  const backends: Backend[] = []
  const backend: OpenBackend = (...given) => {
    const opened = open(...given)
    backends.push(opened)
    return opened
  }
  try {
    for (const id of ids) controllers.push(await openController({ ...options, id, backend }))
    await work(controllers, backends[0] as Backend) // One for each controller.
  } finally {
    await Promise.all(controllers.map(one => one.close()))
  }
}
