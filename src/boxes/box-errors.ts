import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'

export function boxNotFound(key: Key): SettingsError {
  return new SettingsError('BOX_NOT_FOUND', `The box "${splitKey(key).segments.join('/')}" does not exist.`)
}

/** The outcome of a put is unknown; the write id shows whether it was applied. */
export function writeUnknown(cause: SettingsError, writeId: string): SettingsError {
  const advice = `Retrieve the box before you retry: the change was applied if its write_id is ${writeId}.`
  return new SettingsError('OUTCOME_UNKNOWN', `${cause.message} ${advice}`, {
    cause,
    details: { ...cause.details, write_id: writeId },
  })
}

/** The outcome of a deletion is unknown; a later revision may be another caller's box. */
export function deletionUnknown(cause: SettingsError, revision: Revision): SettingsError {
  const advice = `Retrieve the box before you retry the deletion of revision ${revision}: a later revision may be another caller's box.`
  return new SettingsError('OUTCOME_UNKNOWN', `${cause.message} ${advice}`, {
    cause,
    details: { ...cause.details, revision: String(revision) },
  })
}

export function revisionMismatch(key: Key, actual: Revision, expected: Revision): SettingsError {
  return new SettingsError(
    'REVISION_MISMATCH',
    `The box "${splitKey(key).segments.join('/')}" is at revision ${actual}, not ${expected}: another caller changed it. Retrieve it, then retry.`,
    {
      details: { got: String(expected), expected: String(actual) },
    },
  )
}

/** Lost races for so many seconds. */
export function contention(key: Key, seconds: number): SettingsError {
  return new SettingsError(
    'CONTENTION',
    `Concurrent changes of "${key}" won for ${seconds} s. Nothing was changed; retry.`,
  )
}
