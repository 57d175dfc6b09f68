import type { Permission } from '../model/permissions.ts'
import type { Command } from './command.ts'
import { COMMANDS, type CommandName } from './map.ts'

<<<<<<< HEAD
/* The meaning of an event's name. */

/** True for the name of a fact, which only the service may publish. */
=======
/* Properties of an event that follow from its name. */

/** True for a name of an event that only the watcher may emit. */
>>>>>>> wt-d
export function isReserved(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.') || name.startsWith('kytos/settings.')
}

<<<<<<< HEAD
/** True for the name of a command of this service, known or not. */
=======
/** True for a name reserved for commands of this service, also when the command does not exist. */
>>>>>>> wt-d
export function isCommand(name: string): boolean {
  return name.startsWith('kytos.settings.') || name.startsWith('kytos.storehouse.')
}

/** The record of a command; undefined for any other name. */
export function findCommand(name: string): Command | undefined {
<<<<<<< HEAD
  // Without hasOwn, names such as "toString" would be found.
=======
  // The prototype of the table has members of other names.
>>>>>>> wt-d
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}

/**
<<<<<<< HEAD
 * The permission for emitting an event: that of the command, or `write` for any other event, because its
=======
 * The permission required to emit an event: that of a command; `write` for any other event, because its
>>>>>>> wt-d
 * listeners may do anything.
 */
export function permissionFor(name: string): Permission {
  return findCommand(name)?.permission ?? 'write'
}
