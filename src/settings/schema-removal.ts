import type { Backend } from '../../backends/backend.ts'
import type { RemovedSchemas } from '../../events/nouns.ts'
import { SettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { type Namespace, schemaPrefix } from '../../model/namespace.ts'
import type { Watcher } from '../watcher/watcher.ts'

/** Schemas that one commit removes, within the operations that etcd allows. */
const MAX_REMOVALS_PER_COMMIT = 50

/** The schemas that a request removes: one digest, or all of the namespace. */
export interface SchemaRemoval {
  readonly namespace: Namespace
  readonly digest: string | undefined
  readonly force: boolean
}

/**
 * Removes stored schemas of a namespace; resolves once they are gone here, too.
 *
 * Invariant: the store decides which schemas exist, not the cache, and a schema is never removed without
 * `force`, because the controllers that use it are not known. The content of a key is its digest, so a
 * repeated or late removal removes no other schema. A controller that uses a removed one registers it again.
 * @throws SettingsError SCHEMA_IN_USE without `force`; NAMESPACE_NOT_FOUND when the store has no such schema.
 */
export async function removeSchemas(
  { namespace, digest, force }: SchemaRemoval,
  { backend, watcher }: { readonly backend: Backend; readonly watcher: Watcher },
): Promise<RemovedSchemas> {
  const keys = (await storedSchemas(backend, namespace)).filter(
    key => digest === undefined || digestIn(key) === digest,
  )
  if (keys.length === 0) throw notStored(namespace, digest)
  if (!force) throw inUse(namespace, keys.length)
  for (let i = 0; i < keys.length; i += MAX_REMOVALS_PER_COMMIT) {
    const before = watcher.position
    const outcome = await backend.commit(
      keys.slice(i, i + MAX_REMOVALS_PER_COMMIT).map(key => ({ key, delete: true as const })),
    )
    if (outcome.committed) await watcher.passed(outcome.revision, before)
  }
  return { namespace, removed: keys.map(digestIn) }
}

/** @throws SettingsError CONTENT_MALFORMED for anything but a digest. */
export function parseDigest(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value
  throw new SettingsError(
    'CONTENT_MALFORMED',
    '"digest" must be 64 hexadecimal digits in lower case, as in the answer of kytos.settings.describe.',
  )
}

async function storedSchemas(backend: Backend, namespace: Namespace): Promise<readonly Key[]> {
  const keys: Key[] = []
  const { pages } = await backend.list(schemaPrefix(namespace))
  for await (const page of pages) for (const { key } of page) keys.push(key)
  return keys
}

function digestIn(key: Key): string {
  return splitKey(key).segments[2] ?? ''
}

function notStored(namespace: Namespace, digest: string | undefined): SettingsError {
  const what = digest === undefined ? 'no stored schema' : `no stored schema with the digest ${digest}`
  return new SettingsError(
    'NAMESPACE_NOT_FOUND',
    `"${namespace}" has ${what}. "kytos-settings list" shows which namespaces have one.`,
    { details: { namespace, ...(digest !== undefined && { digest }) } },
  )
}

function inUse(namespace: Namespace, count: number): SettingsError {
  return new SettingsError(
    'SCHEMA_IN_USE',
    `${count === 1 ? 'The schema' : `Each of ${count} schemas`} of "${namespace}" may be in use by a controller. ` +
      'Repeat with force, if no NApp of any controller uses it; a NApp that does registers it again.',
    { details: { namespace, count } },
  )
}
