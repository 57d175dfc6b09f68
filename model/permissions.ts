/** What a credential may allow; `secrets`, to read sealed values in plain, is kept for when there are any. */
export const RIGHTS = ['read', 'write', 'admin', 'secrets'] as const
export type Right = (typeof RIGHTS)[number]

/**
 * What each right brings along: whoever writes gets the settings in the answer, whoever administers may do
 * either. No right brings `secrets`.
 */
const BRINGS: Readonly<Record<Right, readonly Right[]>> = {
  read: ['read'],
  write: ['write', 'read'],
  admin: ['admin', 'write', 'read'],
  secrets: ['secrets'],
}

/** True for the name of a right. */
export function isRight(name: unknown): name is Right {
  return RIGHTS.some(right => right === name)
}

/** These rights and all that they bring along. */
export function withBrought(rights: readonly Right[]): ReadonlySet<Right> {
  return new Set(rights.flatMap(right => BRINGS[right]))
}
