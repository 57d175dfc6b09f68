import type { Backend } from '../../../backends/backend.ts'
import type { Entry } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import { type Base, baseFromFound, isSameBase, readBase } from '../../state/document-reader.ts'
import type { ReadDocument, Target } from './change-attempt.ts'

/**
 * The bases of changes: from the cache, from own commits that the cache has not seen yet, or from the store.
 */
export class BaseReader {
  readonly #backend: Backend
  readonly #cached: (key: Key) => Base
  /** The documents as own commits left them, until the cache has them. */
  readonly #recent = new Map<Key, Base>()

  constructor(backend: Backend, cached: (key: Key) => Base) {
    this.#backend = backend
    this.#cached = cached
  }

  /** The documents as this controller knows them; the store may have changed since. */
  known<Document extends Target>(targets: readonly Document[]): readonly ReadDocument<Document>[] {
    return targets.map(target => ({ ...target, base: this.#newestKnown(target.key) }))
  }

  /** The documents as the store holds them now. */
  read<Document extends Target>(targets: readonly Document[]): Promise<readonly ReadDocument<Document>[]> {
    return Promise.all(
      targets.map(async target => ({ ...target, base: await readBase(this.#backend, target.key) })),
    )
  }

  /**
   * The documents as the store holds them now, and whether all are as they were read before. `found` are the
   * entries that a failed commit found at its guarded keys.
   */
  async readAgain<Document extends ReadDocument>(
    documents: readonly Document[],
    found: readonly Entry[] | undefined,
  ): Promise<{ readonly documents: readonly Document[]; readonly isUnchanged: boolean }> {
    const again = await Promise.all(
      documents.map(async document => {
        const base = baseFromFound(document.key, found) ?? (await readBase(this.#backend, document.key))
        return { document: { ...document, base }, isSame: isSameBase(base, document.base) }
      }),
    )
    return {
      documents: again.map(({ document }) => document),
      isUnchanged: again.every(({ isSame }) => isSame),
    }
  }

  /** Keeps a document as an own commit left it. */
  remember(key: Key, { entry, data, record }: Base): void {
    this.#recent.set(key, { entry, data, record, recorded: true })
  }

  forget(key: Key): void {
    this.#recent.delete(key)
  }

  #newestKnown(key: Key): Base {
    const cached = this.#cached(key)
    const recent = this.#recent.get(key)
    if (recent && (recent.record?.version ?? 0) > (cached.record?.version ?? 0)) return recent
    this.#recent.delete(key)
    return cached
  }
}
