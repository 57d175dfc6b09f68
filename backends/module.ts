import type { JsonObject } from '../model/value.ts'
import type { Backend, BackendContext } from './backend.ts'

/**
 * The version of the contract in `backend.ts` and of {@link BackendModule}. It changes only with what a
 * backend must do.
 */
export const CONTRACT_VERSION = 1

/** Names that a backend of another package cannot have: those of this package. */
export const OWN_NAMES: readonly string[] = ['memory', 'filesystem', 'etcd']

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** True for a text that can name a backend: it is part of a section of kytos.ini and of messages. */
export function isBackendName(text: string): boolean {
  return NAME.test(text)
}

/**
 * What the module of a backend exports. `[settings] backend` names the module, `[settings.<name>]` holds its
 * options.
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
   * as keys of kytos.ini are. `format: "path"` has a text made absolute, from the folder of kytos.ini;
   * `x-sensitive: true` keeps a value out of messages and of the name of the store.
   */
  readonly options: JsonObject
  /** The version of the contract that the backend keeps; absent is 1. */
  readonly contract?: number
  /** A backend that is not yet open, with options that are valid, defaults filled in. Does no I/O. */
  create(options: JsonObject, context: BackendContext): Backend
}
