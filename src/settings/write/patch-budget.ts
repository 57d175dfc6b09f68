import { SettingsError } from '../../../model/errors.ts'

/** The most operations of one JSON Patch, or of all in one transaction. */
export const PATCH_OPERATIONS = 10_000
/** The most members that one patch, or all of a transaction, copy, move, compare or measure: about 0.1 s. */
const PATCH_WORK = 200_000

/** The remaining operations and work of the patches of one request. */
export class PatchBudget {
  #operations = PATCH_OPERATIONS
  #work = PATCH_WORK

  /** @throws SettingsError DOCUMENT_TOO_LARGE. */
  spendOperations(operations: number): void {
    this.#operations -= operations
    if (this.#operations < 0) throw tooMuch(`it has more than ${PATCH_OPERATIONS} operations`)
  }

  /** @throws SettingsError DOCUMENT_TOO_LARGE. */
  spendWork(work: number): void {
    this.#work -= work
    if (this.#work < 0) throw tooMuch(`it copies, moves or compares more than ${PATCH_WORK} members`)
  }
}

function tooMuch(reason: string): SettingsError {
  return new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The JSON Patch cannot be applied: ${reason}. Split it, or replace whole members.`,
  )
}
