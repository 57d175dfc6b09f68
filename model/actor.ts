import { isIP } from 'node:net'
import { isObject, type Json, type JsonObject } from './value.ts'

/** How the name of a caller was verified: a token, a login of Kytos, or an account of the service's host. */
export type VerifiedBy = { readonly token: string } | { readonly login: string } | 'local'

/** The author of a write: a NApp (`kytos/of_lldp`), a person, an edited file, an import, or this service. */
export interface Actor {
  readonly type: 'napp' | 'user' | 'file' | 'import' | 'system'
  readonly name: string
  /** Absent for an author without a credential, such as a NApp or a caller whom no authentication names. */
  readonly by?: VerifiedBy
}

/** The service itself, for housekeeping and for documents that it adopts. */
export const SYSTEM: Actor = { type: 'system', name: 'kytos/settings' }
/** The author of a change that bypassed the service: in the file, or in etcd with another client. */
export const HAND_EDIT: Actor = { type: 'file', name: 'hand edit' }
/** The name of the owner of a service, whose token is in `service.json`. */
export const OWNER_NAME = 'local-admin'
/** The name of a caller without a credential whose address is unknown. */
export const ANONYMOUS_NAME = 'anonymous'

const TYPES: readonly unknown[] = ['napp', 'user', 'file', 'import', 'system'] satisfies Actor['type'][]

/**
 * True for a name that a token or a login must not have, because the history gives it to others: the owner, a
 * caller without a credential, an address, and a NApp (`username/name`). Invisible characters and letter case
 * do not count.
 */
export function isReservedName(name: string): boolean {
  const plain = name
    .normalize('NFKC')
    .replaceAll(/[\p{Cf}\s]/gu, '')
    .toLowerCase()
  return plain === OWNER_NAME || plain === ANONYMOUS_NAME || plain.includes('/') || isIP(plain) !== 0
}

/** An actor as it is stored. */
export function printActor({ type, name, by }: Actor): JsonObject {
  return { type, name, ...(by !== undefined && { by: by === 'local' ? by : { ...by } }) }
}

/** Parses a stored actor; undefined for any other value. An unknown `by` is left out. */
export function parseActor(value: Json | undefined): Actor | undefined {
  if (!isObject(value) || !TYPES.includes(value.type) || typeof value.name !== 'string') return undefined
  const by = parseVerifiedBy(value.by)
  // The type is one of TYPES.
  return { type: value.type as Actor['type'], name: value.name, ...(by !== undefined && { by }) }
}

/** How the name of an actor was verified, as text: `token 5f1d0c9a7b3e2468`; undefined if it was not. */
export function showVerifiedBy({ by }: Actor): string | undefined {
  if (by === undefined || by === 'local') return by
  return 'token' in by ? `token ${by.token}` : `login ${by.login}`
}

function parseVerifiedBy(value: Json | undefined): VerifiedBy | undefined {
  if (value === 'local') return value
  if (!isObject(value)) return undefined
  if (typeof value.token === 'string') return { token: value.token }
  return typeof value.login === 'string' ? { login: value.login } : undefined
}
