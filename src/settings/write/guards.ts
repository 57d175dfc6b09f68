import type { Backend, Operation } from '../../../backends/backend.ts'
import { printRevision, type Revision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { CLUSTER, type Namespace, overridesKey } from '../../../model/namespace.ts'
import { baseRevision, isAsKnown } from '../../state/document-reader.ts'
import { documentRevision, parseOverridesKey } from '../../state/document-state.ts'
import type { Watcher } from '../../watcher/watcher.ts'
import type { ReadDocument } from './change-attempt.ts'
import { freshen } from './freshness.ts'
import type { EditedDocument, OverridesEdit } from './plan.ts'

/**
 * What a change is made on condition of: the `Settings.revision` that somebody expects, and the cluster's
 * overrides below a controller's, on top of which those are validated.
 */
export class Guards {
  readonly #backend: Backend
  readonly #watcher: Watcher

  constructor(backend: Backend, watcher: Watcher) {
    this.#backend = backend
    this.#watcher = watcher
  }

  /**
   * @throws SettingsError REVISION_MISMATCH unless each namespace is at the revision that its edits expect.
   */
  check(documents: readonly ReadDocument<EditedDocument>[]): void {
    for (const { edits } of documents) for (const edit of edits) this.#refuseOther(edit, documents)
  }

  /** The guards of a commit on what it does not write, as far as this controller knows it. */
  conditions(documents: readonly EditedDocument[]): readonly Operation[] {
    return this.#others(documents).map(({ key, expected }) => ({ key, check: true, expected }))
  }

  /**
   * @throws SettingsError REVISION_MISMATCH unless the namespace is at the revision that the edit expects.
   */
  #refuseOther(
    { namespace, scope, expected }: OverridesEdit,
    documents: readonly ReadDocument<EditedDocument>[],
  ): void {
    if (expected === undefined) return
    const { cache } = this.#watcher
    const seen = documents.filter(
      document =>
        document.namespace === namespace && (document.scope === CLUSTER || document.scope === cache.self),
    )
    const others = cache.namespaceRevision(
      namespace,
      seen.map(one => one.scope),
    )
    const actual = seen.reduce((newest, one) => {
      const state = cache.document(namespace, one.scope)
      // The cache may know better when a document went; but only of the store as it is, which may have been
      // put back.
      const own = isAsKnown(state, one.base)
        ? later(baseRevision(one.base), documentRevision(state))
        : baseRevision(one.base)
      return later(newest, own)
    }, others)
    if (actual === expected) return
    throw new SettingsError(
      'REVISION_MISMATCH',
      `"${namespace}" is at revision ${actual}, not ${expected}: another caller changed it. Retrieve it, then retry.`,
      {
        details: { got: printRevision(expected), expected: printRevision(actual), namespace, scope },
      },
    )
  }

  /**
   * Looks at what stood in the way of the try before: others changed what is guarded and not written, which
   * the cache may not have heard of yet.
   * @throws SettingsError REVISION_MISMATCH for a guard that is broken; STORE_STALE when the news does not
   * come.
   */
  async lookAgain(documents: readonly EditedDocument[]): Promise<void> {
    for (const { key, expected, guards } of this.#others(documents)) {
      const entry = await this.#backend.get(key)
      if ((entry?.modRevision ?? 'absent') === expected) continue
      if (guards) throw changedMeanwhile(guards)
      const document = parseOverridesKey(key)
      if (document) await freshen(this.#backend, this.#watcher, document.namespace, document.scope)
    }
  }

  /** True when what becomes of the document depends on others that are not written. */
  #isGuarded({ namespace, scope, edits }: EditedDocument): boolean {
    const isValidatedOnTop = scope !== CLUSTER && this.#watcher.cache.schema(namespace) !== undefined
    return isValidatedOnTop || edits.some(({ expected }) => expected !== undefined)
  }

  /**
   * Guards on what is not written: the documents that count for a `Settings.revision` that is expected, and
   * the cluster's below a controller's.
   */
  #others(documents: readonly EditedDocument[]): readonly OtherDocument[] {
    const { cache } = this.#watcher
    const written = new Set<Key>(documents.map(({ key }) => key))
    const others = new Map<Key, OtherDocument>()
    for (const { namespace, edits } of documents.filter(one => this.#isGuarded(one))) {
      const isExpected = edits.some(({ expected }) => expected !== undefined)
      for (const scope of isExpected ? [CLUSTER, cache.self] : [CLUSTER]) {
        const key = overridesKey(namespace, scope)
        const expected = cache.document(namespace, scope)?.entry?.modRevision ?? 'absent'
        const guards = isExpected ? namespace : others.get(key)?.guards
        if (!written.has(key)) others.set(key, { key, expected, guards })
      }
    }
    return [...others.values()]
  }
}

/** A document that is looked at and not written; whose revision it `guards`, where that is expected. */
interface OtherDocument {
  readonly key: Key
  readonly expected: Revision | 'absent'
  readonly guards: Namespace | undefined
}

function changedMeanwhile(namespace: Namespace): SettingsError {
  return new SettingsError(
    'REVISION_MISMATCH',
    `Another caller changed "${namespace}" at the same time. Retrieve it, then retry.`,
    {
      details: { namespace },
    },
  )
}

function later(one: Revision, other: Revision): Revision {
  return one > other ? one : other
}
