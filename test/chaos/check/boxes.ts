import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import type { Step } from './moment.ts'
import { occurrencesOf } from './timeline.ts'
import type { Truth } from './truth.ts'

/*
 * An acked deletion of a box leaves no name behind. What can be said: between the last put that was acked before it was asked for and the first one that was
 * asked for after its answer, the box was gone.
 */

interface Put {
  readonly command: Command
  readonly step: Step
}

export function checkBoxDeletions({ commands }: History, truth: Truth, findings: Findings): void {
  const puts = new Map<string, Put[]>()
  for (const command of commands) {
    const [step] = command.kind === 'put box' && command.outcome.type === 'ok' ? occurrencesOf(truth, command) : []
    if (!step || !('kind' in step) || !('key' in step)) continue
    const known = puts.get(command.key)
    if (known) known.push({ command, step })
    else puts.set(command.key, [{ command, step }])
  }
  for (const command of commands) {
    if (command.kind !== 'delete box' || command.outcome.type !== 'ok') continue
    const before = lastBefore(puts.get(command.key) ?? [], command.sent)
    if (!before || !outlives(before, truth)) continue
    const after = firstAfter(puts.get(command.key) ?? [], command.answered)
    if (wasGone(truth, before, after)) continue
    findings.lost++
    findings.wrong(`${command.id} was acked, and ${command.key} was not deleted after revision ${before.moment.revision}.`)
  }
}

/** Who sees a life end may have found nothing to delete. */
function outlives({ moment }: Step, truth: Truth): boolean {
  return moment.lives.includes(truth.lives.length - 1) && moment.lives.length === truth.lives.length - (moment.lives[0] ?? 0)
}

function lastBefore(puts: readonly Put[], sent: bigint): Step | undefined {
  return latest(puts.filter(({ command }) => command.answered !== undefined && command.answered < sent))
}

function firstAfter(puts: readonly Put[], answered: bigint | undefined): Step | undefined {
  const later = puts.filter(({ command }) => answered === undefined || command.sent > answered).map(({ step }) => step)
  return later.reduce<Step | undefined>((first, step) => (first && first.moment.depth <= step.moment.depth ? first : step), undefined)
}

function latest(puts: readonly Put[]): Step | undefined {
  return puts.reduce<Step | undefined>((last, { step }) => (last && last.moment.depth >= step.moment.depth ? last : step), undefined)
}

function wasGone(truth: Truth, before: Step, after: Step | undefined): boolean {
  const path = truth.lives.at(-1)?.path ?? []
  const end = after?.moment.lives.includes(truth.lives.length - 1) ? after.moment.depth : path.length
  for (let depth = before.moment.depth + 1; depth < end; depth++) {
    if (path[depth]?.steps.some(({ key, text }) => key === before.key && text === undefined)) return true
  }
  return false
}
