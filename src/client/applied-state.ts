import { type AppliedStatus, MAX_REASON_CHARACTERS } from '../../events/commands/consumer-nouns.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { ListenerOutcome } from './listener-outcome.ts'
import type { ValuesInUse } from './values-in-use.ts'

/** How far a NApp applies the values that were handed to it. */
export interface AppliedState {
  readonly status: AppliedStatus
  /** The reason for any other status than `applied`, at most 200 characters. */
  readonly reason: string | null
}

/** The state before the first values arrive. */
export const LOADING: AppliedState = { status: 'pending', reason: 'The NApp is loading its settings.' }

/** A listener with the outcome of its calls. */
interface Listener {
  readonly pointer: string
  readonly outcome: ListenerOutcome
}

/**
 * The state of a NApp by its listeners and by the values of its start. A failure weighs most, then a listener
 * that has not returned, then values that wait for a reload or a restart.
 */
export function appliedState(listeners: readonly Listener[], inUse: ValuesInUse): AppliedState {
  if (!inUse.hasBegun) return LOADING
  for (const { pointer, outcome } of listeners)
    if (outcome.failure)
      return because(
        'refused',
        `The listener of ${place(pointer)} failed: ${toSettingsError(outcome.failure.error).message}`,
      )
  const running = listeners.find(({ outcome }) => outcome.isRunning)
  if (running) return because('pending', `The listener of ${place(running.pointer)} has not returned yet.`)
  const waiting = inUse.waiting()
  if (waiting.length === 0) return { status: 'applied', reason: null }
  const isReload = waiting.every(({ apply }) => apply === 'reload')
  const pointers = waiting.map(({ pointer }) => pointer).join(', ')
  return because(
    'pending',
    `Takes effect at the next ${isReload ? 'reload' : 'start'} of the NApp: ${pointers}`,
  )
}

function place(pointer: string): string {
  return pointer === '' ? 'all settings' : pointer
}

function because(status: AppliedStatus, reason: string): AppliedState {
  const characters = [...reason]
  return {
    status,
    reason:
      characters.length <= MAX_REASON_CHARACTERS
        ? reason
        : `${characters.slice(0, MAX_REASON_CHARACTERS - 3).join('')}...`,
  }
}
