import type { Preview } from '../../../events/changes.ts'
import type { AdmissionHooks } from '../../../events/event.ts'
import { strictest } from '../../../events/strictest.ts'
import type { Actor } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Namespace } from '../../../model/namespace.ts'
import type { Cache } from '../../watcher/cache.ts'
import type { Plan } from './plan.ts'
import { refuseLarge } from './size-limits.ts'

export interface AdmissionContext {
  readonly consumers: AdmissionHooks
  readonly cache: Cache
}

/** The facts of a request that its consumers are asked with. */
export interface AdmissionSubject {
  readonly actor: Actor
  readonly comment: string | undefined
  readonly dryRun: boolean
}

/** A response that does not accept the change. */
interface Refusal {
  readonly namespace: Namespace
  readonly napp: string
  readonly reason: string | null
}

/**
 * Asks the consumers of this process whether they accept a planned change; returns a preview for each
 * namespace that was looked at.
 * @throws SettingsError CHANGE_VETOED when a consumer does not accept it; in a dry run its response is part
 * of the preview instead. DOCUMENT_TOO_LARGE before a consumer is asked about overrides that cannot be
 * stored.
 */
export async function admitPlan(
  plan: Plan,
  { actor, comment, dryRun }: AdmissionSubject,
  { consumers, cache }: AdmissionContext,
): Promise<ReadonlyMap<Namespace, Preview>> {
  const controller = cache.self.slice('controller:'.length)
  const concerned = dryRun
    ? plan.namespaces
    : plan.namespaces.filter(namespace => consumers.of(namespace).length > 0)
  if (concerned.length > 0) refuseLarge(plan.documents.flatMap(({ next }) => (next ? [next] : [])))
  const previews = await Promise.all(
    concerned.map(async (namespace): Promise<[Namespace, Preview]> => {
      const { rejected, ...effect } = await plan.effectOn(namespace)
      const apply = strictest(effect.changes.map(change => change.apply))
      if (!apply) return [namespace, { changes: [], consumers: [], rejected }]
      const responses = await consumers.admit({
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
          consumers: responses.map(response => ({ controller, apply, ...response })),
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

function vetoed(refusals: readonly Refusal[]): SettingsError {
  const sentences = refusals.map(
    ({ namespace, napp, reason }) =>
      `${napp} rejected the change of "${namespace}": ${reason}${/[.!?]$/.test(reason ?? '') ? '' : '.'}`,
  )
  return new SettingsError('CHANGE_VETOED', `${sentences.join(' ')} Nothing was changed.`, {
    details: { refusals },
  })
}
