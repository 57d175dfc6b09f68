import { SettingsError } from '../model/errors.ts'

/** The error of a watch that cannot continue without a gap; `why` is a clause for its message. */
export function historyLost(why: string, details?: Readonly<Record<string, unknown>>): SettingsError {
  return new SettingsError(
    'HISTORY_LOST',
    `The watch cannot continue without a gap: ${why}. List the store and watch from the listed revision.`,
    details && { details },
  )
}
