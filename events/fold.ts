import type { ApplyMode, ValueChange } from './changes.ts'
import { differences } from './differences.ts'
import type { KytosEvent } from './event.ts'
import { deepFreeze } from './freeze.ts'
import type { Facts } from './map.ts'
import type { ChangeKind } from './nouns.ts'
import { strictest } from './strictest.ts'

/*
 * Folding: what a listener far behind hears instead of every step.
 *
 * Invariant: a listener that hears the folded facts ends in the same state as one that heard them all.
 * Folding what is already folded, together with later facts, leads to that same state, so a backlog may be
 * folded again and again as it grows. `previous` stays what the listener saw last, a folded fact stands where
 * the last of those it replaces stood, and one that replaces nothing stays what it was.
 */

/** An event and its place in the order of emission. */
export interface Posted {
  readonly place: number
  /** True for a fact, as long as it is told in its place; false for one that is handed out again. */
  readonly foldable: boolean
  readonly event: KytosEvent
}

type Changed = Facts['settings.changed']
type BoxChanged = Facts['box.changed']

/** One fact for each namespace, box, rejected source and other name, in the order of the last of each. */
export function foldFacts(facts: readonly Posted[]): Posted[] {
  const groups = new Map<string, Posted[]>()
  for (const fact of facts) {
    const subject = subjectOf(fact.event)
    const group = groups.get(subject)
    if (group) group.push(fact)
    else groups.set(subject, [fact])
  }
  return [...groups.values()].map(foldGroup).sort((a, b) => a.place - b.place)
}

function subjectOf({ name, content }: KytosEvent): string {
  // Facts are said through announce() only, which types their content by their name; here and below.
  if (name === 'settings.changed') return JSON.stringify([name, (content as Changed).namespace])
  if (name === 'box.changed')
    return JSON.stringify([name, (content as BoxChanged).namespace, (content as BoxChanged).box_id])
  if (name === 'settings.rejected')
    return JSON.stringify([name, (content as Facts['settings.rejected']).source])
  return name
}

function foldGroup(group: readonly Posted[]): Posted {
  const [first] = group
  const last = group.at(-1)
  if (!first || !last) throw new RangeError('A group of facts must not be empty.')
  if (first === last) return last
  const { name } = last.event
  if (name === 'settings.changed')
    return replaceContent(last, foldChanged(group.map(({ event }) => event.content as Changed)))
  if (name === 'box.changed')
    return replaceContent(last, foldBoxes(group.map(({ event }) => event.content as BoxChanged)))
  return last
}

function replaceContent(last: Posted, content: object): Posted {
  return {
    place: last.place,
    foldable: true,
    event: Object.freeze({ ...last.event, content: deepFreeze(content) }),
  }
}

function foldChanged(facts: readonly Changed[]): Changed {
  const last = facts.at(-1) as Changed // A group has at least two.
  const previous = facts[0]?.previous ?? last.previous
  const sameScope = facts.filter(fact => fact.scope === last.scope)
  return {
    ...last,
    kind: foldKind(sameScope[0]?.kind ?? last.kind, last.kind),
    previous,
    changes: foldChanges(facts, previous),
    origin: 'resync',
  }
}

function foldBoxes(facts: readonly BoxChanged[]): BoxChanged {
  const last = facts.at(-1) as BoxChanged // A group has at least two.
  return { ...last, kind: foldKind(facts[0]?.kind ?? last.kind, last.kind), origin: 'resync' }
}

/**
 * What happened in all, seen from before the first to after the last: what is gone is deleted, even if it was
 * made in between.
 */
function foldKind(first: ChangeKind, last: ChangeKind): ChangeKind {
  if (last === 'deleted') return 'deleted'
  return first === 'created' ? 'created' : 'updated'
}

function foldChanges(facts: readonly Changed[], previous: Changed['previous']): readonly ValueChange[] {
  const modes = new Map<string, ApplyMode>()
  for (const fact of facts) for (const { path, apply } of fact.changes) modes.set(path, apply)
  const data = facts.at(-1)?.data ?? previous
  return differences(previous, data).map(difference => ({
    ...difference,
    apply: applyModeOf(difference.path, modes),
  }))
}

/**
 * The mode that a folded change gave this path, or the nearest path above it, or the strictest below it; else
 * the default.
 */
function applyModeOf(path: string, modes: ReadonlyMap<string, ApplyMode>): ApplyMode {
  for (let above = path; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
    const mode = modes.get(above)
    if (mode) return mode
  }
  const below = [...modes].filter(([other]) => other.startsWith(`${path}/`)).map(([, mode]) => mode)
  return strictest(below) ?? 'restart'
}
