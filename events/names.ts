import type { Permission } from '../model/permissions.ts'
import type { Command } from './command.ts'
import { COMMANDS, type CommandName } from './map.ts'

/* What the name of an event says about it. */

/** True for a name that only the watcher may say. */
export function isReserved(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.') || name.startsWith('kytos/settings.')
}

/** True for a command of ours, whether there is such a one or not. */
export function isCommand(name: string): boolean {
  return name.startsWith('kytos.settings.') || name.startsWith('kytos.storehouse.')
}

/** The record of a command; undefined for any other name. */
export function findCommand(name: string): Command | undefined {
  // An object also has names that no table gave it.
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}

/**
 * The permission that emitting an event takes: a command's own; `write` for any other, because its listeners
 * may do anything.
 */
export function permissionFor(name: string): Permission {
  return findCommand(name)?.permission ?? 'write'
}
