import type { RuleBroken } from '../../events/changes.ts'
import type { Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { mergeLayers } from '../../model/merge.ts'
import { CLUSTER, type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { type SecretsGuard, withoutSecrets, withoutSecretsInOverlay } from '../secrets/cache-guard.ts'
import {
  absentDocument,
  type DocumentState,
  documentRevision,
  documentVersion,
} from '../state/document-state.ts'
import type { Environment } from '../state/environment.ts'
import { type Judgement, judgeOverrides, rejectionOf } from '../state/judgement.ts'
import type { Overlay } from '../state/overlay.ts'
import { rulesRefused } from '../state/ratchet.ts'
import type { StoredRecord } from '../state/record.ts'
import { isManualEdit, isOfManualEdit, type NameClaim, refusalOf } from '../state/refused-edits.ts'
import {
  type JudgedScope,
  listRejected,
  NOTHING_REJECTED,
  type RejectedList,
} from '../state/rejected-list.ts'
import { faultOf } from '../state/stored-overrides.ts'
import { NO_SCHEMAS, type SchemaVersions, schemaInUse, schemasRevision } from './schema-versions.ts'

/**
 * The documents and schemas of one namespace, and the settings that result. Immutable, so always consistent.
 */
export interface NamespaceState {
  readonly namespace: Namespace
  readonly documents: ReadonlyMap<Scope, DocumentState>
  readonly schemas: SchemaVersions
  /** The layers in force, merged. */
  readonly effective: JsonObject
  /** The values that the environment sets, and the reasons why others are rejected. */
  readonly environment: Pick<Overlay, 'values' | 'rejected'>
  /**
   * The effective settings of the last fact. A registration without a commit changes `effective` without a
   * fact.
   */
  readonly lastAnnounced: JsonObject
  /** The namespace that this one, made by manual edits only, differs from in case only. */
  readonly conflict: Namespace | undefined
  /** The members that are rejected here, of all layers. */
  readonly rejected: RejectedList
  /** The list of rejected members that the last fact announced. */
  readonly lastRejected: RejectedList
}

/** The records of a document, newest first. */
export type ReadHistory = (document: Key) => Promise<readonly StoredRecord[]>

/** The inputs to the state of a namespace besides its stored documents. */
export interface NamespaceContext {
  /** Keeps plain secrets out of everything that is derived from the documents. */
  readonly secrets: SecretsGuard
  readonly readHistory: ReadHistory
  readonly environment: Environment
  /** True when a manual edit of a namespace without a schema does not count. */
  readonly strict: boolean
}

export function emptyNamespace(namespace: Namespace): NamespaceState {
  return {
    namespace,
    documents: new Map(),
    schemas: NO_SCHEMAS,
    effective: {},
    environment: { values: [], rejected: [] },
    lastAnnounced: {},
    conflict: undefined,
    rejected: NOTHING_REJECTED,
    lastRejected: NOTHING_REJECTED,
  }
}

/** The claim of a namespace to its name. */
export function claimOf({ namespace, documents, schemas }: NamespaceState): NameClaim {
  const stored = [...documents.values()].filter(({ entry }) => entry)
  const since = stored.flatMap(({ entry }) => entry?.createRevision ?? [])
  const hasSchema = schemaInUse(schemas) !== undefined || schemas.stored.size > 0
  return {
    namespace,
    isProper: hasSchema || stored.some(document => !isManualEdit(document)),
    since: since.reduce<Revision | undefined>((a, b) => (a !== undefined && a < b ? a : b), undefined),
  }
}

export function withDocument(state: NamespaceState, document: DocumentState): NamespaceState {
  return { ...state, documents: new Map(state.documents).set(document.scope, document) }
}

/** Sets the newest record of a document; a record older than the known one changes nothing. */
export function withRecord(
  state: NamespaceState,
  key: Key,
  scope: Scope,
  record: StoredRecord,
): NamespaceState {
  const known = state.documents.get(scope) ?? absentDocument(key, { namespace: state.namespace, scope })
  if (record.version < (known.record?.version ?? 0)) return state
  return withDocument(state, { ...known, record })
}

/** Removes all history records, because those of another store are invalid. */
export function withoutRecords(state: NamespaceState): NamespaceState {
  const living = [...state.documents].filter(([, document]) => document.entry)
  return {
    ...state,
    documents: new Map(
      living.map(([scope, document]) => [scope, { ...document, record: undefined, version: 0 }]),
    ),
  }
}

/** Merges these overrides, from low to high, over the defaults and the seed of the schema in use. */
export function mergeOverrides(
  { schemas }: NamespaceState,
  overrides: readonly (JsonObject | undefined)[],
): JsonObject {
  const schema = schemaInUse(schemas)
  const lower = schema ? [schema.defaults, schema.seed] : []
  return mergeLayers([...lower, ...overrides.filter(layer => layer !== undefined)])
}

/**
 * The rules for which a change of the overrides of a scope is refused; none without a schema. `changed` has
 * the stored overrides of the namespace that the change replaces, by scope.
 */
export function rulesRefusedFor(
  state: NamespaceState,
  scope: Scope,
  changed: ReadonlyMap<Scope, OverridesChange>,
): readonly RuleBroken[] {
  const schema = schemaInUse(state.schemas)
  const { before, after } = changed.get(scope) ?? {}
  if (!schema || !after) return []
  const known = state.documents.get(CLUSTER)
  const cluster = changed.get(CLUSTER)
  const isLowest = scope === CLUSTER
  const belowWith = (change: JsonObject | undefined | null): JsonObject => {
    if (isLowest) return mergeOverrides(state, [])
    const counts = change === null ? known?.inForce : change && judge(state, CLUSTER, change).counts
    return mergeOverrides(state, [counts])
  }
  return rulesRefused(schema.validate, {
    before: before && { below: belowWith(cluster ? cluster.before : null), overrides: before },
    after: { below: belowWith(cluster ? cluster.after : null), overrides: after },
    hasLowerScope: !isLowest && (cluster ? cluster.after : known?.entry) !== undefined,
  })
}

/** The overrides of a document before and after a change; undefined where it is absent. */
export interface OverridesChange {
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

/**
 * `Settings.revision`: the last commit that changed a document of these scopes, or a schema of the namespace.
 */
export function namespaceRevision(
  { documents, schemas }: Pick<NamespaceState, 'documents' | 'schemas'>,
  scopes: readonly Scope[],
): Revision {
  const revisions = [...scopes.map(scope => documentRevision(documents.get(scope))), schemasRevision(schemas)]
  return revisions.reduce((newest, revision) => (revision > newest ? revision : newest))
}

/**
 * Judges the documents again, the cluster's before this controller's and the environment last, and merges the
 * layers in force.
 * @throws the errors of reading the history.
 */
export async function settle(
  state: NamespaceState,
  self: Scope,
  context: NamespaceContext,
): Promise<NamespaceState> {
  const { namespace } = state
  let settled: NamespaceState = {
    ...state,
    documents: withoutSecrets(namespace, state.documents, context.secrets),
  }
  const judged: JudgedScope[] = []
  for (const scope of [CLUSTER, self]) {
    const document = settled.documents.get(scope)
    if (!document) continue
    const settledDocument = await judgeDocument(settled, document, context)
    settled = withDocument(settled, settledDocument)
    if (document.entry) judged.push({ scope, stored: document.data, rejected: settledDocument.rejected })
  }
  const layers = [CLUSTER, self].map(scope => settled.documents.get(scope)?.inForce)
  const schema = schemaInUse(state.schemas)
  const laidOver = context.environment.overlay(namespace, schema, mergeOverrides(settled, layers))
  const overlay = withoutSecretsInOverlay(namespace, laidOver, context.secrets)
  if (overlay.judged) judged.push(overlay.judged)
  return {
    ...settled,
    effective: overlay.data,
    environment: { values: overlay.values, rejected: overlay.rejected },
    rejected: listRejected(judged, overlay.data),
  }
}

/**
 * The namespace as it would be with these overrides stored, by scope; undefined for deleted ones.
 * @throws the errors of reading the history.
 */
export function project(
  state: NamespaceState,
  self: Scope,
  context: NamespaceContext,
  stored: ReadonlyMap<Scope, JsonObject | undefined>,
): Promise<NamespaceState> {
  let projected = state
  for (const [scope, data] of stored) {
    const key = overridesKey(state.namespace, scope)
    const known = state.documents.get(scope)
    // The text is not read; only the presence of an entry matters.
    const entry = data && { key, text: '', modRevision: 0n, createRevision: 0n }
    projected = withDocument(projected, {
      ...absentDocument(key, { namespace: state.namespace, scope }),
      record: known?.record,
      entry,
      data,
    })
  }
  return settle(projected, self, context)
}

async function judgeDocument(
  state: NamespaceState,
  document: DocumentState,
  { readHistory, strict, secrets }: NamespaceContext,
): Promise<DocumentState> {
  const { entry, data, scope } = document
  if (!entry) return { ...document, inForce: {}, rejected: [], fallback: undefined }
  const needsSchema = strict && !schemaInUse(state.schemas)
  const refusal = refusalOf(document, { needsSchema, conflict: state.conflict })
  if (data && !refusal) {
    const { counts, rejected } = judge(state, scope, data)
    return { ...document, inForce: counts, rejected, fallback: undefined }
  }
  const history = await readHistory(document.key)
  // The history may lack the version before a manual edit, which is recorded only after it was seen.
  const earlier = document.fallback ? [document.fallback, ...history] : history
  const counting = refusal ? earlier.filter(record => !isOfManualEdit(record)) : earlier
  const fallback = newestObject(document, counting)
  const { counts, rejected } = judge(state, scope, secrets.protect(state.namespace, fallback?.data ?? {}))
  return {
    ...document,
    inForce: counts,
    rejected: [rejectionOf(refusal ?? unreadable(entry.text), ''), ...rejected],
    fallback,
  }
}

function judge(state: NamespaceState, scope: Scope, overrides: JsonObject): Judgement {
  const schema = schemaInUse(state.schemas)
  if (!schema) return { counts: overrides, rejected: [] }
  const below = scope === CLUSTER ? [] : [state.documents.get(CLUSTER)?.inForce]
  return judgeOverrides(schema.validate, mergeOverrides(state, below), overrides)
}

function unreadable(text: string): RuleBroken {
  const message = `The stored text is ignored and kept. ${faultOf(text) ?? ''}`
  return { pointer: '', rule: 'json', expected: 'object', message }
}

/** The newest version before the document that is a JSON object, or absent after a deletion. */
function newestObject(document: DocumentState, history: readonly StoredRecord[]): StoredRecord | undefined {
  const current = documentVersion(document)
  return history.find(
    ({ version, kind, data }) => version < current && (data !== undefined || kind === 'deleted'),
  )
}
