import type { Backend } from '../../backends/backend.ts'
import { createFeed } from '../../events/buffered-feed.ts'
import { printRevision } from '../../model/document.ts'
import { readStorePosition } from '../watcher/epoch.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** The feed of the facts that a watcher announces, with its position and its namespaces for snapshots. */
export function createWatcherFeed(watcher: Watcher, backend: Backend) {
  return createFeed({
    get epoch() {
      return watcher.position.epoch
    },
    get revision() {
      return watcher.position.revision
    },
    get announcing() {
      return watcher.announcing
    },
    storePosition: () => readStorePosition(backend),
    namespaces: () =>
      Object.fromEntries(
        watcher.cache.namespaces().map(namespace => {
          const revision = printRevision(watcher.cache.namespaceRevision(namespace))
          return [
            namespace,
            {
              data: watcher.cache.protect(namespace, watcher.cache.lastAnnounced(namespace)),
              revision,
            },
          ]
        }),
      ),
  })
}
