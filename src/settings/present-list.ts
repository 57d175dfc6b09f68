import { setImmediate as turn } from 'node:timers/promises'
import type { FileCode, Summary, SummaryPart } from '../../events/nouns.ts'
import { printRevision } from '../../model/document.ts'
import { CLUSTER, type Namespace, overridesKey } from '../../model/namespace.ts'
import { documentVersion } from '../state/document-state.ts'
import { presentRejected, type RejectedList } from '../state/rejected-list.ts'
import type { Projection } from '../watcher/cached-namespaces.ts'
import { explainFromCache } from './explain.ts'
import type { View } from './present.ts'

/** The values that are explained in one turn of the event loop. */
const VALUES_PER_TURN = 2_000

interface ListOptions {
  readonly include: readonly SummaryPart[]
  readonly files: ReadonlyMap<string, readonly FileCode[]>
  /** False when no NApp of this process has registered the namespace; undefined when that is not known. */
  readonly isLoaded: (namespace: Namespace) => boolean | undefined
}

/**
 * The summaries of these namespaces, all of the revision of the view: the parts that take turns of the event
 * loop are those of the states that the cache has at the call.
 */
export async function presentList(
  view: View,
  namespaces: readonly Namespace[],
  options: ListOptions,
): Promise<readonly Summary[]> {
  const { include } = options
  const summaries = namespaces.map(namespace => presentSummary(view, namespace, options))
  if (!include.includes('explain')) return summaries
  const states = namespaces.map(namespace => view.cache.project(namespace))
  const explained: Summary[] = []
  let values = 0
  for (const [i, summary] of summaries.entries()) {
    const seen = (await states[i]) as Projection
    const explain = await explainFromCache(seen, view.cache.seenFrom(CLUSTER))
    explained.push({ ...summary, explain })
    values += Object.keys(explain).length
    if (values >= VALUES_PER_TURN) {
      values = 0
      await turn()
    }
  }
  return explained
}

function presentSummary(
  { cache, state }: View,
  namespace: Namespace,
  { files: filesOf, include, isLoaded }: ListOptions,
): Summary {
  const cluster = cache.document(namespace, CLUSTER)
  const files = filesOf.get(namespace) ?? []
  const rejected = cache.rejected(namespace)
  return {
    namespace,
    revision: printRevision(cache.namespaceRevision(namespace)),
    version: documentVersion(cluster),
    state,
    schema: cache.schema(namespace) !== undefined,
    overrides: cluster?.entry !== undefined || cache.document(namespace, cache.self)?.entry !== undefined,
    pending: cache
      .seenFrom(CLUSTER)
      .some(scope => cache.index.pending.waiting(overridesKey(namespace, scope))),
    ...(isLoaded(namespace) === false && { loaded: false }),
    ...(rejected.rejected.length > 0 && { rejected: true }),
    ...(include.includes('rejected') && presentMembers(rejected)),
    ...(files.length > 0 && { files }),
    ...(include.includes('data') && { data: cache.effective(namespace) }),
  }
}

function presentMembers(list: RejectedList): Pick<Summary, 'rejected_members' | 'more'> {
  const { rejected, ...more } = presentRejected(list)
  return { ...(rejected && { rejected_members: rejected }), ...more }
}
