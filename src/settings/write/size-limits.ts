import type { Operation } from '../../../backends/backend.ts'
import { COMMIT_OPERATIONS, DOCUMENT_BYTES, TRANSACTION_BYTES } from '../../../model/document.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { JsonObject } from '../../../model/value.ts'

/** @throws SettingsError DOCUMENT_TOO_LARGE for overrides that cannot be stored, each or together. */
export function refuseLarge(overrides: readonly JsonObject[]): void {
  refuseLargeTexts(overrides.map(one => printJson(one)))
}

/** @throws SettingsError DOCUMENT_TOO_LARGE for more operations than every store takes in one commit. */
export function refuseMany(operations: readonly Operation[]): void {
  if (operations.length <= COMMIT_OPERATIONS) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The transaction requires ${operations.length} operations and guards in the store; ${COMMIT_OPERATIONS} are allowed. Split it, or use fewer guards.`,
    { details: { got: operations.length, limit: COMMIT_OPERATIONS } },
  )
}

/** @throws SettingsError DOCUMENT_TOO_LARGE as {@link refuseLarge}, for printed overrides. */
export function refuseLargeTexts(texts: readonly string[]): void {
  const sizes = texts.map(text => Buffer.byteLength(text))
  const largest = Math.max(0, ...sizes)
  if (largest > DOCUMENT_BYTES) {
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The overrides would have ${largest} bytes; ${DOCUMENT_BYTES} are allowed. Store NApp data in boxes.`,
      { details: { got: largest, limit: DOCUMENT_BYTES } },
    )
  }
  const sum = sizes.reduce((a, b) => a + b, 0)
  if (sum <= TRANSACTION_BYTES) return
  throw new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The documents of the transaction would have ${sum} bytes in total; ${TRANSACTION_BYTES} are allowed. Split it.`,
    { details: { got: sum, limit: TRANSACTION_BYTES } },
  )
}
