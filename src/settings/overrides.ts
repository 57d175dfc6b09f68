import type { Backend, Operation } from '../../backends/backend.ts'
import { differences } from '../../events/differences.ts'
import type { Actor } from '../../model/actor.ts'
import { DOCUMENT_BYTES, printRevision, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, overridesKey, type Scope } from '../../model/namespace.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import { documentRevision } from '../watcher/document-state.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { type Base, baseRevision, isAsKnown, readRecords } from './document-reader.ts'
import type { DocumentWriter, Written } from './document-writer.ts'
import { valueAt } from './exact-keywords.ts'
import { refuseExcess } from './extent.ts'
import { freshen } from './freshness.ts'
import { seal } from './secrets.ts'
import { refuseBroken } from './validator.ts'

export interface OverridesOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly writer: DocumentWriter
  /** Refuse overrides of namespaces without a schema. */
  readonly strict: boolean
}

/** Whose overrides, by whom, and at which revision of the namespace. */
export interface Target {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly comment: string | undefined
  readonly actor: Actor
  readonly expected?: Revision | undefined
}

/** What overrides are to become; undefined to delete them. `before` is what they are, or what counts in their place where they are no JSON object. */
export type MakeOverrides = (base: Base, before: JsonObject) => JsonObject | undefined

/** How a change ended. */
export interface Changed {
  readonly written: Written
  /** False when the watch was down and the change was not yet seen here. */
  readonly observed: boolean
  /** Pointers of the change that this controller's own overrides hide. */
  readonly shadowed: readonly string[]
}

/** How far back a valid version is looked for. */
const KEPT_RECORDS = 50

/** @throws SettingsError STORE_STALE while nothing can be written: at once, for the caller knows better whether to wait. */
export function requireReady({ health }: Watcher): void {
  if (health.state === 'READY') return
  throw new SettingsError(
    'STORE_STALE',
    `Nothing can be changed while the store is away (${health.reason ?? health.state}). Nothing was written; try again.`,
    { details: { state: health.state } },
  )
}

/** Changes overrides: checks them against the layers below and the schema, guards them by revision, waits until they are seen. */
export class Overrides {
  readonly #options: OverridesOptions

  constructor(options: OverridesOptions) {
    this.#options = options
  }

  /** @throws SettingsError SETTINGS_INVALID, SCHEMA_REQUIRED, REVISION_MISMATCH, DOCUMENT_TOO_LARGE, what the writer throws and what `make` throws. */
  async change({ namespace, scope, comment, actor, expected }: Target, make: MakeOverrides): Promise<Changed> {
    const { backend, watcher, writer } = this.#options
    if (expected !== undefined && watcher.cache.namespaceRevision(namespace) !== expected) await freshen(backend, watcher, namespace, scope)

    let before: JsonObject = {}
    let { position } = watcher
    const written = await writer.write({
      key: overridesKey(namespace, scope),
      actor,
      comment,
      once: expected !== undefined,
      conditions: () => (expected === undefined ? [] : this.#otherDocuments(namespace, scope)),
      make: async base => {
        position = watcher.position
        if (expected !== undefined) this.#refuseOther(namespace, scope, base, expected)
        before = base.data ?? (base.entry ? await this.#lastValid(namespace, scope) : {})
        const next = make(base, before)
        if (next === undefined) return undefined
        refuseExcess(next, `The overrides of "${namespace}"`, DOCUMENT_BYTES)
        this.#refuseInvalid(namespace, scope, next)
        return seal(next, watcher.cache.schema(namespace))
      },
    })
    const observed = !written.committed || (await watcher.passed(written.revision, position))
    const own = watcher.cache.document(namespace, watcher.cache.self)?.inForce
    return { written, observed, shadowed: scope === CLUSTER ? hiddenBy(own, before, written.data ?? {}) : [] }
  }

  /** What counts in the place of stored overrides that are no JSON object: what a patch of them has to start from. */
  async #lastValid(namespace: Namespace, scope: Scope): Promise<JsonObject> {
    const { backend, watcher } = this.#options
    const records = await readRecords(backend, overridesKey(namespace, scope), KEPT_RECORDS)
    return records.find(({ data }) => data && watcher.cache.validate(namespace, scope, data).length === 0)?.data ?? {}
  }

  #refuseInvalid(namespace: Namespace, scope: Scope, overrides: JsonObject): void {
    const { cache } = this.#options.watcher
    if (!cache.schema(namespace) && this.#options.strict) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" has no schema, and [settings] strict = true allows no free-form settings. Register its schema first.`,
      )
    }
    refuseBroken(cache.validate(namespace, scope, overrides), `"${namespace}"`)
  }

  #refuseOther(namespace: Namespace, scope: Scope, base: Base, expected: Revision): void {
    const { cache } = this.#options.watcher
    const state = cache.document(namespace, scope)
    const isSeen = scope === CLUSTER || scope === cache.self
    // The cache may know better when a document went; but only of the store as it is, which may have been put back.
    const own = !isSeen ? 0n : isAsKnown(state, base) ? later(baseRevision(base), documentRevision(state)) : baseRevision(base)
    const actual = later(own, cache.namespaceRevision(namespace, scope))
    if (actual === expected) return
    throw new SettingsError(
      'REVISION_MISMATCH',
      `"${namespace}" is at revision ${actual}, not ${expected}: somebody changed it. Read it again, then decide.`,
      {
        details: { got: printRevision(expected), expected: printRevision(actual) },
      },
    )
  }

  /** Guards on the documents that count for `Settings.revision` and are not written. */
  #otherDocuments(namespace: Namespace, scope: Scope): readonly Operation[] {
    const { cache } = this.#options.watcher
    return [CLUSTER, cache.self]
      .filter(other => other !== scope)
      .map(other => ({ key: overridesKey(namespace, other), check: true, expected: cache.document(namespace, other)?.entry?.revision ?? 'absent' }))
  }
}

function later(one: Revision, other: Revision): Revision {
  return one > other ? one : other
}

/** Pointers of what changed that a higher layer has a value for. */
function hiddenBy(higher: JsonObject | undefined, before: JsonObject, after: JsonObject): string[] {
  if (!higher) return []
  return differences(before, after)
    .map(change => change.path)
    .filter(path => isHidden(higher, path))
}

/** True when the layer has a value at the path, or one on the way there that no member can shine through. */
function isHidden(higher: JsonObject, path: string): boolean {
  const onTheWay = [...path.matchAll(/\//g)].slice(1).map(({ index }) => path.slice(0, index))
  return valueAt(higher, path) !== undefined || onTheWay.some(ancestor => !isObject(valueAt(higher, ancestor) ?? {}))
}
