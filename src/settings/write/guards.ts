import type { Backend, Operation } from '../../../backends/backend.ts'
import type { Revision } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printExpectedRevision } from '../../../model/expected-revision.ts'
import type { Key } from '../../../model/key.ts'
import { CLUSTER, type Namespace, overridesKey } from '../../../model/namespace.ts'
import { baseRevision, isAsKnown } from '../../state/document-reader.ts'
import { documentRevision, parseOverridesKey } from '../../state/document-state.ts'
import { freshenEpoch, META_KEY } from '../../watcher/epoch.ts'
import type { Watcher } from '../../watcher/watcher.ts'
import type { ReadDocument } from './change-attempt.ts'
import { freshen } from './freshness.ts'
import type { EditedDocument, OverridesEdit } from './plan.ts'

/**
 * The conditions of a change in addition to its own documents: the `Settings.revision` that its caller
 * expects, and the overrides of the cluster, on top of which those of a controller are validated.
 *
 * Invariant: a change with an expected revision is committed only if no commit since that revision changed
 * a document that the controller of its scope sees. Each edit is checked by its own scope. With an epoch, it
 * is committed only to the store of that epoch, because the commit checks `meta/store` too.
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
    for (const { edits } of documents) for (const edit of edits) this.#refuseMismatch(edit, documents)
  }

  /** The guards of a commit on documents that it does not write, as this controller knows them. */
  conditions(documents: readonly EditedDocument[]): readonly Operation[] {
    const unwritten = this.#unwritten(documents)
    const ofStore = this.#hasEpoch(documents)
      ? [{ key: META_KEY, expected: this.#watcher.cache.meta?.modRevision ?? ('absent' as const) }]
      : []
    return [...unwritten, ...ofStore].map(({ key, expected }) => ({ key, check: true, expected }))
  }

  /**
   * @throws SettingsError REVISION_MISMATCH unless the namespace is at the revision that the edit expects.
   */
  #refuseMismatch(
    { namespace, scope, expected }: OverridesEdit,
    documents: readonly ReadDocument<EditedDocument>[],
  ): void {
    if (expected === undefined) return
    const { cache } = this.#watcher
    const scopes = cache.seenFrom(scope)
    const seen = documents.filter(one => one.namespace === namespace && scopes.includes(one.scope))
    const unwritten = cache.namespaceRevision(
      namespace,
      scope,
      seen.map(one => one.scope),
    )
    const actual = seen.reduce((newest, one) => {
      const state = cache.document(namespace, one.scope)
      // The cache may know a later revision of a deletion, but only of the store as it is: it may have been
      // restored.
      const own = isAsKnown(state, one.base)
        ? later(baseRevision(one.base), documentRevision(state))
        : baseRevision(one.base)
      return later(newest, own)
    }, unwritten)
    const isSameStore = expected.epoch === undefined || expected.epoch === cache.epoch
    if (isSameStore && actual === expected.revision) return
    const now = { ...(expected.epoch !== undefined && { epoch: cache.epoch }), revision: actual }
    const [got, has] = [printExpectedRevision(expected), printExpectedRevision(now)]
    throw new SettingsError(
      'REVISION_MISMATCH',
      isSameStore
        ? `"${namespace}" is at revision ${has}, not ${got}: another caller changed it. Retrieve it, then retry.`
        : `"${namespace}" is at revision ${has}, not ${got}: the store was replaced. Retrieve it, then retry.`,
      { details: { got, expected: has, namespace, scope } },
    )
  }

  /**
   * Reads the guarded documents that are not written, after a lost race: another controller may have changed
   * one, and the cache may not have seen it yet.
   * @throws SettingsError REVISION_MISMATCH for a broken guard; STORE_STALE when the cache does not reach it.
   */
  async recheck(documents: readonly EditedDocument[]): Promise<void> {
    if (this.#hasEpoch(documents)) await freshenEpoch(this.#backend, this.#watcher)
    for (const { key, expected, guards } of this.#unwritten(documents)) {
      const entry = await this.#backend.get(key)
      if ((entry?.modRevision ?? 'absent') === expected) continue
      if (guards) throw changedMeanwhile(guards)
      const document = parseOverridesKey(key)
      if (document) await freshen(this.#backend, this.#watcher, document.namespace, document.scope)
    }
  }

  /** True when a revision of a certain store is expected. */
  #hasEpoch(documents: readonly EditedDocument[]): boolean {
    return documents.some(({ edits }) => edits.some(({ expected }) => expected?.epoch !== undefined))
  }

  /** True when the change of the document depends on documents that are not written. */
  #isGuarded({ namespace, scope, edits }: EditedDocument): boolean {
    const isValidatedOnTop = scope !== CLUSTER && this.#watcher.cache.schema(namespace) !== undefined
    return isValidatedOnTop || edits.some(({ expected }) => expected !== undefined)
  }

  /**
   * The guarded documents that are not written: those that count for an expected `Settings.revision`, and
   * that of the cluster below that of a controller.
   */
  #unwritten(documents: readonly EditedDocument[]): readonly UnwrittenDocument[] {
    const { cache } = this.#watcher
    const changed = new Set<Key>(documents.map(({ key }) => key))
    const found = new Map<Key, UnwrittenDocument>()
    for (const { namespace, scope: own, edits } of documents.filter(one => this.#isGuarded(one))) {
      const isExpected = edits.some(({ expected }) => expected !== undefined)
      for (const scope of isExpected ? cache.seenFrom(own) : [CLUSTER]) {
        const key = overridesKey(namespace, scope)
        const expected = cache.document(namespace, scope)?.entry?.modRevision ?? 'absent'
        const guards = isExpected ? namespace : found.get(key)?.guards
        if (!changed.has(key)) found.set(key, { key, expected, guards })
      }
    }
    return [...found.values()]
  }
}

/** A document that is checked and not written; `guards` is the namespace whose revision is expected. */
interface UnwrittenDocument {
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
