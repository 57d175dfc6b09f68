import type { Fact } from './heard.ts'
import { isDocument, isPending, type Moment, type Step } from './moment.ts'
import type { Telling } from './telling.ts'
import type { World } from './world.ts'

/** A key that is not what the listener knew. */
export interface Difference {
  readonly key: string
  readonly before: Step | undefined
  readonly after: Step | undefined
  /** The text differs: it has to be told. Else only the revision does: it may be. */
  readonly must: boolean
  /** It has a place, and no fact reports it. */
  readonly isSilent: boolean
}

/** How the store at a moment differs from the world, in byte order of the keys. */
export function differencesTo(world: World, target: Moment | undefined): Difference[] {
  const found: Difference[] = []
  for (const [key, after] of world.difference(target)) {
    const before = world.get(key)
    const isSilent = isPending(key) && after?.subject === undefined
    const must = before?.text !== after?.text && !isSilent
    const isThere = before?.text !== undefined
    if (must || (isThere && before.moment.revision !== after?.moment.revision))
      found.push({ key, before, after, must, isSilent })
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** A fact and the difference it tells of; undefined when there is none, or it was told already. */
export interface Match {
  readonly fact: Fact
  readonly difference: Difference | undefined
}

/** Finds the difference that each fact tells of. */
export function matchDifferences(facts: readonly Fact[], differences: readonly Difference[]): Match[] {
  const open = new Map<string, Difference[]>()
  for (const one of differences) {
    const subject = one.key.startsWith('schemas/') ? one.key.slice(0, one.key.lastIndexOf('/')) : one.key
    open.set(subject, [...(open.get(subject) ?? []), one])
  }
  return facts.map(fact => ({ fact, difference: open.get(fact.subject)?.shift() }))
}

/** What a fact about a difference has to say. */
export function tellingOf({ key, before, after }: Difference): Telling {
  if (isPending(key)) return { kind: after?.kind ?? 'deleted', by: after }
  const kind = after?.text === undefined ? 'deleted' : before?.text === undefined ? 'created' : 'updated'
  // A listing shows who made a change only by its record; an edit by hand may have got one meanwhile.
  const isTold = isDocument(key) ? after?.recorded === true : true
  const nobody = { version: 0, actor: null, comment: null }
  return { kind, by: isTold ? (after ?? (isDocument(key) ? undefined : nobody)) : undefined }
}

/** How badly facts fit a set of differences: those not told, told for nothing, or told of another change. */
export function misfits(matches: readonly Match[], differences: readonly Difference[]): number {
  const told = new Set(matches.map(({ difference }) => difference))
  const untold = differences.filter(one => one.must && !told.has(one)).length
  const wrong = matches.filter(({ fact, difference }) => {
    if (!difference) return true
    const { kind, by } = tellingOf(difference)
    return (
      fact.content.kind !== kind ||
      (by !== undefined && fact.namespace !== undefined && fact.content.comment !== by.comment)
    )
  })
  return untold + wrong.length
}
