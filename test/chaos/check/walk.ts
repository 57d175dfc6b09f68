import { equalJson } from '../../../model/value.ts'
import type { Listener } from '../history.ts'
import { type Fact, type Passage, printCursor, snapshotData } from './heard.ts'
import { mayBeForgotten } from './kept.ts'
import { areOne, cursorOf, isDocument, type Moment, type Step } from './moment.ts'
import { leadsTo, momentsAt, type Panel } from './panel.ts'
import { type Difference, differencesTo, matchDifferences, misfits, tellingOf } from './resync.ts'
import { Teaching } from './telling.ts'
import { World } from './world.ts'

type Facts = Extract<Passage, { type: 'facts' }>
type Snapshot = Extract<Passage, { type: 'snapshot' }>

/*
 * Walks through the history of the store beside one listener. The world is what the listener knows when it
 * was told everything so far: all of a moment that was closed, and the first places of the one that is open.
 * Whatever lies between two passages was either told as a difference, or made none, or is lost.
 */
export class Walk {
  readonly #listener: Listener
  readonly #panel: Panel
  readonly #late: ReadonlySet<string>
  readonly #world = new World()
  readonly #teaching: Teaching
  /** The moment whose facts are being heard, up to the place `#n`. */
  #open: Moment | undefined
  #n = 0

  constructor(
    listener: Listener,
    panel: Panel,
    late: ReadonlySet<string>,
    start: Moment | undefined,
    n: number,
  ) {
    this.#listener = listener
    this.#panel = panel
    this.#late = late
    this.#teaching = new Teaching(listener.name, listener.controller, this.#world, panel)
    if (start && n < start.steps.length) {
      this.#world.moveTo(start.parent)
      for (const step of start.steps.slice(0, n)) this.#world.apply(step.key, step)
      this.#open = start
      this.#n = n
    } else this.#world.moveTo(start)
  }

  /** Takes the next passage; `isCutOff` when the rest of a difference need not come. */
  take(passage: Passage, isCutOff: boolean): void {
    if (passage.type === 'snapshot') this.#takeSnapshot(passage)
    else if (passage.type === 'facts' && passage.resync) this.#takeResync(passage, isCutOff)
    else if (passage.type === 'facts') this.#takeSteps(passage)
  }

  /** What comes after the last passage is owed too, unless the process died. */
  finish(): void {
    if (!this.#listener.lasted) return
    this.#close()
    this.#skipTo(this.#panel.truth.lives.at(-1)?.path.at(-1))
  }

  #takeSteps({ epoch, revision, facts }: Facts): void {
    const target = this.#stepTarget(epoch, revision, facts)
    if (!target) {
      for (const fact of facts) this.#wrongFact(fact, 'stands for no change of the store')
      return
    }
    if (target !== this.#open) {
      this.#close()
      this.#skipTo(target.parent)
      this.#refuseEpoch(target)
      this.#open = target
      this.#n = 0
    }
    for (const fact of facts) this.#takeStep(fact, target)
  }

  #takeStep(fact: Fact, target: Moment): void {
    const step = target.steps[fact.cursor.n - 1]
    this.#missTo(target, fact.cursor.n - 1)
    this.#n = fact.cursor.n
    if (!step)
      this.#wrongFact(fact, `has a place that no key of the revision has: there are ${target.steps.length}`)
    else if (step.subject !== fact.subject) {
      this.#wrongFact(fact, `tells of ${fact.subject} in the place of ${step.key}`)
      this.#lose(step)
      this.#world.apply(step.key, step)
    } else {
      const others = target.steps.filter(other => other.n > step.n && areOne(step, other))
      this.#teaching.hear(fact, step.key, step, { kind: step.kind, by: step }, others)
    }
  }

  /** Of several lives that came to this revision in this epoch, the one that the facts tell of. */
  #stepTarget(epoch: number, revision: bigint, facts: readonly Fact[]): Moment | undefined {
    const { truth } = this.#panel
    const here = this.#open ?? this.#world.at
    // In a store with one life it is the next one, nearly always.
    const next = truth.lives.length === 1 ? truth.lives[0]?.path[(here?.depth ?? -1) + 1] : undefined
    if (next?.revision === revision && next.epoch === epoch) return next
    const candidates = momentsAt(truth, epoch, revision).filter(moment => moment.revision === revision)
    const wrong = (moment: Moment): number => {
      const strange = facts.filter(({ cursor, subject, content }) => {
        const step = moment.steps[cursor.n - 1]
        return (
          step?.subject !== subject ||
          step.kind !== content.kind ||
          (content.comment !== undefined && step.comment !== content.comment)
        )
      })
      return strange.length * 2 + (leadsTo(truth, here, moment) ? 0 : 1)
    }
    return candidates.length < 2
      ? candidates[0]
      : candidates.reduce((best, one) => (wrong(one) < wrong(best) ? one : best))
  }

  #takeResync({ epoch, revision, facts }: Facts, isCutOff: boolean): void {
    const { truth, findings, mayResync, boots } = this.#panel
    if (!boots.has(`${this.#listener.controller} ${epoch}.${revision}`)) {
      findings.resyncs++
      if (!mayResync)
        this.#wrong(
          `was given a difference at ${epoch}.${revision}, although nothing was taken from the store`,
        )
    }
    this.#close()
    const fits = momentsAt(truth, epoch, revision).map(target => {
      const differences = differencesTo(this.#world, target)
      return { target, differences, wrong: misfits(matchDifferences(facts, differences), differences) }
    })
    const [first, ...others] = fits
    if (!first) {
      this.#wrong(`was given a difference at ${epoch}.${revision}, where the store never was`)
      return
    }
    const { target, differences } = others.reduce((best, one) => (one.wrong < best.wrong ? one : best), first)
    const told = new Set<string>()
    const matches = matchDifferences(facts, differences)
    for (const { difference } of matches) if (difference) told.add(difference.key)
    const places = differences.filter(({ key, must, isSilent }) => must || isSilent || told.has(key))
    const last = places.findLast(({ isSilent }) => !isSilent)?.key
    for (const { fact, difference } of matches) {
      if (!difference) this.#wrongFact(fact, `tells of ${fact.subject}, which is as the listener knew it`)
      else {
        const place = placeIn(places, last, difference.key)
        if (place !== fact.cursor.n)
          this.#wrongFact(fact, `has not the place ${place} that ${difference.key} has among what differs`)
        const { key, after } = difference
        const others = differences.flatMap(other =>
          other.key > key && other.after && areOne(after, other.after) ? [other.after] : [],
        )
        this.#teaching.hear(fact, key, after, tellingOf(difference), others)
      }
    }
    for (const { key, must } of differences) {
      if (!must || told.has(key) || isCutOff) continue
      findings.lost++
      this.#wrong(`was not told in the difference at ${epoch}.${revision} that ${key} differs`)
      this.#teaching.forget(key)
    }
    this.#world.moveTo(target)
  }

  #takeSnapshot({ cursor, revision, content }: Snapshot): void {
    const { truth, mayResync, restarted } = this.#panel
    const isServed =
      !mayResync &&
      !restarted.has(this.#listener.controller) &&
      !mayBeForgotten(truth, this.#world.at, cursor)
    if (this.#listener.kind === 'bus' || isServed)
      this.#wrong(`was given a snapshot at ${printCursor(cursor)}, although its place could still be served`)
    // What was heard of it so far is in the world already; the rest is in the snapshot.
    if (this.#open) this.#world.moveTo(this.#open)
    this.#open = undefined
    const data = snapshotData(content)
    const epoch = Number(content.epoch)
    const candidates = epoch === 0 ? [undefined] : momentsAt(truth, epoch, revision)
    const fits = candidates.map(target => {
      this.#world.moveTo(target)
      return { target, wrong: this.#snapshotErrors(data) }
    })
    const [first, ...others] = fits
    if (!first) {
      this.#wrong(`was given a snapshot at ${epoch}.${revision}, where the store never was`)
      return
    }
    const { target, wrong } = others.reduce(
      (best, one) => (one.wrong.length < best.wrong.length ? one : best),
      first,
    )
    for (const namespace of wrong)
      this.#wrong(
        `was given a snapshot at ${printCursor(cursor)} that differs from the store in ${namespace}`,
      )
    this.#world.moveTo(target)
    this.#teaching.replace(data)
  }

  /** The namespaces of which a snapshot says something else than the world. */
  #snapshotErrors(data: ReturnType<typeof snapshotData>): string[] {
    const known = new Set<string>()
    for (const { key, text } of this.#world.steps()) {
      if (isDocument(key) && text !== undefined)
        known.add(decodeURIComponent(key.split('/').slice(-2).join('/')))
    }
    return [...new Set([...known, ...data.keys()])].filter(namespace => {
      const effective = this.#teaching.effective(namespace)
      const { cluster, own } = this.#teaching.place(namespace)
      const isHere = [cluster, own].some(key => this.#world.get(key)?.text !== undefined)
      const said = data.get(namespace)
      return effective !== undefined && (said ? !equalJson(said, effective) : isHere)
    })
  }

  /** Leaves the open moment: what was not heard of it is lost. */
  #close(): void {
    if (!this.#open) return
    this.#missTo(this.#open, this.#open.steps.length)
    this.#world.moveTo(this.#open)
    this.#open = undefined
  }

  /** Goes on in the open moment, up to a place, without having heard what is there. */
  #missTo(moment: Moment, place: number): void {
    for (const step of moment.steps.slice(this.#n, place)) {
      this.#lose(step)
      this.#world.apply(step.key, step)
    }
    this.#n = Math.max(this.#n, Math.min(place, moment.steps.length))
  }

  /**
   * Goes on to a moment without having heard what lies between: a listing that shows no difference is told to
   * nobody.
   */
  #skipTo(moment: Moment | undefined): void {
    const { truth, mayResync } = this.#panel
    const here = this.#world.at
    if (moment === here) return
    const isAhead = leadsTo(truth, here, moment)
    const path = truth.lives[moment?.lives[0] ?? 0]?.path ?? []
    const between = isAhead
      ? path.slice((here?.depth ?? -1) + 1, (moment?.depth ?? -1) + 1).flatMap(({ steps }) => steps)
      : []
    if (!isAhead || between.length > 0) {
      const differing = differencesTo(this.#world, moment).filter(({ must }) => must)
      const keys = new Set(differing.map(({ key }) => key))
      if (!isAhead) for (const { key } of differing) this.#loseDifference(key, moment)
      for (const step of between) if (!mayResync || keys.has(step.key)) this.#lose(step)
    }
    this.#world.moveTo(moment)
  }

  #loseDifference(key: string, moment: Moment | undefined): void {
    this.#panel.findings.lost++
    this.#wrong(
      `was never told that ${key} differs when the store was put back, before ${moment?.epoch}.${moment?.revision}`,
    )
    this.#teaching.forget(key)
  }

  #lose(step: Step): void {
    if (step.subject === undefined) return
    this.#teaching.forget(step.key)
    // What came too late was counted as that.
    if (this.#late.has(cursorOf(step))) return
    this.#panel.findings.lost++
    this.#wrong(`never heard ${cursorOf(step)}: ${step.key} ${step.kind}`)
  }

  #refuseEpoch({ epoch, revision }: Moment): void {
    const known = this.#world.at?.epoch ?? 0
    if (known > 0 && known !== epoch && !this.#panel.mayResync)
      this.#wrong(`came from epoch ${known} to ${epoch}.${revision} without any reason`)
  }

  #wrongFact({ cursor }: Fact, what: string): void {
    this.#wrong(`heard ${printCursor(cursor)}, which ${what}`)
  }

  #wrong(what: string): void {
    this.#panel.findings.wrong(`${this.#listener.name} ${what}.`)
  }
}

/** Where the first fact of a difference stands, and the last: no key of a revision has such places. */
const PART = 500_000_001
const WHOLE = 999_999_999

function placeIn(places: readonly Difference[], last: string | undefined, key: string): number {
  return key === last ? WHOLE : PART + places.findIndex(one => one.key === key)
}
