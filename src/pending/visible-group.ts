import type { Actor } from '../../model/actor.ts'
import { unlimitedRequired } from '../../model/rights/command-rules.ts'
import { currentVisibility } from '../../model/rights/visibility.ts'
import { parseOverridesKey } from '../state/document-state.ts'
import type { PendingGroup } from './pending-group.ts'

/**
 * Requires that the caller sees all documents of a confirmed commit, because they end, or wait longer, together.
 * @throws SettingsError PERMISSION_DENIED.
 */
export function requireVisibleGroup({ members }: PendingGroup, { name }: Actor): void {
  const { limits, seesNamespace } = currentVisibility()
  const isVisible = members.every(({ document }) => {
    const place = parseOverridesKey(document)
    return !place || seesNamespace(place.namespace)
  })
  if (limits && !isVisible)
    throw unlimitedRequired(
      name,
      'to confirm, cancel or extend a change that waits together with other documents',
      limits,
    )
}
