import type { Backend } from '../../backends/backend.ts'
import type { EndedPending } from '../../events/commands/pending-nouns.ts'
import { parseComment } from '../../events/content.ts'
import type { Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { printRevision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { overridesKey, parseNamespace, parseScope } from '../../model/namespace.ts'
import { parseOverridesKey } from '../state/document-state.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { type CommittedEnd, confirmGroup, type EndedBy, rollBackGroup } from './ending.ts'
import { notPending } from './pending-errors.ts'
import { type PendingGroup, readGroup, readPendingAt } from './pending-group.ts'
import { requireVisibleGroup } from './visible-group.ts'

export interface PendingServiceOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly controller: string
  /** @throws SettingsError STORE_STALE while the store is unavailable. */
  readonly requireReady: () => void
  /** Called after one more record of a document was committed. */
  readonly recorded: (document: Key, version: number) => void
}

/** The number of attempts to end a commit that changes meanwhile. */
const MAX_ATTEMPTS = 20

type Content = CommandContent<'kytos.settings.confirm'>

/** Commits one kind of end; undefined when the commit changed or ended meanwhile. */
type Commit = (group: PendingGroup, by: EndedBy) => Promise<CommittedEnd | undefined>

/**
 * Answers the commands that end a confirmed commit, from any controller. An answered end is the only one: see
 * the invariants in arming.ts.
 */
export class PendingService {
  readonly #options: PendingServiceOptions
  /** The handlers of this service, by command. */
  readonly handlers = {
    'kytos.settings.confirm': (content, { actor }) => this.confirm(content, actor),
    'kytos.settings.cancel': (content, { actor }) => this.cancel(content, actor),
  } satisfies Partial<Handlers>

  constructor(options: PendingServiceOptions) {
    this.#options = options
  }

  /** @throws SettingsError NOT_PENDING, STORE_STALE, and the errors of the store. */
  confirm(content: Content, actor: Actor): Promise<EndedPending> {
    const { backend } = this.#options
    return this.#end(content, actor, 'confirmed', async (group, by) => {
      const [first] = group.members
      // The rollback has begun, or is about to: it is too late for a confirmation.
      if (first && group.members.some(({ armed }) => armed === undefined))
        throw notPending(first.document, first.pending)
      return confirmGroup(backend, group, by)
    })
  }

  /** @throws SettingsError NOT_PENDING, STORE_STALE, and the errors of the store. */
  cancel(content: Content, actor: Actor): Promise<EndedPending> {
    const { backend } = this.#options
    return this.#end(content, actor, 'cancelled', (group, by) =>
      rollBackGroup(backend, group, 'cancelled', by),
    )
  }

  async #end(
    content: Content,
    actor: Actor,
    kind: EndedPending['kind'],
    commit: Commit,
  ): Promise<EndedPending> {
    const { backend, watcher, controller, requireReady } = this.#options
    const namespace = parseNamespace(content.namespace)
    const document = overridesKey(namespace, parseScope(content.scope, controller))
    const by = { actor, comment: parseComment(content.comment), controller }
    requireReady()
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { position } = watcher
      const group = await readGroup(backend, document)
      if (!group) break
      requireVisibleGroup(group, actor)
      const end = await commit(group, by).catch(error => {
        throw asUnknownEnd(error, kind)
      })
      if (end?.kind === kind) {
        const observed = await watcher.passed(end.revision, position)
        return this.#answer(group, kind, end, observed)
      }
      // A manual edit overtook it, which the next read shows.
    }
    throw notPending(document, await readPendingAt(backend, document))
  }

  #answer(
    { writeId, members }: PendingGroup,
    kind: EndedPending['kind'],
    { revision, versions }: CommittedEnd,
    observed: boolean,
  ): EndedPending {
    for (const { document, pending } of members) {
      const version = versions.get(document) ?? 0
      if (version > pending.version) this.#options.recorded(document, version)
    }
    return {
      kind,
      write_id: writeId,
      documents: members.flatMap(({ document }) => {
        const place = parseOverridesKey(document)
        return place ? [{ ...place, version: versions.get(document) ?? 0 }] : []
      }),
      revision: printRevision(revision),
      epoch: this.#options.watcher.cache.epoch,
      ...(!observed && { observed }),
    }
  }
}

/** An unknown outcome, with the way to find it. */
function asUnknownEnd(error: unknown, kind: EndedPending['kind']): unknown {
  if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) return error
  return new SettingsError(
    'OUTCOME_UNKNOWN',
    `${error.message} Send the command again: NOT_PENDING with "ended": "${kind}" means that it was applied.`,
    { cause: error, details: error.details },
  )
}
