import type { Permission } from '../model/permissions.ts'
import type { Command } from './commands/command.ts'
import { COMMANDS, type CommandName } from './map.ts'

/* The meaning of an event's name. */

/** True for the name of a fact, which only the service may publish. */
export function isReserved(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.') || name.startsWith('kytos/settings.')
}

/** True for the name of a command of this service, known or not. */
export function isCommand(name: string): boolean {
  return name.startsWith('kytos.settings.') || name.startsWith('kytos.storehouse.')
}

/** The record of a command; undefined for any other name. */
export function findCommand(name: string): Command | undefined {
  // Without hasOwn, names such as "toString" would be found.
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}

/**
 * The permission for emitting an event: that of the command, or `write` for any other event, because its
 * listeners may do anything.
 */
export function permissionFor(name: string): Permission {
  return findCommand(name)?.permission ?? 'write'
}
