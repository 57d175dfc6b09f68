import type { Backend } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { type Namespace, schemaKey } from '../../model/namespace.ts'
import type { Log } from '../log/log.ts'
import { type SchemaVersions, schemaInUse, schemasRevision } from '../watcher/schema-versions.ts'
import type { Watcher } from '../watcher/watcher.ts'
import type { Registrar } from './registrar.ts'

/** How long a schema is unused, in milliseconds of this process, before it is removed. */
export const UNUSED_MS = 24 * 60 * 60 * 1_000
/** The schemas that one pass removes at most, in all namespaces together. */
export const MAX_REMOVALS_PER_PASS = 50
/** The time between two passes. */
const PASS_MS = 10 * 60 * 1_000
/** The removed schemas that are remembered, to recognize one that is registered again. */
const MAX_REMEMBERED = 1_000

export interface SchemaPrunerOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly registrar: Registrar
  readonly log: Log
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** A stored schema that is not in use here. */
interface Unused {
  readonly createRevision: Revision
  /** When this process first saw it unused since it was stored, in milliseconds. */
  readonly since: number
}

/** A stored schema. */
interface Stored {
  readonly key: Key
  readonly revision: Revision
  /** The revision at which it was stored; a removal of another schema may put it again later. */
  readonly createRevision: Revision
}

/**
 * Removes stored schemas that are unused for 24 h, in passes of its own.
 *
 * Invariants:
 *  1. A schema is removed only after this process saw it unused, and stored without a pause, for 24 h of its own running
 *     time. Clocks of controllers are never compared, and a restart begins anew.
 *  2. A namespace keeps the schema that would be in use without registrations, and the one that was stored
 *     last, so that `Settings.revision` never goes back. Each commit is guarded by the revisions of both and
 *     of every schema that it removes. A pass that is older than the store therefore removes nothing.
 *  3. No registration is lost: the {@link Registrar} of every controller stores its schema again once the
 *     store lacks it. A schema that came back is used by a controller; this process never removes it again.
 *  4. A pass removes at most {@link MAX_REMOVALS_PER_PASS} schemas, and none while the store is unavailable.
 */
export class SchemaPruner {
  readonly #options: SchemaPrunerOptions
  readonly #now: () => number
  readonly #unused = new Map<Key, Unused>()
  /** The schemas that this process saw removed, or stored again, since it knows them. */
  readonly #returning = new Set<Key>()
  readonly #timer: NodeJS.Timeout
  #epoch = 0
  #pass: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(options: SchemaPrunerOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#timer = setInterval(() => void this.prune(), PASS_MS)
    this.#timer.unref()
  }

  /** Runs a pass after those before it; resolves with the keys that it removed, and never fails. */
  prune(): Promise<readonly Key[]> {
    const pass = this.#pass.then(() => this.#prune())
    this.#pass = pass
    return pass
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#pass
  }

  async #prune(): Promise<readonly Key[]> {
    const { watcher, registrar, log } = this.#options
    const removed: Key[] = []
    try {
      if (this.#stopped || !(await watcher.ready(0))) return removed
      await registrar.forget()
      for (const [namespace, due] of this.#findDue()) {
        const left = MAX_REMOVALS_PER_PASS - removed.length
        if (this.#stopped || left === 0) break
        removed.push(...(await this.#remove(namespace, due.slice(0, left))))
      }
    } catch (error) {
      if (!isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN', 'HISTORY_LOST'))
        log.warn(`Unused schemas were not removed: ${error}`)
    }
    return removed
  }

  /** Notes which schemas are unused now; returns those that are unused for long enough, oldest first. */
  #findDue(): ReadonlyMap<Namespace, readonly Stored[]> {
    const { cache } = this.#options.watcher
    if (cache.epoch !== this.#epoch) {
      // Revisions of another store prove nothing.
      this.#unused.clear()
      this.#returning.clear()
      this.#epoch = cache.epoch
    }
    const now = this.#now()
    const found = new Set<Key>()
    const due = new Map<Namespace, readonly Stored[]>()
    for (const namespace of cache.namespaces()) {
      const unused = unusedSchemas(namespace, cache.schemaVersions(namespace))
      for (const { key } of unused) found.add(key)
      const old = unused.filter(
        one => now - this.#note(one, now) >= UNUSED_MS && !this.#returning.has(one.key),
      )
      if (old.length > 0) due.set(namespace, old)
    }
    for (const key of this.#unused.keys()) if (!found.has(key)) this.#unused.delete(key)
    return due
  }

  /** The time since which a schema is unused, as far as this process knows. */
  #note({ key, createRevision }: Stored, now: number): number {
    const known = this.#unused.get(key)
    if (known?.createRevision === createRevision) return known.since
    // It was removed and registered again.
    if (known) this.#remember(key)
    this.#unused.set(key, { createRevision, since: now })
    return now
  }

  async #remove(namespace: Namespace, due: readonly Stored[]): Promise<readonly Key[]> {
    const { backend, watcher, log } = this.#options
    const { cache } = watcher
    const before = watcher.position
    // Used meanwhile, by a registration of this process during an earlier commit.
    const versions = cache.schemaVersions(namespace)
    const still = new Map(unusedSchemas(namespace, versions).map(one => [one.key, one.revision]))
    const old = due.filter(({ key, revision }) => still.get(key) === revision)
    if (old.length === 0) return []
    const checks = keptSchemas(namespace, versions).map(({ key, revision }) => ({
      key,
      check: true as const,
      expected: revision,
    }))
    // Before the commit, because a controller may register one again before its answer.
    for (const { key } of old) this.#remember(key)
    const outcome = await backend.commit([
      ...checks,
      ...old.map(({ key, revision }) => ({ key, delete: true as const, expected: revision })),
    ])
    if (!outcome.committed) {
      for (const { key } of old) this.#returning.delete(key)
      return []
    }
    log.info(`Removed ${old.length} stored schemas of "${namespace}": no NApp here used them for 24 h.`)
    await watcher.passed(outcome.revision, before)
    return old.map(({ key }) => key)
  }

  #remember(key: Key): void {
    this.#returning.delete(key)
    this.#returning.add(key)
    const [oldest] = this.#returning
    if (this.#returning.size > MAX_REMEMBERED && oldest) this.#returning.delete(oldest)
  }
}

/** The stored schemas of a namespace that are not in use here, without those that it keeps; oldest first. */
function unusedSchemas(namespace: Namespace, versions: SchemaVersions): readonly Stored[] {
  const kept = keptSchemas(namespace, versions)
  // Without a usable schema, the unusable ones keep the namespace from becoming free-form.
  if (kept.length === 0) return []
  const used = new Set(kept.map(({ key }) => key))
  const own = schemaInUse(versions)
  if (own) used.add(schemaKey(namespace, own.digest))
  return storedSchemas(namespace, versions)
    .filter(({ key, isSchema }) => isSchema && !used.has(key))
    .sort((a, b) => (a.revision < b.revision ? -1 : a.revision > b.revision ? 1 : a.key < b.key ? -1 : 1))
}

/** The schema that would be in use without registrations, and the one that was stored last. */
function keptSchemas(namespace: Namespace, versions: SchemaVersions): readonly Stored[] {
  const best = schemaInUse({ ...versions, registered: [] })
  if (!best) return []
  const bestKey = schemaKey(namespace, best.digest)
  const last = schemasRevision(versions)
  return storedSchemas(namespace, versions).filter(
    ({ key, revision }) => key === bestKey || revision === last,
  )
}

function storedSchemas(
  namespace: Namespace,
  { stored }: SchemaVersions,
): readonly (Stored & { readonly isSchema: boolean })[] {
  return [...stored].map(([digest, { entry, isSchema }]) => ({
    key: schemaKey(namespace, digest),
    revision: entry.modRevision,
    createRevision: entry.createRevision,
    isSchema,
  }))
}
