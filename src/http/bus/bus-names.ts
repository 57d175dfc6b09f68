import { COMMANDS, type FactName } from '../../../events/map.ts'
import { isCommand, isReserved } from '../../../events/names.ts'
import { checkEventName } from '../../../events/pattern.ts'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'

/** Names that only the watcher publishes; a table, so that a missing name fails to compile. */
const FACTS: Readonly<Record<FactName, true>> = {
  'settings.changed': true,
  'settings.rejected': true,
  'settings.pending': true,
  'settings.state': true,
  'settings.snapshot': true,
  'box.changed': true,
  'kytos/settings.loaded': true,
}

/** The events that one connection subscribes to. */
export interface NameFilter {
  /** True for the name of a subscribed event; never for a command, which only the service receives. */
  matches(name: string): boolean
  /** True for a subscription to facts, which can be resumed. */
  readonly includesFacts: boolean
  /** Matches the names of subscribed events that cannot be resumed; undefined without any. */
  readonly otherNames: RegExp | undefined
}

/** True for facts from the feed, which can be resumed; other events come from the bus. */
export function isFromFeed(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.')
}

/**
 * @throws SettingsError EVENT_RESERVED or COMMAND_NOT_FOUND for a name that is not a command, with the
 * nearest command.
 */
export function checkCommandName(name: string): void {
  if (isCommand(name)) return
  if (isReserved(name))
    throw new SettingsError(
      'EVENT_RESERVED',
      `"${name.slice(0, 80)}" is not a command: settings.*, box.* and kytos/settings.* are reserved for events of the service.`,
    )
  const close = nearest(name.slice(0, 100), Object.keys(COMMANDS))
  throw new SettingsError(
    'COMMAND_NOT_FOUND',
    `The command ${JSON.stringify(name.slice(0, 80))} does not exist; ${close ? `the nearest is "${close}"` : 'to publish an event, send {"publish": {"name", "content"}}'}.`,
    { details: { got: name.slice(0, 100), ...(close && { nearest: close }) } },
  )
}

/**
 * Exact names, or `prefix.*` for all that begin with `prefix.`.
 * @throws SettingsError CONTENT_MALFORMED for a name that no event can have.
 */
export function parseNames(names: readonly string[]): NameFilter {
  for (const name of names) checkName(name)
  const exact = new Set(names)
  const prefixes = names.filter(isPrefix).map(prefixOf)
  const others = names.filter(name => !isFromFeed(name)).map(toPattern)
  return {
    matches: name =>
      !isCommand(name) && (exact.has(name) || prefixes.some(prefix => name.startsWith(prefix))),
    includesFacts: names.some(isFromFeed),
    otherNames: others.length > 0 ? new RegExp(others.join('|'), 's') : undefined,
  }
}

function checkName(name: string): void {
  const bare = isPrefix(name) ? prefixOf(name) : name
  checkEventName(bare)
  if (bare.includes('*'))
    throw cannotSubscribe(name, '"*" is allowed only at the end, after a "." (settings.*)')
  if (isCommand(name))
    throw cannotSubscribe(
      name,
      'only the service receives commands; subscribe to events such as settings.changed instead',
    )
  if (!isReserved(name)) return
  const facts = Object.keys(FACTS)
  if (isPrefix(name) ? facts.some(fact => fact.startsWith(bare)) : facts.includes(name)) return
  const close = nearest(name, facts)
  throw cannotSubscribe(
    name,
    `the event does not exist; ${close ? `the nearest is "${close}"` : `allowed: ${facts.join(', ')}`}`,
  )
}

function isPrefix(name: string): boolean {
  return name.endsWith('.*')
}

function prefixOf(name: string): string {
  return name.slice(0, -1)
}

function toPattern(name: string): string {
  const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  return isPrefix(name) ? `${literal(prefixOf(name))}.*` : literal(name)
}

function cannotSubscribe(name: string, reason: string): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    `${JSON.stringify(name.slice(0, 80))} cannot be subscribed to: ${reason}.`,
    {
      details: { got: name.slice(0, 100) },
    },
  )
}
