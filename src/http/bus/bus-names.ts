import { COMMANDS, type FactName } from '../../../events/map.ts'
import { isCommand, isReserved } from '../../../events/names.ts'
import { checkEventName } from '../../../events/pattern.ts'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'

/** Names that only the watcher says; a table, so that a name missing here fails to compile. */
const FACTS: Readonly<Record<FactName, true>> = {
  'settings.changed': true,
  'settings.rejected': true,
  'settings.state': true,
  'settings.snapshot': true,
  'box.changed': true,
  'kytos/settings.loaded': true,
}

/** What one connection listens to. */
export interface Wanted {
  /** True for the name of an event that it should hear; never for a command, which is the service's own to hear. */
  matches(name: string): boolean
  /** True when it listens to facts that resume. */
  readonly hearsFacts: boolean
  /** Matches the names of events that do not; undefined when it listens to none. */
  readonly others: RegExp | undefined
}

/** True for the facts that the feed brings, which resume; anything else is heard on the bus. */
export function isFromFeed(name: string): boolean {
  return name.startsWith('settings.') || name.startsWith('box.')
}

/** @throws SettingsError EVENT_RESERVED or COMMAND_NOT_FOUND for the name of what is no command, with the nearest that is. */
export function checkCommandName(name: string): void {
  if (isCommand(name)) return
  if (isReserved(name))
    throw new SettingsError('EVENT_RESERVED', `"${name.slice(0, 80)}" is no command: only the watcher says settings.*, box.* and kytos/settings.*.`)
  const close = nearest(name.slice(0, 100), Object.keys(COMMANDS))
  throw new SettingsError(
    'COMMAND_NOT_FOUND',
    `There is no command ${JSON.stringify(name.slice(0, 80))}; ${close ? `the nearest is "${close}"` : 'an event of another kind is published: {"publish": {"name", "content"}}'}.`,
    { details: { got: name.slice(0, 100), ...(close && { nearest: close }) } },
  )
}

/** Exact names, or `prefix.*` for all that begin with `prefix.`. @throws SettingsError CONTENT_MALFORMED for what nobody would ever hear. */
export function parseNames(names: readonly string[]): Wanted {
  for (const name of names) checkName(name)
  const exact = new Set(names)
  const prefixes = names.filter(isPrefix).map(prefixOf)
  const others = names.filter(name => !isFromFeed(name)).map(toPattern)
  return {
    matches: name => !isCommand(name) && (exact.has(name) || prefixes.some(prefix => name.startsWith(prefix))),
    hearsFacts: names.some(isFromFeed),
    others: others.length > 0 ? new RegExp(others.join('|'), 's') : undefined,
  }
}

function checkName(name: string): void {
  const bare = isPrefix(name) ? prefixOf(name) : name
  checkEventName(bare)
  if (bare.includes('*')) throw refused(name, 'a "*" may stand only at the end, after a "." (settings.*)')
  if (isCommand(name)) throw refused(name, 'commands are heard by the service alone; what came of them is told by facts such as settings.changed')
  if (!isReserved(name)) return
  const facts = Object.keys(FACTS)
  if (isPrefix(name) ? facts.some(fact => fact.startsWith(bare)) : facts.includes(name)) return
  const close = nearest(name, facts)
  throw refused(name, `there is no such fact; ${close ? `the nearest is "${close}"` : `there is ${facts.join(', ')}`}`)
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

function refused(name: string, why: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${JSON.stringify(name.slice(0, 80))} cannot be subscribed to: ${why}.`, {
    details: { got: name.slice(0, 100) },
  })
}
