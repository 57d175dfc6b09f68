import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, type Scope } from '../../model/namespace.ts'
import { Turnstile } from '../turnstile.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { unknownNamespace } from './present.ts'

/** Which namespaces there are, and which new ones may come to be. */
export class Names {
  readonly #watcher: Watcher
  readonly #newNames = new Turnstile()

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /** @throws SettingsError NAMESPACE_UNKNOWN, with the nearest name, when there is neither a schema nor overrides, here or in the scope. */
  require(namespace: Namespace, scope: Scope): void {
    if (!this.#isKnown(namespace, scope)) throw unknownNamespace(this.#watcher.cache, namespace)
  }

  /**
   * Does work that may make the namespace. New names come in one after the other, case ignored: of two twins at the same time the second finds the first.
   * @throws SettingsError NAMESPACE_TWIN when another namespace differs only in case.
   */
  async admit<Result>(namespace: Namespace, scope: Scope, work: () => Promise<Result>): Promise<Result> {
    if (this.#isKnown(namespace, scope)) return work()
    const admitted = await this.#newNames.run(namespace.toLowerCase(), async () => {
      // Others may wait behind this one for the same name; once it is known they need not.
      if (this.#isKnown(namespace, scope)) return undefined
      this.#refuseTwin(namespace)
      return { result: await work() }
    })
    return admitted ? admitted.result : work()
  }

  #isKnown(namespace: Namespace, scope: Scope): boolean {
    const { cache } = this.#watcher
    if (cache.schema(namespace)) return true
    return [CLUSTER, cache.self, scope].some(one => cache.document(namespace, one)?.entry !== undefined)
  }

  #refuseTwin(namespace: Namespace): void {
    const twin = this.#watcher.cache.namespaces().find(other => other !== namespace && other.toLowerCase() === namespace.toLowerCase())
    if (!twin) return
    throw new SettingsError('NAMESPACE_TWIN', `"${namespace}" differs from the existing "${twin}" only in case. Use "${twin}".`, {
      details: { got: namespace, nearest: twin },
    })
  }
}
