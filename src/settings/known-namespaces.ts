import { printRevision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { KeyedMutex } from '../../model/keyed-mutex.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { unknownNamespace } from './write/unknown-namespace.ts'

/** A namespace in a scope. */
interface ScopedNamespace {
  readonly namespace: Namespace
  readonly scope: Scope
}

/** The namespaces that exist, and the creation of new ones without a conflict in case. */
export class KnownNamespaces {
  readonly #watcher: Watcher
  readonly #newNames = new KeyedMutex()

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /**
   * @throws SettingsError NAMESPACE_NOT_FOUND, with the nearest name, when there is neither a schema nor
   * overrides, here or in the scope. Where overrides were deleted before, its `revision` and `epoch` guard a
   * change on top of this answer; without them it is "0".
   */
  require(namespace: Namespace, scope: Scope): void {
    if (this.#isKnown(namespace, scope)) return
    const { cache } = this.#watcher
    const error = unknownNamespace(cache, namespace)
    const revision = cache.namespaceRevision(namespace, scope)
    // A hidden name is answered as one that never was.
    if (revision === 0n || !currentVisibility().seesNamespace(namespace)) throw error
    throw new SettingsError(error.code, error.message, {
      details: { ...error.details, revision: printRevision(revision), epoch: cache.epoch },
    })
  }

  /**
   * Runs work that may create the namespaces of these places. Of names that differ only in case one is
   * created at a time, so that the second finds the first. All callers reserve several names in one order.
   * @throws SettingsError NAMESPACE_CONFLICT when another namespace differs only in case, also one of these.
   */
  async reserve<Result>(places: readonly ScopedNamespace[], work: () => Promise<Result>): Promise<Result> {
    return this.#inOrder(places).reduceRight<() => Promise<Result>>(
      (inner, alike) => () => this.#reserveOne(alike, inner),
      work,
    )()
  }

  /** @throws SettingsError NAMESPACE_CONFLICT as {@link reserve}, as far as it is known now. */
  check(places: readonly ScopedNamespace[]): void {
    for (const alike of this.#inOrder(places)) {
      const [first] = alike
      if (first && !this.#areKnown(alike)) this.#refuseConflict(first.namespace)
    }
  }

  /** The places of each name, case ignored, names in order. */
  #inOrder(places: readonly ScopedNamespace[]): readonly (readonly ScopedNamespace[])[] {
    const names = new Map<string, ScopedNamespace[]>()
    for (const place of places) {
      const name = place.namespace.toLowerCase()
      const alike = names.get(name) ?? []
      const other = alike.find(({ namespace }) => namespace !== place.namespace)
      if (other && !this.#areKnown([other, place])) throw namespaceConflict(place.namespace, other.namespace)
      names.set(name, [...alike, place])
    }
    return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, alike]) => alike)
  }

  async #reserveOne<Result>(
    places: readonly ScopedNamespace[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#areKnown(places)) return work()
    const [{ namespace } = needed()] = places
    const reserved = await this.#newNames.run(namespace.toLowerCase(), async () => {
      // The caller before this one in the queue may have created the name.
      if (this.#areKnown(places)) return undefined
      this.#refuseConflict(namespace)
      return { result: await work() }
    })
    return reserved ? reserved.result : work()
  }

  /** True when each namespace is known by at least one of its places, and in conflict with no other one. */
  #areKnown(places: readonly ScopedNamespace[]): boolean {
    const { cache } = this.#watcher
    return places.every(
      ({ namespace }) =>
        cache.conflict(namespace) === undefined &&
        places.some(one => one.namespace === namespace && this.#isKnown(namespace, one.scope)),
    )
  }

  #isKnown(namespace: Namespace, scope: Scope): boolean {
    const { cache } = this.#watcher
    if (cache.schema(namespace)) return true
    return [CLUSTER, cache.self, scope].some(one => cache.document(namespace, one)?.entry !== undefined)
  }

  #refuseConflict(namespace: Namespace): void {
    const conflict = this.#watcher.cache
      .namespaces()
      .find(other => other !== namespace && other.toLowerCase() === namespace.toLowerCase())
    if (conflict) throw namespaceConflict(namespace, conflict)
  }
}

function namespaceConflict(namespace: Namespace, other: Namespace): SettingsError {
  return new SettingsError(
    'NAMESPACE_CONFLICT',
    `"${namespace}" differs from "${other}" only in case. Use "${other}".`,
    {
      details: { got: namespace, nearest: other },
    },
  )
}

function needed(): never {
  throw new RangeError('A reserved name must have a place.')
}
