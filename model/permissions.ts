/** What a credential may allow; `secrets`, to read sealed values in plain, is kept for when there are any. */
export const PERMISSIONS = ['read', 'write', 'admin', 'secrets'] as const
export type Permission = (typeof PERMISSIONS)[number]

/**
 * What each right brings along: whoever writes gets the settings in the answer, whoever administers may do
 * either. No right brings `secrets`.
 */
const IMPLIES: Readonly<Record<Permission, readonly Permission[]>> = {
  read: ['read'],
  write: ['write', 'read'],
  admin: ['admin', 'write', 'read'],
  secrets: ['secrets'],
}

/** True for the name of a right. */
export function isPermission(name: unknown): name is Permission {
  return PERMISSIONS.some(right => right === name)
}

/** These rights and all that they bring along. */
export function withImplied(rights: readonly Permission[]): ReadonlySet<Permission> {
  return new Set(rights.flatMap(right => IMPLIES[right]))
}
