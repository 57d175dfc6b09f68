import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { boxData, type Step } from './moment.ts'
import type { Truth } from './truth.ts'

/*
 * Every deletion of a box was asked for, each by a command of its own. An acked deletion stands at one point between its sending and its answer; one without
 * an answer, or answered OUTCOME_UNKNOWN, at no point or at one, at any time after its sending; a refused one at none. When a box went is known only by the
 * puts around: not before the last put was sent that the store had by then, and not after the answer to any put that the store got later. So two deletions
 * by one command show, and so does a box that was removed although every command that could have done it has another deletion to its name.
 */

interface Deletion {
  readonly step: Step
  readonly from: bigint
  readonly until: bigint
}

const FOREVER = 2n ** 63n

/** A wipe or a restore deletes boxes too, so rounds with one are not judged. */
export function checkBoxDeleters({ commands }: History, truth: Truth, findings: Findings): void {
  if (truth.lives.length !== 1) return
  const puts = new Map(commands.flatMap(command => (command.kind === 'put box' ? [[command.id, command] as const] : [])))
  for (const [key, steps] of stepsByBox(truth)) {
    const deletions = deletionsAmong(steps, puts)
    const deleters = commands.filter(command => command.kind === 'delete box' && command.key === key && command.outcome.type !== 'refused')
    for (const { step } of unexplained(deletions, deleters))
      findings.wrong(`${key} was deleted in revision ${step.moment.revision}, and no command asked for that: one of them removed two boxes.`)
  }
}

function stepsByBox(truth: Truth): ReadonlyMap<string, readonly Step[]> {
  const boxes = new Map<string, Step[]>()
  for (const { steps } of truth.lives[0]?.path ?? []) {
    for (const step of steps) {
      if (!step.key.startsWith('boxes/')) continue
      const known = boxes.get(step.key)
      if (known) known.push(step)
      else boxes.set(step.key, [step])
    }
  }
  return boxes
}

function deletionsAmong(steps: readonly Step[], puts: ReadonlyMap<string, Command>): readonly Deletion[] {
  const commandOf = (step: Step): Command | undefined => {
    const data = boxData(step)
    return typeof data === 'object' && data !== null && 'id' in data && typeof data.id === 'string' ? puts.get(data.id) : undefined
  }
  const until: bigint[] = []
  let earliest = FOREVER
  for (const [i, step] of [...steps.entries()].reverse()) {
    until[i] = earliest
    const { outcome, answered } = commandOf(step) ?? {}
    if (outcome?.type === 'ok' && answered !== undefined && answered < earliest) earliest = answered
  }
  let from = 0n
  return steps.flatMap((step, i) => {
    const sent = commandOf(step)?.sent ?? 0n
    if (sent > from) from = sent
    return step.text === undefined ? [{ step, from, until: until[i] ?? FOREVER }] : []
  })
}

/** The deletions that are left over when each command is given at most one that it can have made. */
function unexplained(deletions: readonly Deletion[], commands: readonly Command[]): readonly Deletion[] {
  const madeBy = new Map<Command, Deletion>()
  const explain = (deletion: Deletion, tried: Set<Command>): boolean => {
    for (const command of commands) {
      if (tried.has(command) || !canHaveMade(command, deletion)) continue
      tried.add(command)
      const other = madeBy.get(command)
      if (other && !explain(other, tried)) continue
      madeBy.set(command, deletion)
      return true
    }
    return false
  }
  return deletions.filter(deletion => !explain(deletion, new Set()))
}

function canHaveMade({ sent, answered, outcome }: Command, { from, until }: Deletion): boolean {
  const end = outcome.type === 'ok' && answered !== undefined ? answered : FOREVER
  return sent < until && end > from
}
