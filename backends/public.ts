/**
 * The contract of a backend, and helpers for its author: the exports of `kytos-settings/backend`. The guide
 * is docs/backends.md.
 * @example
 * import { type Backend, makeKey, SettingsError } from 'kytos-settings/backend'
 *
 * const key = makeKey('settings', 'kytos', 'of_lldp')
 * throw new SettingsError('STORE_UNREACHABLE', 'The store at 10.0.0.1 does not answer.')
 */

export type { Entry, Revision } from '../model/document.ts'
export { parseRevision, printRevision } from '../model/document.ts'
export { ERRORS, type ErrorCode, type ErrorOptions, isSettingsError, SettingsError } from '../model/errors.ts'
export {
  EVERYTHING,
  isDocumentKey,
  type Key,
  KINDS,
  type Kind,
  makeKey,
  makePrefix,
  type Prefix,
  parseKey,
  splitKey,
} from '../model/key.ts'
export type { Json, JsonObject } from '../model/value.ts'
export type {
  Backend,
  BackendContext,
  Batch,
  Change,
  Expected,
  FileProblem,
  Listing,
  ListOptions,
  Operation,
  Outcome,
  Problem,
  Supports,
} from './backend.ts'
export { inKeyOrder, keyOf } from './changes.ts'
export { historyLost } from './history-lost.ts'
export { listingOf } from './listing.ts'
export { mayRepeat } from './may-repeat.ts'
export { type BackendModule, CONTRACT_VERSION } from './module.ts'
export {
  allHold,
  changeBy,
  checkOperations,
  foundEntries,
  holds,
  isGuarded,
  isWrite,
  type OperationLimits,
} from './operations.ts'
export { type Held, type ReadVersion, type Settled, settle } from './settle.ts'
