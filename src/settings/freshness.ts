import type { Backend } from '../../backends/backend.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, overridesKey, type Scope, schemaPrefix } from '../../model/namespace.ts'
import { documentRevision } from '../watcher/document-state.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { baseRevision, readBase } from './document-reader.ts'

/** Milliseconds that the watcher has to see what the store holds. */
const PATIENCE = 5_000

/**
 * Waits until the cache holds what the store held of a namespace when this was called, in the scopes that count here and in the one given.
 * @throws SettingsError STORE_STALE when the news does not arrive in 5 s, STORE_UNREACHABLE.
 */
export async function freshen(backend: Backend, watcher: Watcher, namespace: Namespace, scope: Scope): Promise<void> {
  const { cache } = watcher
  for (const one of new Set([CLUSTER, cache.self, scope])) {
    const key = overridesKey(namespace, one)
    const base = await readBase(backend, key)
    await seen(watcher, () => {
      const state = cache.stateOf(key)
      return documentRevision(state) >= baseRevision(base) || (base.entry === undefined && state?.entry === undefined)
    })
  }
  const { pages } = await backend.list(schemaPrefix(namespace))
  for await (const page of pages)
    for (const entry of page) {
      // One that was replaced or removed meanwhile was seen too.
      await seen(watcher, () => cache.holds(entry) || cache.revision >= entry.revision)
    }
}

async function seen(watcher: Watcher, condition: () => boolean): Promise<void> {
  if (await watcher.until(condition, PATIENCE)) return
  const { reason } = watcher.health
  throw new SettingsError(
    'STORE_STALE',
    `The store answered, but its news did not reach this controller in ${PATIENCE / 1000} s${reason ? ` (${reason})` : ''}. Try again.`,
  )
}
