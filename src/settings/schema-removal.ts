import type { Backend, Operation } from '../../backends/backend.ts'
import type { RemovedSchemas } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { CLUSTER, type Namespace, overridesKey, schemaKey, schemaPrefix } from '../../model/namespace.ts'
import { prepareArming } from '../pending/arming.ts'
import {
  NO_SCHEMAS,
  type SchemaVersions,
  schemaInUse,
  schemasRevision,
  withStored,
} from '../watcher/schema-versions.ts'
import type { Watcher } from '../watcher/watcher.ts'
import type { DocumentWriter } from './write/document-writer.ts'

/** Schemas that one commit removes, within the operations that etcd allows. */
const MAX_REMOVALS_PER_COMMIT = 50
/** The commits that other removals of the same schemas may overtake. */
const MAX_LOST_RACES = 20

/** The schemas that a request removes: one digest, or all of the namespace. */
export interface SchemaRemoval {
  readonly namespace: Namespace
  readonly digest: string | undefined
  readonly force: boolean
  readonly actor: Actor
  readonly comment: string | undefined
}

export interface RemovalOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly writer: DocumentWriter
}

/**
 * Removes stored schemas of a namespace; resolves once they are gone here, too.
 *
 * Invariants:
 *  1. The store decides which schemas exist, not the cache, and a schema is never removed without `force`,
 *     because the controllers that use it are not known. The content of a key is its digest, so a repeated or
 *     late removal removes no other schema. A controller that uses a removed one registers it again.
 *  2. `Settings.revision` never goes back, at no controller and after no restart, although a removed key has
 *     no revision any more. Each commit also puts a schema again, unchanged, that stays and would be in use.
 *     Where none stays, the overrides of the cluster, which every controller sees, get one more record, without
 *     a change of their text. Overrides of controllers alone are covered by a record that those of the cluster
 *     are absent. A namespace of which nothing is stored any more is unknown, and has no revision.
 * @throws SettingsError SCHEMA_IN_USE without `force`; NAMESPACE_NOT_FOUND when the store has no such schema;
 * PENDING when the last one would go while the overrides of the cluster wait for a confirmation; CONTENTION.
 */
export async function removeSchemas(
  { namespace, digest, force, ...by }: SchemaRemoval,
  options: RemovalOptions,
): Promise<RemovedSchemas> {
  const found = await storedSchemas(options, namespace)
  const removed = [...found.stored.keys()].filter(one => digest === undefined || one === digest)
  if (removed.length === 0) throw notStored(namespace, digest)
  if (!force) throw inUse(namespace, removed.length)
  for (let i = 0; i < removed.length; i += MAX_REMOVALS_PER_COMMIT) {
    const batch = removed.slice(i, i + MAX_REMOVALS_PER_COMMIT)
    await removeBatch({ namespace, batch, later: removed.slice(i + batch.length) }, by, options)
  }
  return { namespace, removed }
}

/** The digests of one commit, and those that go after it. */
interface RemovalBatch {
  readonly namespace: Namespace
  readonly batch: readonly string[]
  readonly later: readonly string[]
}

type RemovedBy = Pick<SchemaRemoval, 'actor' | 'comment'>

async function removeBatch(removal: RemovalBatch, by: RemovedBy, options: RemovalOptions): Promise<void> {
  const { namespace, batch, later } = removal
  const { backend, watcher } = options
  const deletes = batch.map(digest => ({ key: schemaKey(namespace, digest), delete: true as const }))
  for (let round = 0; round < MAX_LOST_RACES; round++) {
    const { position } = watcher
    const staying = schemaThatStays(namespace, await storedSchemas(options, namespace), { batch, later })
    if (!staying) return removeLast(namespace, deletes, by, options)
    const outcome = await backend.commit([...deletes, staying])
    if (!outcome.committed) continue
    await watcher.passed(outcome.revision, position)
    return
  }
  throw new SettingsError(
    'CONTENTION',
    `Other callers remove schemas of "${namespace}" at the same time. Repeat the removal.`,
  )
}

/** Removes all schemas that a namespace has. */
async function removeLast(
  namespace: Namespace,
  deletes: readonly Operation[],
  { actor, comment = 'The stored schemas were removed.' }: RemovedBy,
  { backend, watcher, writer }: RemovalOptions,
): Promise<void> {
  const { position } = watcher
  const key = overridesKey(namespace, CLUSTER)
  if (!hasOverrides(namespace, watcher)) {
    const outcome = await backend.commit(deletes)
    if (outcome.committed) await watcher.passed(outcome.revision, position)
    return
  }
  const { documents } = await writer.write(
    [{ key }],
    async read => {
      await prepareArming(backend, read, { actor, comment })
      const next = read.map(document => ({ ...document, next: document.base.data, isPutAgain: true }))
      return { next, guards: deletes, result: undefined }
    },
    { actor, comment, fresh: true },
  )
  const [written] = documents
  if (written) await watcher.passed(written.written.revision, position)
}

function hasOverrides(namespace: Namespace, { cache }: Watcher): boolean {
  for (const document of cache.documents())
    if (document.namespace === namespace && document.entry) return true
  return false
}

/** Puts again the schema that would be in use after a removal, without registrations; undefined for none. */
function schemaThatStays(
  namespace: Namespace,
  { stored }: SchemaVersions,
  { batch, later }: Pick<RemovalBatch, 'batch' | 'later'>,
): Operation | undefined {
  const left = [...stored].filter(([digest]) => !batch.includes(digest))
  const last = left.filter(([digest]) => !later.includes(digest))
  const staying = { ...NO_SCHEMAS, stored: new Map(last.length > 0 ? last : left) }
  const best = schemaInUse(staying)?.digest
  // Of texts that are no schemas, any.
  const newest = [...staying.stored].find(([, { entry }]) => entry.modRevision === schemasRevision(staying))
  const entry = (best === undefined ? undefined : staying.stored.get(best))?.entry ?? newest?.[1].entry
  return (
    entry && {
      key: schemaKey(namespace, best ?? newest?.[0] ?? ''),
      put: entry.text,
      expected: entry.modRevision,
    }
  )
}

/** @throws SettingsError CONTENT_MALFORMED for anything but a digest. */
export function parseDigest(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value
  throw new SettingsError(
    'CONTENT_MALFORMED',
    '"digest" must be 64 hexadecimal digits in lower case, as in the answer of kytos.settings.describe.',
  )
}

/** The schemas that the store has now. */
async function storedSchemas(
  { backend, watcher }: RemovalOptions,
  namespace: Namespace,
): Promise<SchemaVersions> {
  const known = watcher.cache.schemaVersions(namespace).stored
  let found = NO_SCHEMAS
  const { pages } = await backend.list(schemaPrefix(namespace))
  for await (const page of pages)
    for (const entry of page) {
      const digest = digestIn(entry.key)
      const one = known.get(digest)
      // Reuses the compiled schema, because compiling takes long.
      if (one?.entry.modRevision === entry.modRevision)
        found = { ...found, stored: new Map(found.stored).set(digest, one) }
      else found = withStored(found, digest, entry).schemas
    }
  return found
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
