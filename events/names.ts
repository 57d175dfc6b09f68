import type { Permission } from '../model/permissions.ts'
import type { Command } from './command.ts'
import { COMMANDS, type CommandName } from './map.ts'

/* Properties of an event that follow from its name. */

/** True for a name of an event that only the watcher may emit. */
export function isReserved(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.') || name.startsWith('kytos/settings.')
}

/** True for a name reserved for commands of this service, also when the command does not exist. */
export function isCommand(name: string): boolean {
  return name.startsWith('kytos.settings.') || name.startsWith('kytos.storehouse.')
}

/** The record of a command; undefined for any other name. */
export function findCommand(name: string): Command | undefined {
  // The prototype of the table has members of other names.
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}

/**
 * The permission required to emit an event: that of a command; `write` for any other event, because its
 * listeners may do anything.
 */
export function permissionFor(name: string): Permission {
  return findCommand(name)?.permission ?? 'write'
}
