import { setTimeout as sleep } from 'node:timers/promises'
import type { RootBus } from '../../events/event.ts'
import type { JsonObject } from '../../model/value.ts'

/** Namespaces that a NApp on every controller uses, whose `changing` hook refuses some values. */
export const GUARDED = ['kytos/guarded_0', 'kytos/guarded_1']
/** The NApp that uses them. */
const NAPP = 'kytos/guard'
/** What the hook may take at most, in ms: well within its deadline of 2 s. */
export const SLOWEST_HOOK = 300

/**
 * The data of a guarded namespace: the controller at which the hook refuses it, and how long the hook takes,
 * in ms.
 */
export interface GuardedData extends JsonObject {
  readonly refused_by: string | null
  readonly slow: number
}

/** Has a NApp at this controller use the guarded namespaces. */
export function startGuard(bus: RootBus, controller: string): void {
  const view = bus.view({ type: 'napp', name: NAPP })
  for (const namespace of GUARDED) {
    view.consume(namespace, {
      changing: async ({ data: { refused_by, slow } }) => {
        if (typeof slow === 'number') await sleep(Math.min(slow, SLOWEST_HOOK))
        return refused_by === controller ? `${controller} refuses it` : undefined
      },
    })
  }
}
