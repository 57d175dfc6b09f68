import type { RuleBroken } from '../../events/changes.ts'
import type { Revision } from '../../model/document.ts'
import type { Namespace } from '../../model/namespace.ts'
import { type DocumentState, isRecorded } from './document-state.ts'
import type { StoredRecord } from './record.ts'

/*
 * Manual edits that a command would be refused: of a namespace without a schema in strict mode, and of one that
 * differs from an existing one only in case. They stay stored and do not count.
 */

/** The claim of a namespace to its name, among names that differ in case only. */
export interface NameClaim {
  readonly namespace: Namespace
  /** True with a schema, or with overrides that a command wrote. */
  readonly isProper: boolean
  /** The revision since which it has overrides; undefined without any. */
  readonly since: Revision | undefined
}

/** Finds names that differ in case only; names are only added. */
export class CaseNames {
  readonly #names = new Map<string, Set<Namespace>>()

  add(namespace: Namespace): void {
    const name = namespace.toLowerCase()
    const alike = this.#names.get(name)
    if (alike) alike.add(namespace)
    else this.#names.set(name, new Set([namespace]))
  }

  /** All names that differ in case only from this one, which is among them if it was added. */
  alike(namespace: Namespace): readonly Namespace[] {
    return [...(this.#names.get(namespace.toLowerCase()) ?? [])]
  }

  /**
   * The conflicts of these namespaces and of all names that differ from them in case only; those without
   * such a name are left out.
   */
  conflicts(
    namespaces: Iterable<Namespace>,
    claimOf: (namespace: Namespace) => NameClaim,
  ): ReadonlyMap<Namespace, Namespace | undefined> {
    const found = new Map<Namespace, Namespace | undefined>()
    for (const namespace of namespaces) {
      const alike = this.alike(namespace)
      if (alike.length < 2 || found.has(namespace)) continue
      const claims = alike.map(claimOf)
      for (const claim of claims) found.set(claim.namespace, conflictOf(claim, claims))
    }
    return found
  }
}

/**
 * The namespace in conflict with one that only manual edits made; undefined without a conflict. A proper one
 * is first, then the oldest, so that every controller decides alike.
 */
export function conflictOf(
  { namespace, isProper, since }: NameClaim,
  claims: readonly NameClaim[],
): Namespace | undefined {
  if (isProper || since === undefined) return undefined
  const isFirst = (other: NameClaim) =>
    other.isProper ||
    (other.since !== undefined &&
      (other.since < since || (other.since === since && other.namespace < namespace)))
  return claims.find(other => other.namespace !== namespace && isFirst(other))?.namespace
}

/** True for existing overrides that were changed last by a manual edit; false for projected ones. */
export function isManualEdit(state: DocumentState): boolean {
  const { entry, record } = state
  if (!entry || entry.modRevision === 0n) return false
  return !isRecorded(state) || record === undefined || isOfManualEdit(record)
}

/** True for the record of a manual edit. */
export function isOfManualEdit({ actor }: StoredRecord): boolean {
  return actor.type === 'file'
}

/** The rule by which a manual edit is refused as a whole; undefined when it counts like any other change. */
export function refusalOf(
  document: DocumentState,
  { needsSchema, conflict }: { readonly needsSchema: boolean; readonly conflict: Namespace | undefined },
): RuleBroken | undefined {
  if (!isManualEdit(document)) return undefined
  const { namespace } = document
  if (conflict !== undefined) {
    const message = `The manual edit is ignored and kept: "${namespace}" differs from "${conflict}" only in case. Move it to "${conflict}", and delete "${namespace}".`
    return { pointer: '', rule: 'case', expected: conflict, message }
  }
  if (!needsSchema) return undefined
  const message = `The manual edit is ignored and kept: "${namespace}" has no schema, which [settings] strict = true requires. Register its schema first.`
  return { pointer: '', rule: 'strict', expected: 'schema', message }
}
