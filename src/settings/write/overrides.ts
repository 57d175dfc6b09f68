import type { Backend, Operation } from '../../../backends/backend.ts'
import type { Preview } from '../../../events/changes.ts'
import type { AdmissionHooks } from '../../../events/event.ts'
import { strictest } from '../../../events/strictest.ts'
import type { Actor } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Key } from '../../../model/key.ts'
import { type Namespace, overridesKey, type Scope } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'
import type { Base } from '../../state/document-reader.ts'
import { documentVersion } from '../../state/document-state.ts'
import { seal } from '../../state/secrets.ts'
import type { Position } from '../../watcher/readiness.ts'
import type { Watcher } from '../../watcher/watcher.ts'
import { type Change, refuseLarge, type Written } from './document-change.ts'
import type { DocumentWriter } from './document-writer.ts'
import { freshen } from './freshness.ts'
import { Guards } from './guards.ts'
import { type Edit, makePlan, type Plan, type PlannedDocument } from './plan.ts'

/** Milliseconds that an answer waits for the cache to have what was found in the store. */
const SEEN = 2_000

export interface OverridesOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly writer: DocumentWriter
  /** Who uses the settings in this process, and is asked before a commit. */
  readonly consumers: AdmissionHooks
  readonly log: Log
  /** Refuse overrides of namespaces without a schema. */
  readonly strict: boolean
}

/** What somebody wants changed, all or nothing. */
export interface Request {
  /** In their order; several may change one document. */
  readonly edits: readonly Edit[]
  readonly actor: Actor
  readonly comment: string | undefined
  /** Find out what would be, write nothing. */
  readonly dryRun: boolean
}

/** One document as a request left it, or would leave it. */
export interface Changed {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly written: Written
  /** All of the namespace's documents that the request changes, by scope. */
  readonly together: ReadonlyMap<Scope, Written>
  /** False when the watch was down and the change was not yet seen here. */
  readonly observed: boolean
  /** Pointers of the change that a higher layer hides here. */
  readonly shadowed: readonly string[]
  /** Pointers of what it sets that its schema calls deprecated. */
  readonly deprecated: readonly string[]
  /** With a dry run. */
  readonly preview: Preview | undefined
}

/**
 * @throws SettingsError STORE_STALE while nothing can be written: at once, for the caller knows better
 * whether to wait.
 */
export function requireReady({ health }: Watcher): void {
  if (health.state === 'READY') return
  throw new SettingsError(
    'STORE_STALE',
    `Settings cannot be changed while the store is unavailable (${health.reason ?? health.state}). Nothing was written; retry.`,
    { details: { state: health.state } },
  )
}

/**
 * Changes overrides: checks them against the layers below and the schema, guards them by revision, asks those
 * who use them, waits until the change is seen.
 *
 * Invariants:
 *  1. What is checked, asked about and committed is one and the same: made from the bases whose revisions
 *     guard the commit.
 *  2. A request that is refused, for whatever reason, leaves nothing behind.
 *  3. Hooks are asked only about what would be committed otherwise, and only when it differs here.
 */
export class Overrides {
  readonly #options: OverridesOptions
  readonly #guards: Guards

  constructor(options: OverridesOptions) {
    this.#options = options
    this.#guards = new Guards(options.backend, options.watcher)
  }

  /**
   * One for each document, in the order in which the edits first name it.
   * @throws SettingsError SETTINGS_INVALID, SCHEMA_REQUIRED, REVISION_MISMATCH, CHANGE_VETOED,
   * DOCUMENT_TOO_LARGE, what the writer throws and what an edit throws.
   */
  async change(request: Request): Promise<readonly Changed[]> {
    const { backend, watcher, writer } = this.#options
    const documents = groupByDocument(request.edits)
    const guarded = request.edits.some(({ expected }) => expected !== undefined)
    for (const { namespace, scope, edits } of documents) {
      const isBehind = edits.some(
        ({ expected }) => expected !== undefined && watcher.cache.namespaceRevision(namespace) !== expected,
      )
      if (request.dryRun || isBehind) await freshen(backend, watcher, namespace, scope)
    }
    const made = new Attempt(watcher.position)
    const change: Change = {
      keys: documents.map(({ key }) => key),
      actor: request.actor,
      comment: request.comment,
      fresh: guarded,
      conditions: () => made.conditions,
      make: bases => this.#make(request, documents, bases, made),
    }
    const written = request.dryRun ? await writer.rehearse(change) : await writer.write(change)
    const revision = written.find(({ committed }) => committed)?.revision
    const observed = await (revision === undefined
      ? this.#sees(request, documents, written, made)
      : watcher.passed(revision, made.position))
    return this.#results(request, documents, written, made, observed)
  }

  /**
   * True once the cache has what a change that changed nothing found; false when that does not come in time,
   * or the store went back behind the cache.
   */
  async #sees(
    { dryRun }: Request,
    documents: readonly PlannedDocument[],
    written: readonly Written[],
    made: Attempt,
  ): Promise<boolean> {
    const { watcher } = this.#options
    if (dryRun) return true
    const isThere = (): boolean =>
      documents.every(
        ({ namespace, scope }, i) =>
          documentVersion(watcher.cache.document(namespace, scope)) >= (written[i]?.record?.version ?? 0),
      )
    return !made.wentBack && watcher.until(isThere, SEEN)
  }

  async #make(
    request: Request,
    documents: readonly PlannedDocument[],
    bases: readonly Base[],
    made: Attempt,
  ): Promise<readonly (JsonObject | undefined)[]> {
    const { watcher, backend, strict } = this.#options
    if (made.tries++ > 0) await this.#guards.lookAgain(documents)
    made.position = watcher.position
    // Versions never go back within one store.
    made.wentBack = documents.some(
      ({ namespace, scope }, i) =>
        documentVersion(watcher.cache.document(namespace, scope)) > (bases[i]?.record?.version ?? 0),
    )
    this.#guards.check(documents, bases)
    // Of this very moment: what changes while others are asked is not what was looked at.
    made.conditions = this.#guards.conditions(documents)
    const plan = await makePlan(documents, bases, { backend, cache: watcher.cache, strict })
    made.plan = plan
    made.previews = await this.#ask(request, plan)
    return plan.documents.map(({ namespace, next }) => next && seal(next, watcher.cache.schema(namespace)))
  }

  /**
   * @throws SettingsError CHANGE_VETOED when one of those who use the settings here does not accept the
   * change; with a dry run that is part of the answer.
   */
  async #ask({ actor, comment, dryRun }: Request, plan: Plan): Promise<ReadonlyMap<Namespace, Preview>> {
    const { consumers, watcher } = this.#options
    const controller = watcher.cache.self.slice('controller:'.length)
    const concerned = dryRun
      ? plan.namespaces
      : plan.namespaces.filter(namespace => consumers.of(namespace).length > 0)
    // Nobody is asked about what cannot be stored.
    if (concerned.length > 0) refuseLarge(plan.overrides)
    const previews = await Promise.all(
      concerned.map(async (namespace): Promise<[Namespace, Preview]> => {
        const { rejected, ...effect } = await plan.effectOn(namespace)
        const apply = strictest(effect.changes.map(change => change.apply))
        if (!apply) return [namespace, { changes: [], consumers: [], rejected }]
        const opinions = await consumers.admit({
          namespace,
          ...effect,
          actor,
          comment: comment ?? null,
          dry_run: dryRun,
        })
        return [
          namespace,
          {
            changes: effect.changes,
            consumers: opinions.map(opinion => ({ controller, apply, ...opinion })),
            rejected,
          },
        ]
      }),
    )
    const refusals = previews.flatMap(([namespace, preview]) =>
      preview.consumers.flatMap(({ napp, verdict, reason }) =>
        verdict === 'accepted' ? [] : [{ namespace, napp, verdict, reason }],
      ),
    )
    if (!dryRun && refusals.length > 0) throw vetoed(refusals)
    return new Map(previews)
  }

  #results(
    request: Request,
    documents: readonly PlannedDocument[],
    written: readonly Written[],
    { plan, previews }: Attempt,
    observed: boolean,
  ): readonly Changed[] {
    return documents.flatMap(({ namespace, scope }, i) => {
      const [mine, planned] = [written[i], plan?.documents[i]]
      if (!mine || !planned) return []
      const together = new Map(
        documents.flatMap((other, k) =>
          other.namespace === namespace && written[k] ? [[other.scope, written[k]]] : [],
        ),
      )
      const { shadowed, deprecated } = planned
      if (deprecated.length > 0 && mine.committed)
        this.#options.log.warn(
          `${request.actor.name} changed deprecated settings of "${namespace}": ${deprecated.join(', ')}.`,
        )
      return [
        {
          namespace,
          scope,
          written: mine,
          together,
          observed,
          shadowed,
          deprecated,
          preview: request.dryRun ? previews.get(namespace) : undefined,
        },
      ]
    })
  }
}

/** What the latest try of a request came to before its commit. */
class Attempt {
  tries = 0
  /**
   * The store held an older version of a document than the cache: it was put back, and the cache is still
   * that of the former one.
   */
  wentBack = false
  conditions: readonly Operation[] = []
  plan: Plan | undefined
  previews: ReadonlyMap<Namespace, Preview> = new Map()
  /** Where the watcher was before the commit was sent. */
  position: Position

  constructor(position: Position) {
    this.position = position
  }
}

function groupByDocument(edits: readonly Edit[]): readonly PlannedDocument[] {
  const found = new Map<Key, { namespace: Namespace; scope: Scope; key: Key; edits: Edit[] }>()
  for (const edit of edits) {
    const key = overridesKey(edit.namespace, edit.scope)
    const document = found.get(key)
    if (document) document.edits.push(edit)
    else found.set(key, { namespace: edit.namespace, scope: edit.scope, key, edits: [edit] })
  }
  return [...found.values()]
}

function vetoed(
  refusals: readonly {
    readonly namespace: Namespace
    readonly napp: string
    readonly reason: string | null
  }[],
): SettingsError {
  const told = refusals.map(
    ({ namespace, napp, reason }) =>
      `${napp} rejected the change of "${namespace}": ${reason}${/[.!?]$/.test(reason ?? '') ? '' : '.'}`,
  )
  return new SettingsError('CHANGE_VETOED', `${told.join(' ')} Nothing was changed.`, {
    details: { refusals },
  })
}
