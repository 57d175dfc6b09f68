import type { Backend } from '../../backends/backend.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER } from '../../model/namespace.ts'
import { parseOverridesKey } from '../state/document-state.ts'
import type { PendingEntry } from '../watcher/pending/pending-index.ts'
import { readRemaining } from './remaining.ts'

/** The error that a document waits for a confirmation, with its actor and the time that is left. */
export async function pendingError(backend: Backend, pending: PendingEntry): Promise<SettingsError> {
  const { actor, confirmWithin, document } = pending
  const remaining = await readRemaining(backend, pending.keys)
  const place = parseOverridesKey(document)
  const left =
    remaining === 0
      ? 'its time has passed, and it is being rolled back'
      : `it is rolled back in ${remaining} s unless it is confirmed`
  return new SettingsError(
    'PENDING',
    `${nameOf(document)} waits for the confirmation of a change by ${actor.name}: ${left}. Confirm or cancel it first, or send this change with confirm_within.`,
    { details: { ...place, actor, confirm_within: confirmWithin, remaining } },
  )
}

/** The error that nothing waits for a confirmation; `last` is what was stored there last. */
export function notPending(
  document: PendingEntry['document'],
  last: PendingEntry | undefined,
): SettingsError {
  const place = parseOverridesKey(document)
  const name = nameOf(document)
  if (!last)
    return new SettingsError('NOT_PENDING', `No change of ${name} waits for a confirmation.`, {
      details: { ...place },
    })
  const { version, baseline, actor } = last
  const ended = last.ended ?? 'expired'
  const reasons = {
    confirmed: `was confirmed by ${actor.name} before`,
    cancelled: `was cancelled by ${actor.name}; version ${baseline} is restored`,
    expired: 'was not confirmed in time and is rolled back',
    overtaken: 'was overtaken by a manual edit, which stays',
  } as const
  return new SettingsError(
    'NOT_PENDING',
    `No change of ${name} waits for a confirmation: version ${version} ${reasons[ended]}.`,
    { details: { ...place, version, ended, ...(last.ended && { actor, at: last.at }) } },
  )
}

function nameOf(document: PendingEntry['document']): string {
  const { namespace = document, scope = CLUSTER } = parseOverridesKey(document) ?? {}
  return scope === CLUSTER ? `"${namespace}"` : `"${namespace}" in scope ${scope}`
}
