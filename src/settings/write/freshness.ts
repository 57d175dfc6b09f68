import type { Backend } from '../../../backends/backend.ts'
import type { Key } from '../../../model/key.ts'
import { CLUSTER, type Namespace, overridesKey, type Scope, schemaPrefix } from '../../../model/namespace.ts'
import { baseRevision, isAsKnown, readBase } from '../../state/document-reader.ts'
import { documentRevision } from '../../state/document-state.ts'
import { waitForCache } from '../../watcher/epoch.ts'
import type { Watcher } from '../../watcher/watcher.ts'

/** The number of new epochs in a row after which a read no longer begins again. */
const MAX_EPOCHS = 5

/**
 * Waits until the cache holds a namespace as the store held it at the time of the call, in the scopes that
 * count here and in `scope`.
 * @throws SettingsError STORE_STALE when the cache does not reach it in 5 s, STORE_UNREACHABLE.
 */
export async function freshen(
  backend: Backend,
  watcher: Watcher,
  namespace: Namespace,
  scope: Scope,
): Promise<void> {
  const { cache } = watcher
  for (const one of new Set([CLUSTER, cache.self, scope]))
    await freshenDocument(backend, watcher, overridesKey(namespace, one))
  const { epoch, revision } = cache
  const { pages } = await backend.list(schemaPrefix(namespace))
  for await (const page of pages)
    for (const entry of page) {
      // A schema that was replaced or removed after the call was seen too. A later revision from before the
      // call proves nothing, because the store may have been restored.
      const isLater = () => cache.revision > revision && cache.revision >= entry.modRevision
      await waitForCache(watcher, () => cache.epoch !== epoch || cache.holds(entry) || isLater())
    }
}

/**
 * Waits until the cache has a document as it was read, or as a change after the call left it. A later
 * document in the cache before the call proves nothing, because the store may have been restored, which the
 * watcher is about to notice.
 */
async function freshenDocument(backend: Backend, watcher: Watcher, key: Key): Promise<void> {
  const { cache } = watcher
  for (let attempt = 1; ; attempt++) {
    const { epoch } = cache
    const known = documentRevision(cache.stateOf(key))
    const base = await readBase(backend, key)
    const newest = known > baseRevision(base) ? known : baseRevision(base)
    const isThere = () => isAsKnown(cache.stateOf(key), base) || documentRevision(cache.stateOf(key)) > newest
    await waitForCache(watcher, () => cache.epoch !== epoch || isThere())
    if (cache.epoch === epoch || attempt === MAX_EPOCHS) return
  }
}
