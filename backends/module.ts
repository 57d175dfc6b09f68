import type { JsonObject } from '../model/value.ts'
import type { Backend, BackendContext } from './backend.ts'

/**
 * The version of the contract in `backend.ts` and of {@link BackendModule}. It changes only when the
 * requirements for a backend change.
 */
export const CONTRACT_VERSION = 1

/** The names of the backends of this package, which no backend of another package can have. */
export const OWN_NAMES: readonly string[] = ['memory', 'filesystem', 'etcd']

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** True for a valid name of a backend, which is part of a section of kytos.ini and of messages. */
export function isBackendName(text: string): boolean {
  return NAME.test(text)
}

/**
 * The exports of the module of a backend. `[settings] backend` names the module, and the section
 * `[settings.<name>]` contains its options.
 * @example
 * import type { BackendModule } from 'kytos-settings/backend'
 * import { MyBackend } from './my-backend.js'
 *
 * export const name: BackendModule['name'] = 'my-store'
 * export const contract: BackendModule['contract'] = 1
 * export const options: BackendModule['options'] = {
 *   type: 'object',
 *   properties: { file: { type: 'string', format: 'path' } },
 *   required: ['file'],
 * }
 * export const create: BackendModule['create'] = (options, context) => new MyBackend(options, context)
 */
export interface BackendModule {
  /** Lower-case letters, digits, `-` and `_`, 64 at most; `filesystem`, `etcd` and `memory` are taken. */
  readonly name: string
  /**
   * The JSON Schema (draft 2020-12) of the options, an object with `properties`. Their names are lower-case,
   * like keys of kytos.ini. A string with `format: "path"` is made absolute from the folder of kytos.ini. A
   * property with `x-sensitive: true` is kept out of messages and out of the name of the store.
   */
  readonly options: JsonObject
  /** The version of the contract that the backend fulfils; absent is 1. */
  readonly contract?: number
  /**
   * Returns a backend that is not open yet, from valid options with their defaults filled in. Does no I/O.
   */
  create(options: JsonObject, context: BackendContext): Backend
}
