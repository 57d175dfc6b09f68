import { equalJson, isObject, type Json } from '../../../model/value.ts'
import type { Command, HandChange, History, Removal } from '../history.ts'
import type { Bounds } from './bounds.ts'
import type { Findings } from './findings.ts'
import { isBoxPut } from './kinds.ts'
import { boxData, type Step } from './moment.ts'
import { boxPutsOf } from './timeline.ts'
import type { Truth } from './truth.ts'
import { type Instant, rowOf, unmatched } from './unmatched.ts'

/*
 * Linearizability of each box in a store with one life. The order of its changes is known: it is that of
 * their revisions. So every command has to fit it at an instant between its sending and its answer: a
 * creation stands on nothing, a change on a box, a guarded one on the revision it was for; what only looks,
 * or was refused, saw a state that was there. A deletion leaves no name: each takes one deletion command, and
 * each acked deletion command one deletion.
 */

/** Revisions at which other clients changed a key, with the key. */
export type Hands = ReadonlyMap<string, HandChange>

/** What a box was from one step to the next; `step` is undefined before the first. */
interface State {
  readonly step: Step | undefined
  readonly next: Step | undefined
}

export function checkBoxOrder(
  { commands, removals = [] }: History,
  truth: Truth,
  bounds: Bounds,
  hands: Hands,
  findings: Findings,
): void {
  const byKey = new Map<string, Command[]>()
  for (const command of [...commands, ...removals.map(asDeletion)]) {
    if (!command.key.startsWith('boxes/')) continue
    const own = byKey.get(command.key)
    if (own) own.push(command)
    else byKey.set(command.key, [command])
  }
  for (const key of new Set([
    ...byKey.keys(),
    ...[...truth.steps.keys()].filter(key => key.startsWith('boxes/')),
  ])) {
    new BoxCheck(key, byKey.get(key) ?? [], hands, truth, bounds, findings).run()
  }
}

/** A person who removes a file may delete the box, at any time after it. */
function asDeletion({ key, sent }: Removal): Command {
  return {
    id: `removal of ${key}`,
    controller: '',
    kind: 'delete box',
    key,
    sent,
    answered: undefined,
    outcome: { type: 'unknown' },
  }
}

/** How a key is called in a revision. */
export function placeName(revision: bigint, key: string): string {
  return `${revision} ${key}`
}

class BoxCheck {
  readonly #key: string
  readonly #truth: Truth
  readonly #bounds: Bounds
  readonly #findings: Findings
  readonly #steps: readonly Step[]
  readonly #states: readonly State[]
  readonly #commands: readonly Command[]
  readonly #hands: Hands
  /** Where it went by a command. */
  readonly #gone: readonly Step[]
  /** When that was, as far as other commands show it. */
  readonly #times: readonly Instant[]
  /** Commands that may have made it go. */
  readonly #deletions: readonly Command[]

  constructor(
    key: string,
    commands: readonly Command[],
    hands: Hands,
    truth: Truth,
    bounds: Bounds,
    findings: Findings,
  ) {
    this.#commands = commands
    this.#hands = hands
    this.#key = key
    this.#truth = truth
    this.#bounds = bounds
    this.#findings = findings
    this.#steps = truth.steps.get(key) ?? []
    this.#states = [undefined, ...this.#steps].map((step, i) => ({ step, next: this.#steps[i] }))
    this.#gone = this.#steps.filter(step => step.text === undefined && !this.#isByHand(step))
    this.#times = this.#gone.map(({ moment: { depth } }) => ({
      from: bounds.earliest(depth),
      to: bounds.latest(depth),
    }))
    this.#deletions = commands.filter(
      ({ kind, outcome }) => kind === 'delete box' && (outcome.type === 'unknown' || isDeletion(outcome)),
    )
  }

  run(): void {
    this.#placeDeletions()
    for (const command of this.#commands) {
      if (isBoxPut(command)) this.#takePut(command)
      else if (command.kind === 'read box') this.#takeRead(command)
      else if (command.kind === 'delete box') this.#takeDelete(command)
    }
    this.#checkStrangers()
    this.#checkDeletions()
  }

  #takePut(command: Command): void {
    const { outcome } = command
    for (const step of boxPutsOf(this.#truth, command)) this.#takeApplied(command, step)
    if (outcome.type !== 'refused') return
    const { code } = outcome
    const { expected } = command
    if (code === 'DOCUMENT_EXISTS')
      this.#requireState(command, 'was refused, for there was such a box', isThere)
    else if (code === 'BOX_NOT_FOUND')
      this.#requireState(command, 'was refused, for there was no such box', isAway)
    else if (code === 'REVISION_MISMATCH') {
      const isOther = ({ step }: State): boolean =>
        isThere({ step }) && String(step?.moment.revision) !== expected?.revision
      this.#requireState(
        command,
        `was refused, for the box was at another revision than ${expected?.revision}`,
        isOther,
      )
    }
  }

  #takeApplied({ id, kind, data, expected, outcome }: Command, step: Step): void {
    const { before, moment } = step
    const was = before?.text === undefined ? undefined : before
    const place = `revision ${moment.revision}`
    if (kind === 'create box' && was)
      this.#wrong(
        `${id} created ${this.#key} in ${place}, where it already was since revision ${was.moment.revision}`,
      )
    if (kind !== 'create box' && !was) this.#wrong(`${id} changed ${this.#key} in ${place}, where it was not`)
    if (expected && was && String(was.moment.revision) !== expected.revision)
      this.#wrong(
        `${id} was for revision ${expected.revision} of ${this.#key}, and was applied in ${place} on revision ${was.moment.revision}`,
      )
    const wanted = kind === 'patch box' ? merged(boxData(was), data) : data
    if (wanted !== undefined && !equalJson(boxData(step), wanted))
      this.#wrong(`${id} left other data in ${this.#key} in ${place} than it was to`)
    // One that another client put may not say when.
    if (was && typeof created(was) === 'string' && created(was) !== created(step))
      this.#wrong(`${id} changed in ${place} when ${this.#key} was created`)
    if (outcome.type === 'ok' && outcome.box) this.#compareAnswer(id, outcome.box, step)
  }

  #compareAnswer(id: string, box: { readonly data: Json; readonly revision: string }, step: Step): void {
    if (box.revision !== String(step.moment.revision))
      this.#wrong(
        `${id} was answered with revision ${box.revision} of ${this.#key}; the store has it in revision ${step.moment.revision}`,
      )
    if (!equalJson(box.data, boxData(step)))
      this.#wrong(`${id} was answered with other data of ${this.#key} than revision ${box.revision} has`)
  }

  #takeRead(command: Command): void {
    const { id, outcome } = command
    if (outcome.type !== 'ok' || outcome.box === undefined) return
    const { box } = outcome
    if (box === false) {
      this.#requireState(command, 'saw no such box', isAway)
      return
    }
    const seen = this.#states.find(
      ({ step }) => isThere({ step }) && String(step?.moment.revision) === box.revision,
    )
    if (!seen?.step)
      this.#wrong(`${id} saw revision ${box.revision} of ${this.#key}, which the store never had`)
    else {
      this.#compareAnswer(id, box, seen.step)
      this.#requireState(command, `saw revision ${box.revision}`, state => state === seen)
    }
  }

  #takeDelete(command: Command): void {
    const { outcome } = command
    if (outcome.type === 'ok' && outcome.existed === false)
      this.#requireState(command, 'found no such box to delete', isAway)
  }

  /** A state that is such a one was there while the command was under way. */
  #requireState(command: Command, what: string, isSuch: (state: State) => boolean): void {
    const fits = this.#states.some(
      state => isSuch(state) && this.#bounds.overlaps(state.step?.moment, state.next?.moment, command),
    )
    if (!fits)
      this.#wrong(
        `${command.id} ${what}, and ${this.#key} was never like that between its sending and its answer`,
      )
  }

  /** Every put is one of a command that was not refused, or of another hand. */
  #checkStrangers(): void {
    const ids = new Set(this.#commands.filter(isBoxPut).map(({ id }) => id))
    for (const step of this.#steps) {
      const data = boxData(step)
      const id = isObject(data) && typeof data.id === 'string' ? data.id : undefined
      if (step.text === undefined || (id !== undefined && ids.has(id)) || this.#isByHand(step)) continue
      this.#wrong(`${this.#key} was put in revision ${step.moment.revision}, and no command asked for it`)
    }
  }

  /** An acked deletion that can have made one deletion only shows when that was. */
  #placeDeletions(): void {
    for (const command of this.#deletions) {
      const { first, last } = rowOf(this.#times, command)
      const step = first === last && command.outcome.type === 'ok' ? this.#gone[first] : undefined
      if (step) this.#bounds.tighten(step.moment.depth, command)
    }
  }

  #checkDeletions(): void {
    const acked = this.#deletions.filter(({ outcome }) => outcome.type === 'ok')
    for (const at of unmatched(this.#times, this.#deletions)) {
      this.#findings.lost++
      this.#wrong(
        `${this.#key} went in revision ${this.#gone[at]?.moment.revision}, and no deletion is left that may have done it`,
      )
    }
    const left = unmatched(this.#times, acked, 'spans')
    for (const at of left)
      this.#wrong(
        `${acked[at]?.id} was acked as the deletion of ${this.#key}, and none is left that it may have made`,
      )
  }

  #isByHand({ moment }: Step): boolean {
    return this.#hands.has(placeName(moment.revision, this.#key))
  }

  #wrong(what: string): void {
    this.#findings.wrong(`${what}.`)
  }
}

function isThere({ step }: Pick<State, 'step'>): boolean {
  return step?.text !== undefined
}

function isAway(state: Pick<State, 'step'>): boolean {
  return !isThere(state)
}

function isDeletion(outcome: Command['outcome']): boolean {
  return outcome.type === 'ok' && outcome.existed !== false
}

function created(step: Step): Json | undefined {
  return step.content?.created_at
}

/** Undefined when that cannot be said. */
function merged(before: Json | undefined, data: Json | undefined): Json | undefined {
  return isObject(before) && isObject(data) ? { ...before, ...data } : undefined
}
