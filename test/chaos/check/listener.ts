import type { Listener } from '../history.ts'
import { type Cursor, type Passage, printCursor, readCursor, readStory, type Story } from './heard.ts'
import type { Moment } from './moment.ts'
import { momentsAt, type Panel } from './panel.ts'
import { Walk } from './walk.ts'

/** How far a listener on a bus was, and when. */
export interface Mark {
  readonly cursor: Cursor
  readonly at: bigint
}

/** What a listener on a bus shows of its controller. */
export interface Ear {
  readonly name: string
  readonly controller: string
  readonly lasted: boolean
  /** In order. */
  readonly marks: readonly Mark[]
  /** The states it heard of. */
  readonly states: readonly Extract<Passage, { type: 'state' }>[]
}

/** Above every place in a revision. */
const LAST = Number.MAX_SAFE_INTEGER

/**
 * Walks along with one listener, from the state that it knew to the end, and holds what it heard against the
 * history of the store.
 *
 * What a controller that starts from its last known state is told before its first READY is the difference to
 * that state: it is held against the store like any other, and allowed whatever the faults were;
 * `panel.boots` keeps it, for readers at that controller hear it too.
 */
export function checkListener(listener: Listener, panel: Panel): Ear {
  const story = readStory(listener, panel.findings)
  const { passages } = story
  const begin = beginning(listener, passages)
  if (begin) {
    if (listener.kind === 'bus') keepBoot(listener, passages, panel)
    walkFrom(chooseStart(listener, story, begin, panel), listener, story, begin, panel).finish()
  }
  return {
    name: listener.name,
    controller: listener.controller,
    lasted: listener.lasted,
    marks: marksOf(passages),
    states: statesOf(passages),
  }
}

/** The place from which on it is owed everything, and the first passage after it. */
interface Beginning extends Cursor {
  readonly index: number
  /** The place is the one just before this revision. */
  readonly before: boolean
}

function beginning({ since, kind }: Listener, passages: readonly Passage[]): Beginning | undefined {
  const known = readCursor(since)
  if (known) return { ...known, index: 0, before: false }
  if (kind === 'sse') return beginningAtSnapshot(passages)
  const state = passages.findIndex(one => one.type === 'state' && one.epoch > 0)
  // A state that was told after facts says less than they do: what comes first is what counts, unless it is a
  // difference to what nobody here knew.
  const early = state < 0 ? passages : passages.slice(0, state)
  const boot = early.findLastIndex(one => one.type === 'facts' && one.resync)
  const first = early.findIndex((one, i) => one.type === 'facts' && i > boot)
  if (boot >= 0) return at(passages[boot], boot + 1, false)
  if (first >= 0) return at(passages[first], first, true)
  return state < 0 ? undefined : at(passages[state], state + 1, false)
}

function beginningAtSnapshot(passages: readonly Passage[]): Beginning | undefined {
  const index = passages.findIndex(one => one.type === 'snapshot')
  return index < 0 ? undefined : at(passages[index], index + 1, false)
}

function at(passage: Passage | undefined, index: number, before: boolean): Beginning | undefined {
  if (!passage) return undefined
  const epoch = passage.type === 'snapshot' ? passage.cursor.epoch : passage.epoch
  return { epoch, revision: passage.revision, n: LAST, index, before }
}

/**
 * The moments that the beginning may mean: more than one where a life was put back before anybody gave it an
 * epoch of its own.
 */
function starts({ epoch, revision, before }: Beginning, panel: Panel): (Moment | undefined)[] {
  if (epoch === 0) return [undefined]
  const moments = momentsAt(panel.truth, epoch, revision)
  return before
    ? [...new Set(moments.map(moment => (moment.revision === revision ? moment.parent : moment)))]
    : moments
}

/** The start from which what comes first makes most sense. */
function chooseStart(listener: Listener, story: Story, begin: Beginning, panel: Panel): Moment | undefined {
  const candidates = starts(begin, panel)
  if (candidates.length === 0)
    panel.findings.wrong(`${listener.name} begins at ${printCursor(begin)}, which the store never was at.`)
  if (candidates.length < 2) return candidates[0]
  const next = story.passages.slice(begin.index).findIndex(one => one.type !== 'state')
  const tried = candidates.map(start => {
    const trial = panel.trial()
    walkFrom(start, listener, story, begin, trial, begin.index + next + 1)
    return { start, wrong: trial.findings.violations.length }
  })
  return tried.reduce((best, one) => (one.wrong < best.wrong ? one : best)).start
}

function walkFrom(
  start: Moment | undefined,
  listener: Listener,
  story: Story,
  begin: Beginning,
  panel: Panel,
  end = story.passages.length,
): Walk {
  const walk = new Walk(listener, panel, story.late, start, begin.n)
  const passages = story.passages.slice(begin.index)
  for (const [i, passage] of passages.slice(0, end - begin.index).entries())
    walk.take(passage, isCutOff(listener, passages, i))
  return walk
}

/**
 * True when the rest of a difference need not come: its process died, or its reader lost the line and was
 * given everything anew.
 */
function isCutOff({ lasted }: Listener, passages: readonly Passage[], i: number): boolean {
  const passage = passages[i]
  if (passage?.type !== 'facts' || !passage.resync) return false
  const next = passages.slice(i + 1).find(({ type }) => type !== 'state')
  return next ? next.type === 'snapshot' : !lasted
}

/** The differences that this controller started with. */
function keepBoot({ controller }: Listener, passages: readonly Passage[], { boots }: Panel): void {
  const ready = passages.findIndex(one => one.type === 'state' && one.state === 'READY')
  for (const passage of passages.slice(0, ready < 0 ? passages.length : ready)) {
    if (passage.type === 'facts' && passage.resync)
      boots.add(`${controller} ${passage.epoch}.${passage.revision}`)
  }
}

function marksOf(passages: readonly Passage[]): Mark[] {
  const marks: Mark[] = []
  for (const one of passages) {
    if (one.type === 'facts') for (const fact of one.facts) marks.push(fact)
    // A state names the revision up to which everything was announced.
    else if (one.type === 'state' && one.epoch > 0)
      marks.push({ cursor: { epoch: one.epoch, revision: one.revision, n: LAST }, at: one.at })
  }
  return marks
}

function statesOf(passages: readonly Passage[]): Extract<Passage, { type: 'state' }>[] {
  return passages.filter(one => one.type === 'state')
}
