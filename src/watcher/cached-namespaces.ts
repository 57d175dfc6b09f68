import type { RuleBroken } from '../../events/changes.ts'
import type { Revision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { CLUSTER, controllerScope, type Namespace, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { type DocumentState, parseOverridesKey } from '../state/document-state.ts'
import { Environment } from '../state/environment.ts'
import type { EnvironmentValue } from '../state/overlay.ts'
import type { RejectedList } from '../state/rejected-list.ts'
import { cachedRecords } from './cache-entries.ts'
import {
  emptyNamespace,
  type NamespaceContext,
  type NamespaceState,
  namespaceRevision,
  type OverridesChange,
  project,
  type ReadHistory,
  rulesRefusedFor,
} from './namespace-state.ts'
import { type SchemaVersions, schemaInUse, unusableSchema } from './schema-versions.ts'

/** A namespace in its current or a projected state. */
export type Projection = Pick<
  NamespaceState,
  'effective' | 'documents' | 'schemas' | 'environment' | 'rejected'
>

const NOTHING_STORED: ReadonlyMap<Scope, JsonObject | undefined> = new Map()
const NO_ENVIRONMENT = new Environment()

/** The state of every namespace for readers; only the watcher changes it. */
export class CachedNamespaces {
  /** The scope of this controller's own overrides. */
  readonly self: Scope
  protected readonly context: NamespaceContext
  protected readonly states = new Map<Namespace, NamespaceState>()

  constructor(controller: string, context: NamespaceContext) {
    this.self = controllerScope(controller)
    this.context = context
  }

  document(namespace: Namespace, scope: Scope): DocumentState | undefined {
    return this.states.get(namespace)?.documents.get(scope)
  }

  /** The state of the document at a key. */
  stateOf(key: Key): DocumentState | undefined {
    const owner = parseOverridesKey(key)
    return owner && this.document(owner.namespace, owner.scope)
  }

  /** The documents of a namespace, of all scopes. */
  documentsOf(namespace: Namespace): Iterable<DocumentState> {
    return this.stateOfNamespace(namespace).documents.values()
  }

  *documents(): Iterable<DocumentState> {
    for (const { documents } of this.states.values()) yield* documents.values()
  }

  /** The namespaces that have overrides or a schema, sorted. */
  namespaces(): Namespace[] {
    const found = [...this.states.values()].filter(
      ({ schemas, documents }) =>
        schemaInUse(schemas) || schemas.stored.size > 0 || [...documents.values()].some(({ entry }) => entry),
    )
    return found.map(({ namespace }) => namespace).sort()
  }

  /** The schema in use on this controller. */
  schema(namespace: Namespace): SchemaDocument | undefined {
    const state = this.states.get(namespace)
    return state && schemaInUse(state.schemas)
  }

  /** The reason why no stored schema of a namespace can be used; undefined when one can, or without one. */
  unusableSchema(namespace: Namespace): string | undefined {
    return unusableSchema(this.stateOfNamespace(namespace).schemas)
  }

  /** The revision at which the schema in use was stored; undefined while it is not stored. */
  schemaRevision(namespace: Namespace): Revision | undefined {
    const { schemas } = this.stateOfNamespace(namespace)
    return schemas.stored.get(schemaInUse(schemas)?.digest ?? '')?.entry.modRevision
  }

  /** The schemas of a namespace: the stored ones, and those that this process registered. */
  schemaVersions(namespace: Namespace): SchemaVersions {
    return this.stateOfNamespace(namespace).schemas
  }

  /** The namespace that this one, made by manual edits only, differs from in case only. */
  conflict(namespace: Namespace): Namespace | undefined {
    return this.stateOfNamespace(namespace).conflict
  }

  hasStoredSchema(namespace: Namespace, digest: string): boolean {
    return this.states.get(namespace)?.schemas.stored.has(digest) ?? false
  }

  /** Effective settings: the layers in force, merged. */
  effective(namespace: Namespace): JsonObject {
    return this.stateOfNamespace(namespace).effective
  }

  /**
   * The effective settings of the last fact. A registration without a commit may have changed `effective`
   * since.
   */
  lastAnnounced(namespace: Namespace): JsonObject {
    return this.stateOfNamespace(namespace).lastAnnounced
  }

  /**
   * The namespace as it would be with these overrides stored, by scope (undefined for deleted ones), as the
   * controller of a scope would see it. It is of one moment, that of the call. The environment of another
   * controller is not known here, and the schema in use there is taken to be the one in use here.
   * @throws the errors of reading the history.
   */
  async project(
    namespace: Namespace,
    stored: ReadonlyMap<Scope, JsonObject | undefined> = NOTHING_STORED,
    scope: Scope = CLUSTER,
  ): Promise<Projection> {
    const state = this.stateOfNamespace(namespace)
    if (!this.isElsewhere(scope))
      return stored.size === 0 ? state : project(state, this.self, this.context, stored)
    const { strict, secrets } = this.context
    const there = { readHistory: this.#readKnownHistory, environment: NO_ENVIRONMENT, strict, secrets }
    return project(state, scope, there, stored)
  }

  /** True for the scope of another controller. */
  isElsewhere(scope: Scope): boolean {
    return scope !== CLUSTER && scope !== this.self
  }

  /** The members that are rejected here, of all layers. */
  rejected(namespace: Namespace): RejectedList {
    return this.stateOfNamespace(namespace).rejected
  }

  /** Settings of a namespace without plain secrets. */
  protect(namespace: Namespace, data: JsonObject): JsonObject {
    return this.context.secrets.protect(namespace, data)
  }

  /** The values that the environment of this process sets. */
  environment(namespace: Namespace): readonly EnvironmentValue[] {
    return this.stateOfNamespace(namespace).environment.values
  }

  /** The reasons why environment variables are ignored, one sentence each. */
  environmentProblems(): readonly string[] {
    const rejected = [...this.states.values()].flatMap(({ environment }) => environment.rejected)
    return [...this.context.environment.problems(this.namespaces()), ...rejected]
  }

  /**
   * The rules for which a change of the overrides of a scope is refused; none without a schema. `changed` has
   * all documents of the namespace that change together.
   */
  rulesRefused(
    namespace: Namespace,
    scope: Scope,
    changed: ReadonlyMap<Scope, OverridesChange>,
  ): readonly RuleBroken[] {
    return rulesRefusedFor(this.stateOfNamespace(namespace), scope, changed)
  }

  /**
   * The scopes whose overrides the controller of a scope sees: those of the cluster and its own. The scope
   * `cluster` is seen from this controller.
   */
  seenFrom(scope: Scope): readonly [Scope, Scope] {
    return [CLUSTER, scope === CLUSTER ? this.self : scope]
  }

  /**
   * `Settings.revision` of a scope: the last commit that changed a document or schema of the namespace that
   * the controller of the scope sees. Documents in the scopes `except` are left out.
   */
  namespaceRevision(namespace: Namespace, scope: Scope = CLUSTER, except: readonly Scope[] = []): Revision {
    const scopes = this.seenFrom(scope).filter(one => !except.includes(one))
    return namespaceRevision(this.stateOfNamespace(namespace), scopes)
  }

  /** The history of a document; while the store is unavailable, the cached records of it. */
  readonly #readKnownHistory: ReadHistory = async key => {
    try {
      return await this.context.readHistory(key)
    } catch (error) {
      if (!toSettingsError(error).retryable) throw error
      return cachedRecords(this.stateOf(key))
    }
  }

  protected stateOfNamespace(namespace: Namespace): NamespaceState {
    return this.states.get(namespace) ?? emptyNamespace(namespace)
  }
}
