/** The permissions of a credential; `secrets` reads sealed values in plain text. */
export const PERMISSIONS = ['read', 'write', 'admin', 'secrets'] as const
export type Permission = (typeof PERMISSIONS)[number]

/**
 * The permissions that each permission implies: `write` returns the settings, so it implies `read`; `admin`
 * implies both. No other permission implies `secrets`.
 */
const IMPLIES: Readonly<Record<Permission, readonly Permission[]>> = {
  read: ['read'],
  write: ['write', 'read'],
  admin: ['admin', 'write', 'read'],
  secrets: ['secrets'],
}

/** True for the name of a permission. */
export function isPermission(name: unknown): name is Permission {
  return PERMISSIONS.some(right => right === name)
}

/** These permissions with all that they imply. */
export function withImplied(permissions: readonly Permission[]): ReadonlySet<Permission> {
  return new Set(permissions.flatMap(right => IMPLIES[right]))
}
