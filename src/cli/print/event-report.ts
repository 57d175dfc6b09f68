import type { KytosEvent } from '../../../events/event.ts'
import type { FactName, Facts } from '../../../events/map.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Json } from '../../../model/value.ts'
import { pathOf, printKey } from '../terminal/key-path.ts'
import { harmless, type Paper } from '../terminal/paper.ts'
import { show } from '../terminal/print-answer.ts'
import { cut } from '../terminal/table.ts'

type Lines = { readonly [N in FactName]?: (content: Facts[N], paper: Paper) => readonly string[] }

/** Maximum length of a value on a terminal, in characters. */
const VALUE_WIDTH = 60

/** A fact as text: one line for each changed value, with the local time. */
export function describeEvent({ name, content, timestamp }: KytosEvent, paper: Paper): string {
  const time = paper.paint('dim', new Date(timestamp).toTimeString().slice(0, 8))
  // The table LINES has the content type of each name.
  const describe = LINES[name as FactName] as ((content: unknown, paper: Paper) => readonly string[]) | undefined
  const lines = describe?.(content, paper) ?? [harmless(name)]
  return lines.map(line => `${time} ${line}\n`).join('')
}

const LINES: Lines = {
  'settings.changed': ({ namespace, scope, kind, changes, actor, comment, origin }, paper) => {
    const place = [paper.paint('bold', harmless(namespace)), ...(scope === '' ? [] : [harmless(scope)])].join(' ')
    const who = nameOf(actor, scope)
    const how = origin === 'resync' ? ' (found by a resync)' : ''
    const why = comment === null ? '' : ` ${paper.paint('dim', harmless(`"${comment}"`))}`
    const tail = origin === 'resync' && !actor ? how : ` ${who}${how}${why}`
    if (changes.length === 0) return [`${place} ${kind}, effective settings unchanged${tail}`]
    return changes.map(({ path, old, new: now, apply }) => {
      const [before, after] = [paper.paint('red', brief(old, paper)), paper.paint('green', brief(now, paper))]
      return `${place} ${harmless(printKey(pathOf(path)))} ${before} -> ${after}${apply === undefined ? '' : ` (${apply})`}${tail}`
    })
  },
  'settings.rejected': ({ namespace, source, errors }, paper) => [
    `${paper.paint('red', 'rejected')} ${harmless(namespace ?? '')} ${harmless(source)}: ${harmless(errors.map(({ message }) => message).join(' '))}`,
  ],
  'settings.state': ({ state, reason }, paper) => [
    `${paper.paint(state === 'READY' ? 'green' : 'red', `the service is ${state}`)}${reason === null ? '' : `: ${harmless(reason)}`}`,
  ],
  'settings.snapshot': ({ namespaces, revision }, paper) => [
    `${paper.paint('yellow', 'the single changes are no longer available')}; revision ${revision} has ${Object.keys(namespaces).length} namespaces`,
  ],
  'box.changed': ({ namespace, box_id, kind, actor }, paper) => [
    `${paper.paint('bold', harmless(namespace))} box ${harmless(box_id)} ${kind} ${nameOf(actor, '')}`.trimEnd(),
  ],
}

function nameOf(actor: Actor | null, scope: string): string {
  if (!actor) return scope === 'schema' ? 'by its schema' : scope === '' ? '' : 'by an unknown actor'
  return harmless(`by ${actor.type === 'user' ? actor.name : `${actor.type} ${actor.name}`}`)
}

function brief(value: Json | undefined, { width }: Paper): string {
  const text = value === undefined ? 'unset' : harmless(show(value))
  return width === undefined ? text : cut(text, VALUE_WIDTH)
}
