import type { Backend } from '../../backends/backend.ts'
import type { Settings } from '../../events/nouns.ts'
import { armedKey, type Key } from '../../model/key.ts'
import { overridesKey, parseNamespace, type Scope } from '../../model/namespace.ts'

/**
 * The seconds until the store ends the time of documents that are confirmed together, by the clock of the
 * store; 0 when it has ended.
 */
export async function readRemaining(backend: Backend, documents: readonly Key[]): Promise<number> {
  const seconds = await Promise.all(documents.map(document => backend.timeToLive(armedKey(document))))
  return Math.ceil(Math.max(0, ...seconds.map(one => one ?? 0)))
}

/** Settings with the seconds that are left for a confirmation, where they wait for one. */
export async function withRemaining(backend: Backend, settings: Settings): Promise<Settings> {
  const { pending } = settings
  if (!pending) return settings
  // The scopes are those of stored keys.
  const keys = pending.documents.map(one => overridesKey(parseNamespace(one.namespace), one.scope as Scope))
  return { ...settings, pending: { ...pending, remaining: await readRemaining(backend, keys) } }
}
