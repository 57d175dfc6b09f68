import { SettingsError } from '../../model/errors.ts'
import { KeyedMutex } from '../../model/keyed-mutex.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { unknownNamespace } from './present.ts'

/** Whose settings, in which scope. */
interface ScopedNamespace {
  readonly namespace: Namespace
  readonly scope: Scope
}

/** Which namespaces there are, and which new ones may come to be. */
export class KnownNamespaces {
  readonly #watcher: Watcher
  readonly #newNames = new KeyedMutex()

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /**
   * @throws SettingsError NAMESPACE_NOT_FOUND, with the nearest name, when there is neither a schema nor
   * overrides, here or in the scope.
   */
  require(namespace: Namespace, scope: Scope): void {
    if (!this.#isKnown(namespace, scope)) throw unknownNamespace(this.#watcher.cache, namespace)
  }

  /**
   * Does work that may make the namespaces of these places. New names come in one after the other, case
   * ignored: of two twins at the same time the second finds the first. All who make several take them in one
   * order.
   * @throws SettingsError NAMESPACE_CONFLICT when another namespace differs only in case, also one of these.
   */
  async reserve<Result>(places: readonly ScopedNamespace[], work: () => Promise<Result>): Promise<Result> {
    return this.#inOrder(places).reduceRight<() => Promise<Result>>(
      (inner, alike) => () => this.#admitOne(alike, inner),
      work,
    )()
  }

  /** @throws SettingsError NAMESPACE_CONFLICT as {@link reserve}, as far as that can be told now. */
  check(places: readonly ScopedNamespace[]): void {
    for (const alike of this.#inOrder(places)) {
      const [first] = alike
      if (first && !this.#areKnown(alike)) this.#refuseTwin(first.namespace)
    }
  }

  /** The places of each name, case ignored, names in order. */
  #inOrder(places: readonly ScopedNamespace[]): readonly (readonly ScopedNamespace[])[] {
    const names = new Map<string, ScopedNamespace[]>()
    for (const place of places) {
      const name = place.namespace.toLowerCase()
      const alike = names.get(name) ?? []
      const twin = alike.find(({ namespace }) => namespace !== place.namespace)
      if (twin && !this.#areKnown([twin, place])) throw namespaceConflict(place.namespace, twin.namespace)
      names.set(name, [...alike, place])
    }
    return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, alike]) => alike)
  }

  async #admitOne<Result>(places: readonly ScopedNamespace[], work: () => Promise<Result>): Promise<Result> {
    if (this.#areKnown(places)) return work()
    const [{ namespace } = needed()] = places
    const admitted = await this.#newNames.run(namespace.toLowerCase(), async () => {
      // Others may wait behind this one for the same name; once it is known they need not.
      if (this.#areKnown(places)) return undefined
      this.#refuseTwin(namespace)
      return { result: await work() }
    })
    return admitted ? admitted.result : work()
  }

  /** True when each namespace is known, be it by one of its places only. */
  #areKnown(places: readonly ScopedNamespace[]): boolean {
    return places.every(({ namespace }) =>
      places.some(one => one.namespace === namespace && this.#isKnown(namespace, one.scope)),
    )
  }

  #isKnown(namespace: Namespace, scope: Scope): boolean {
    const { cache } = this.#watcher
    if (cache.schema(namespace)) return true
    return [CLUSTER, cache.self, scope].some(one => cache.document(namespace, one)?.entry !== undefined)
  }

  #refuseTwin(namespace: Namespace): void {
    const twin = this.#watcher.cache
      .namespaces()
      .find(other => other !== namespace && other.toLowerCase() === namespace.toLowerCase())
    if (twin) throw namespaceConflict(namespace, twin)
  }
}

function namespaceConflict(namespace: Namespace, twin: Namespace): SettingsError {
  return new SettingsError(
    'NAMESPACE_CONFLICT',
    `"${namespace}" differs from "${twin}" only in case. Use "${twin}".`,
    {
      details: { got: namespace, nearest: twin },
    },
  )
}

function needed(): never {
  throw new RangeError('An admitted name must have a place.')
}
