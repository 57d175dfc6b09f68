import type { ValueChange } from '../../../events/changes.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { FactName, Facts } from '../../../events/map.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Json } from '../../../model/value.ts'
import { counted } from '../terminal/counted.ts'
import { isWithin, type Path, pathOf, printKey } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'
import { cut } from '../terminal/table.ts'
import { sanitize, type Terminal } from '../terminal/terminal.ts'

type Lines = {
  readonly [N in FactName]?: (content: Facts[N], terminal: Terminal, path: Path) => readonly string[]
}

/** Maximum length of a value on a terminal, in characters. */
const MAX_VALUE_CHARACTERS = 60

/** The changes of a setting and of the settings below it. */
export function changesAt(changes: readonly ValueChange[], path: Path): readonly ValueChange[] {
  return changes.filter(one => isWithin(pathOf(one.path), path) || isWithin(path, pathOf(one.path)))
}

/** A fact as text: one line for each changed value at or below `path`, with the local time. */
export function describeEvent(
  { name, content, timestamp }: KytosEvent,
  terminal: Terminal,
  path: Path = [],
): string {
  const time = terminal.style('dim', new Date(timestamp).toTimeString().slice(0, 8))
  // The table LINES has the content type of each name.
  const describe = LINES[name as FactName] as
    | ((content: unknown, terminal: Terminal, path: Path) => readonly string[])
    | undefined
  const lines = describe?.(content, terminal, path) ?? [sanitize(name)]
  return lines.map(line => `${time} ${line}\n`).join('')
}

const LINES: Lines = {
  'settings.changed': ({ namespace, scope, kind, changes, actor, comment, origin }, terminal, path) => {
    const place = [
      terminal.style('bold', sanitize(namespace)),
      ...(scope === '' ? [] : [sanitize(scope)]),
    ].join(' ')
    const author = nameOf(actor, scope)
    const how = origin === 'resync' ? ' (found by a resync)' : ''
    const why = comment === null ? '' : ` ${terminal.style('dim', sanitize(`"${comment}"`))}`
    const tail = origin === 'resync' && !actor ? how : ` ${author}${how}${why}`
    if (changes.length === 0) return [`${place} ${kind}, effective settings unchanged${tail}`]
    return changesAt(changes, path).map(({ path, old, new: now, apply }) => {
      const [before, after] = [
        terminal.style('red', printBriefly(old, terminal)),
        terminal.style('green', printBriefly(now, terminal)),
      ]
      return `${place} ${sanitize(printKey(pathOf(path)))} ${before} -> ${after}${apply === undefined ? '' : ` (${apply})`}${tail}`
    })
  },
  'settings.rejected': ({ namespace, source, rejected }, terminal) => [
    `${terminal.style('red', 'rejected')} ${sanitize(namespace ?? '')} ${sanitize(source)}: ${sanitize(rejected.map(({ message }) => message).join(' ') || 'all values count again')}`,
  ],
  'settings.pending': ({ namespace, scope, kind, version, baseline, actor, confirm_within }, terminal) => {
    const place = [terminal.style('bold', sanitize(namespace)), sanitize(scope)].join(' ')
    const waits = kind === 'armed' || kind === 'extended'
    const what = waits
      ? `version ${version} is rolled back to ${baseline} unless it is confirmed within ${confirm_within} s`
      : `version ${version} is ${kind}`
    return [`${place} ${terminal.style(waits ? 'yellow' : 'green', what)} ${nameOf(actor, scope)}`]
  },
  'settings.state': ({ state, reason }, terminal) => [
    `${terminal.style(state === 'READY' ? 'green' : 'red', `the service is ${state}`)}${reason === null ? '' : `: ${sanitize(reason)}`}`,
  ],
  'settings.snapshot': ({ namespaces, revision }, terminal) => [
    `${terminal.style('yellow', 'the single changes are no longer available')}; revision ${revision} has ${counted(Object.keys(namespaces).length, 'namespace')}`,
  ],
  'box.changed': ({ namespace, box_id, kind, actor }, terminal) => [
    `${terminal.style('bold', sanitize(namespace))} box ${sanitize(box_id)} ${kind} ${nameOf(actor, '')}`.trimEnd(),
  ],
}

function nameOf(actor: Actor | null, scope: string): string {
  if (!actor) return scope === 'schema' ? 'by its schema' : scope === '' ? '' : 'by an unknown actor'
  return sanitize(`by ${actor.type === 'user' ? actor.name : `${actor.type} ${actor.name}`}`)
}

function printBriefly(value: Json | undefined, { width }: Terminal): string {
  const text = value === undefined ? 'unset' : sanitize(show(value))
  return width === undefined ? text : cut(text, MAX_VALUE_CHARACTERS)
}
