import type { ApplyMode, ValueChange } from './changes.ts'
import { differences } from './differences.ts'
import type { KytosEvent } from './event.ts'
import { deepFreeze } from './freeze.ts'
import type { Facts } from './map.ts'
import type { FactKind } from './nouns.ts'
import { strictest } from './strictest.ts'

/*
 * Coalescing: a listener far behind receives one fact per subject instead of every step.
 *
 * Invariant: a listener that receives the coalesced facts ends in the same state as one that received all.
 * Coalesced facts may be coalesced again, together with later facts, with the same result, so that this is
 * possible repeatedly while a backlog grows. `previous` remains the state that the listener received last. A
 * coalesced fact has the position of the last fact it replaces; a fact that replaces none is unchanged.
 */

/** An event in a queue. */
export interface QueuedEvent {
  /** The number of the event in the order of emission. */
  readonly sequence: number
  /** True for a fact in its original order; false for other events and for a redelivered fact. */
  readonly canCoalesce: boolean
  readonly event: KytosEvent
}

type Changed = Facts['settings.changed']
type BoxChanged = Facts['box.changed']

/** One fact for each namespace, box, rejected source, confirmed commit and other name, in the order of the last of each. */
export function coalesceFacts(facts: readonly QueuedEvent[]): QueuedEvent[] {
  const groups = new Map<string, QueuedEvent[]>()
  for (const fact of facts) {
    const subject = subjectOf(fact.event)
    const group = groups.get(subject)
    if (group) group.push(fact)
    else groups.set(subject, [fact])
  }
  return [...groups.values()].map(coalesceGroup).sort((a, b) => a.sequence - b.sequence)
}

function subjectOf({ name, content }: KytosEvent): string {
  // Only announce() publishes facts, and it types their content by their name; here and below.
  if (name === 'settings.changed') return JSON.stringify([name, (content as Changed).namespace])
  if (name === 'box.changed')
    return JSON.stringify([name, (content as BoxChanged).namespace, (content as BoxChanged).box_id])
  if (name === 'settings.rejected')
    return JSON.stringify([name, (content as Facts['settings.rejected']).source])
  if (name === 'settings.pending') {
    const { namespace, scope } = content as Facts['settings.pending']
    return JSON.stringify([name, namespace, scope])
  }
  return name
}

function coalesceGroup(group: readonly QueuedEvent[]): QueuedEvent {
  const [first] = group
  const last = group.at(-1)
  if (!first || !last) throw new RangeError('A group of facts must not be empty.')
  if (first === last) return last
  const { name } = last.event
  if (name === 'settings.changed')
    return replaceContent(last, coalesceChanged(group.map(({ event }) => event.content as Changed)))
  if (name === 'box.changed')
    return replaceContent(last, coalesceBoxes(group.map(({ event }) => event.content as BoxChanged)))
  return last
}

function replaceContent(last: QueuedEvent, content: object): QueuedEvent {
  return {
    sequence: last.sequence,
    canCoalesce: true,
    event: Object.freeze({ ...last.event, content: deepFreeze(content) }),
  }
}

function coalesceChanged(facts: readonly Changed[]): Changed {
  const last = facts.at(-1) as Changed // A group has at least two.
  const previous = facts[0]?.previous ?? last.previous
  const sameScope = facts.filter(fact => fact.scope === last.scope)
  return {
    ...last,
    kind: coalesceKind(sameScope[0]?.kind ?? last.kind, last.kind),
    previous,
    changes: coalesceChanges(facts, previous),
    origin: 'resync',
  }
}

function coalesceBoxes(facts: readonly BoxChanged[]): BoxChanged {
  const last = facts.at(-1) as BoxChanged // A group has at least two.
  return { ...last, kind: coalesceKind(facts[0]?.kind ?? last.kind, last.kind), origin: 'resync' }
}

/** The kind of several changes together; a document that was created and deleted in between is deleted. */
function coalesceKind<Kind extends FactKind>(first: Kind, last: Kind): Kind | 'updated'
function coalesceKind(first: FactKind, last: FactKind): FactKind {
  if (first === 'resealed' || last === 'resealed')
    return first === last || first === 'created' ? first : 'updated'
  if (last === 'deleted') return 'deleted'
  return first === 'created' ? 'created' : 'updated'
}

function coalesceChanges(facts: readonly Changed[], previous: Changed['previous']): readonly ValueChange[] {
  const modes = new Map<string, ApplyMode>()
  for (const fact of facts) for (const { path, apply } of fact.changes) modes.set(path, apply)
  const data = facts.at(-1)?.data ?? previous
  return differences(previous, data).map(difference => ({
    ...difference,
    apply: applyModeOf(difference.path, modes),
  }))
}

/** The mode of a coalesced change for this path, else of the nearest path above, else the strictest below. */
function applyModeOf(path: string, modes: ReadonlyMap<string, ApplyMode>): ApplyMode {
  for (let above = path; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
    const mode = modes.get(above)
    if (mode) return mode
  }
  const below = [...modes].filter(([other]) => other.startsWith(`${path}/`)).map(([, mode]) => mode)
  return strictest(below) ?? 'restart'
}
