import type { Command, CommandKind } from '../history.ts'

/** Commands that change nothing. */
const LOOKS: ReadonlySet<CommandKind> = new Set(['read', 'read box', 'check token'])
/** Commands whose change leaves no name in the store, or only in the state of a confirmed commit. */
const NAMELESS: ReadonlySet<CommandKind> = new Set(['delete box', 'revoke token', 'confirm', 'cancel'])
const BOX_PUTS: ReadonlySet<CommandKind> = new Set(['create box', 'put box', 'patch box'])

/** True for a command that only looks. */
export function isLook({ kind }: Command): boolean {
  return LOOKS.has(kind)
}

/** True for a change that stands in the store without a sign of the command that made it. */
export function isNameless({ kind }: Command): boolean {
  return NAMELESS.has(kind)
}

/** True for a command that leaves its id in the data of a box. */
export function isBoxPut({ kind }: Command): boolean {
  return BOX_PUTS.has(kind)
}
