import type { Command } from '../history.ts'
import type { Findings } from './findings.ts'
import { isLook } from './kinds.ts'
import type { Ear } from './listener.ts'
import type { Moment } from './moment.ts'
import { occurrencesOf, type Timeline } from './timeline.ts'
import type { Truth } from './truth.ts'

interface Acked {
  readonly id: string
  readonly answered: bigint
  readonly moment: Moment
}

/**
 * A controller that says READY after it was not has seen every change that was acked, by anyone, before that.
 */
export function checkStates(
  commands: readonly Command[],
  truth: Truth,
  timeline: Timeline,
  ears: readonly Ear[],
  findings: Findings,
): void {
  const acked = newestAcked(commands, truth, timeline)
  for (const { name, states } of ears) {
    let since: bigint | undefined
    for (const { state, epoch, revision, at } of states) {
      if (state !== 'READY') since ??= at
      else if (since !== undefined) {
        const missed = acked(since, at).find(
          ({ moment }) => moment.epoch > epoch || (moment.epoch === epoch && moment.revision > revision),
        )
        if (missed)
          findings.wrong(
            `${name} heard READY at ${epoch}.${revision}, but ${missed.id} was acked at ${place(missed.moment)} before it lost the store.`,
          )
        since = undefined
      }
    }
  }
}

function place({ epoch, revision }: Moment): string {
  return `${epoch}.${revision}`
}

/**
 * Gives the newest change that was acked before one time, of those that the store surely still held at
 * another.
 */
function newestAcked(
  commands: readonly Command[],
  truth: Truth,
  timeline: Timeline,
): (before: bigint, at: bigint) => Acked[] {
  const lasting: Acked[] = []
  const passing: Acked[] = []
  const answered = commands.filter(
    one => !isLook(one) && one.outcome.type === 'ok' && one.answered !== undefined,
  )
  for (const command of answered.sort((a, b) => ((a.answered ?? 0n) < (b.answered ?? 0n) ? -1 : 1))) {
    const [found] = occurrencesOf(truth, command)
    if (!found) continue
    const one = { id: command.id, answered: command.answered ?? 0n, moment: found.moment }
    if (!timeline.isLasting(found.moment)) passing.push(one)
    else {
      const last = lasting.at(-1)
      lasting.push(last && last.moment.depth >= one.moment.depth ? { ...last, answered: one.answered } : one)
    }
  }
  return (before, at) => {
    const newest = lasting[firstAfter(lasting, before) - 1]
    const held = passing
      .slice(0, firstAfter(passing, before))
      .filter(({ moment }) => timeline.stands(moment, at))
    return newest ? [newest, ...held] : held
  }
}

function firstAfter(acked: readonly Acked[], time: bigint): number {
  let [low, high] = [0, acked.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((acked[middle]?.answered ?? 0n) < time) low = middle + 1
    else high = middle
  }
  return low
}
