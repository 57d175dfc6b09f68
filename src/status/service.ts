import type { Backend, FileProblem } from '../../backends/backend.ts'
import type { ConsumerState } from '../../events/commands/consumer-nouns.ts'
import { parseComment } from '../../events/content.ts'
import type { AdmissionHooks, Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import type {
  Controllers,
  DocumentName,
  FileState,
  NAppStatus,
  RestoredFiles,
  Status,
} from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { printRevision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { CLUSTER, type Namespace, parseNamespace, parseScope, type Scope } from '../../model/namespace.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import { parseName } from '../boxes/box.ts'
import type { Log } from '../log/log.ts'
import { presentAllPending } from '../pending/present-pending.ts'
import { overridesByController } from '../settings/known-controllers.ts'
import { requireReady } from '../settings/write/ready.ts'
import { unknownNamespace, visibleNamespaces } from '../settings/write/unknown-namespace.ts'
import { nameDocument } from '../state/files.ts'
import { MAX_LISTED } from '../state/rejected-list.ts'
import type { Cache } from '../watcher/cache.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { consumerStates } from './consumer-states.ts'

export interface StatusOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly log: Log
  readonly controller: string
  /** The consumers of settings in this process. */
  readonly consumers: Pick<AdmissionHooks, 'reports'>
  /** The state of each enabled NApp of the host; none without a host. */
  readonly napps?: () => readonly NAppStatus[]
}

/**
 * The documents that one answer names, because a store may have 100,000 files and an answer is one message.
 */
export const MAX_NAMED = 500

/** The documents that a command is limited to. */
interface Selection {
  readonly namespace: string | undefined
  readonly scope: Scope | undefined
}

/**
 * Answers `kytos.settings.status`, `kytos.settings.controllers` and `kytos.settings.restore_files`.
 *
 * Invariant: `restore_files` writes files only, and only those that are missing: no document changes, so no
 * revision, record or fact follows.
 */
export class StatusService {
  readonly #options: StatusOptions
  /** The handlers of this service, by command. */
  readonly handlers = {
    'kytos.settings.status': content => this.status(content),
    'kytos.settings.controllers': content => this.controllers(content),
    'kytos.settings.restore_files': (content, { actor }) => this.restoreFiles(content, actor),
  } satisfies Partial<Handlers>

  constructor(options: StatusOptions) {
    this.#options = options
  }

  /** @throws SettingsError NAMESPACE_NOT_FOUND for a namespace without settings, boxes and files. */
  async status(content: CommandContent<'kytos.settings.status'>): Promise<Status> {
    const selection = this.#parse(content)
    const { namespace } = selection
    const { backend, watcher, controller, napps = () => [] } = this.#options
    const { state, revision, epoch, since, reason, age } = watcher.health
    const { named, more } = limited(
      backend.fileProblems().filter(({ key }) => isSelected(selection, nameDocument(key))),
    )
    return {
      controller,
      backend: backend.name,
      state,
      revision: printRevision(revision),
      epoch,
      since,
      reason,
      age,
      files: named.map(presentFile),
      ...(more > 0 && { more_files: more }),
      ...presentRejections(watcher.cache, namespace),
      ...presentAllPending(watcher.cache.index.pending, namespace),
      ...this.#presentConsumers(selection),
      napps: napps().filter(({ napp }) =>
        isSelected({ namespace, scope: undefined }, { namespace: napp, scope: CLUSTER }),
      ),
    }
  }

  /** The state of each consumer of this process, visible or not. */
  consumers(): readonly ConsumerState[] {
    const { consumers, watcher, controller } = this.#options
    return consumerStates(consumers.reports(), watcher, controller)
  }

  #presentConsumers(selection: Selection): Pick<Status, 'consumers' | 'more_consumers'> {
    const all = this.consumers().filter(({ napp, namespace }) =>
      [napp, namespace].every(one => currentVisibility().seesNamespace(one)),
    )
    const { named, more } = limited(
      all.filter(({ namespace }) => selection.namespace === undefined || namespace === selection.namespace),
    )
    return { ...(named.length > 0 && { consumers: named }), ...(more > 0 && { more_consumers: more }) }
  }

  /**
   * This controller, and each that has overrides of its own, whether it runs or not.
   * @throws SettingsError SCOPE_MALFORMED.
   */
  async controllers(content: CommandContent<'kytos.settings.controllers'>): Promise<Controllers> {
    this.#parse(content)
    const { backend, controller, watcher } = this.#options
    const elsewhere = backend.supports.sharing ? null : false
    const known = overridesByController(watcher.cache)
    return {
      controllers: [...known].map(([id, namespaces]) => {
        const self = id === controller
        return { id, self, running: self || elsewhere, namespaces }
      }),
    }
  }

  /** @throws SettingsError NAMESPACE_NOT_FOUND as `status`, STORE_STALE, STORE_UNWRITABLE. */
  async restoreFiles(
    content: CommandContent<'kytos.settings.restore_files'>,
    actor: Actor,
  ): Promise<RestoredFiles> {
    const selection = this.#parse(content)
    const { backend, watcher, log } = this.#options
    requireReady(watcher)
    const keys = this.#keysOf(selection)
    const restored = keys?.length === 0 ? [] : await backend.restoreFiles(keys)
    if (restored.length > 0)
      log.info(`Restored ${restored.length} missing readable files for ${actor.type} ${actor.name}.`)
    const { named, more } = limited(restored)
    return { restored: named.map(nameDocument), ...(more > 0 && { more }) }
  }

  #parse(content: CommandContent<'kytos.settings.status'>): Selection {
    parseComment(content.comment)
    return {
      namespace: content.namespace === undefined ? undefined : this.#requireKnown(content.namespace),
      scope: content.scope === undefined ? undefined : parseScope(content.scope, this.#options.controller),
    }
  }

  /**
   * The selected documents, even if their files are not known to be missing yet; undefined for all documents.
   */
  #keysOf(selection: Selection): readonly Key[] | undefined {
    const { namespace, scope } = selection
    if (namespace === undefined && scope === undefined) return undefined
    const { cache } = this.#options.watcher
    const boxes =
      namespace === undefined || isNAppId(namespace) || scope !== undefined ? [] : cache.boxes(namespace)
    const overrides = [...cache.documents()].filter(
      document => document.entry !== undefined && isSelected(selection, document),
    )
    return [...boxes, ...overrides.map(({ key }) => key)]
  }

  #requireKnown(value: unknown): string {
    const { backend, watcher } = this.#options
    const namespace = parseOwner(value)
    const { cache } = watcher
    if (isNAppId(namespace) ? cache.namespaces().includes(namespace) : cache.boxes(namespace).length > 0)
      return namespace
    // A rejected file may be that of a document that was never created.
    if (backend.fileProblems().some(({ key }) => nameDocument(key).namespace === namespace)) return namespace
    if (this.#options.napps?.().some(({ napp }) => napp === namespace)) return namespace
    throw unknownOwner(cache, namespace)
  }
}

/** The error about a NApp id or a namespace of boxes for which there is nothing. */
export function unknownOwner(cache: Cache, owner: string): SettingsError {
  if (isNAppId(owner)) return unknownNamespace(cache, owner)
  return new SettingsError(
    'NAMESPACE_NOT_FOUND',
    `The namespace "${owner}" has no boxes. A NApp id is "username/name".`,
    { details: { namespace: owner } },
  )
}

/**
 * A NApp id, or a namespace of boxes, which holds no "/".
 * @throws SettingsError NAMESPACE_MALFORMED, BOX_MALFORMED.
 */
function parseOwner(value: unknown): string {
  return typeof value === 'string' && !value.includes('/')
    ? parseName(value, 'namespace')
    : parseNamespace(value)
}

function isNAppId(owner: string): owner is Namespace {
  return owner.includes('/')
}

/** True for a selected document that the caller of the current command sees. */
function isSelected({ namespace, scope }: Selection, name: DocumentName): boolean {
  const visibility = currentVisibility()
  return (
    ('box_id' in name ? visibility.seesBoxes(name.namespace) : visibility.seesNamespace(name.namespace)) &&
    (namespace === undefined || name.namespace === namespace) &&
    (scope === undefined || ('scope' in name && name.scope === scope))
  )
}

function presentFile({ key, source, code, message }: FileProblem): FileState {
  return { ...nameDocument(key), source, code, message }
}

function limited<T>(items: readonly T[]): { readonly named: readonly T[]; readonly more: number } {
  return { named: items.slice(0, MAX_NAMED), more: Math.max(0, items.length - MAX_NAMED) }
}

/** The rejected values of all namespaces, or of one. */
function presentRejections(
  cache: Cache,
  namespace: string | undefined,
): Pick<Status, 'rejected' | 'more_rejected'> {
  const lists = visibleNamespaces(cache)
    .filter(one => namespace === undefined || one === namespace)
    .map(one => ({
      namespace: one,
      list: cache.rejected(one),
    }))
  const all = lists.flatMap(({ namespace, list }) => list.rejected.map(one => ({ namespace, ...one })))
  const more =
    lists.reduce((sum, { list }) => sum + (list.more ?? 0), 0) + Math.max(0, all.length - MAX_LISTED)
  if (all.length === 0) return {}
  return { rejected: all.slice(0, MAX_LISTED), ...(more > 0 && { more_rejected: more }) }
}
