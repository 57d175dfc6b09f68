import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { type ExpectedRevision, printExpectedRevision } from '../../model/expected-revision.ts'
import { type Key, splitKey } from '../../model/key.ts'

export function boxNotFound(key: Key): SettingsError {
  return new SettingsError('BOX_NOT_FOUND', `The box "${splitKey(key).segments.join('/')}" does not exist.`)
}

/** The outcome of a put is unknown; the write id shows whether it was applied. */
export function writeUnknown(cause: SettingsError, writeId: string): SettingsError {
  const advice = `Before you retry, retrieve the box on the bus, or back up or search its namespace over REST: the change was applied if its write_id is ${writeId}.`
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

/**
 * @throws SettingsError REVISION_MISMATCH unless the box is at the expected revision, in the store of the
 * expected epoch.
 */
export function refuseMismatch(
  key: Key,
  actual: Required<ExpectedRevision>,
  expected: ExpectedRevision,
): void {
  const isSameStore = expected.epoch === undefined || expected.epoch === actual.epoch
  if (isSameStore && expected.revision === actual.revision) return
  const got = printExpectedRevision(expected)
  const has = printExpectedRevision(expected.epoch === undefined ? { revision: actual.revision } : actual)
  const why = isSameStore ? 'another caller changed it' : 'the store was replaced'
  throw new SettingsError(
    'REVISION_MISMATCH',
    `The box "${splitKey(key).segments.join('/')}" is at revision ${has}, not ${got}: ${why}. Retrieve it, then retry.`,
    { details: { got, expected: has } },
  )
}

/** Lost races for so many seconds. */
export function contention(key: Key, seconds: number): SettingsError {
  return new SettingsError(
    'CONTENTION',
    `Concurrent changes of "${key}" won for ${seconds} s. Nothing was changed; retry.`,
  )
}
