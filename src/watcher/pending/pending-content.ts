import type { PendingFact, PendingKind } from '../../../events/commands/pending-nouns.ts'
import { parseOverridesKey } from '../../state/document-state.ts'
import type { PendingEntry } from './pending-index.ts'

/**
 * The members of the fact about a state besides those of its revision; undefined for a document of another
 * program.
 */
export function pendingContent(
  pending: PendingEntry,
): Omit<PendingFact, 'revision' | 'epoch' | 'cursor' | 'origin'> | undefined {
  const place = parseOverridesKey(pending.document)
  return (
    place && {
      ...place,
      kind: kindOf(pending),
      version: pending.version,
      baseline: pending.baseline,
      actor: pending.actor,
      comment: pending.comment ?? null,
      confirm_within: pending.confirmWithin,
    }
  )
}

function kindOf({ ended, isExtended }: PendingEntry): PendingKind {
  return ended ?? (isExtended ? 'extended' : 'armed')
}
