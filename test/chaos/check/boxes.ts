import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { isBoxPut } from './kinds.ts'
import type { Step } from './moment.ts'
import { boxPutsOf, type Timeline } from './timeline.ts'
import type { Truth } from './truth.ts'
import { place } from './unmatched.ts'

/*
 * An acked deletion of a box leaves no name behind. What can be said: between the last put that was acked
 * before it was asked for and the first one that was asked for after its answer, the box was gone.
 */

interface Put {
  readonly sent: bigint
  readonly answered: bigint
  readonly step: Step
}

/** What happened to one box. */
interface Box {
  /** By their answers, each with the depth of the newest put so far, and the life that it was made in. */
  readonly acked: { readonly time: bigint; readonly depth: number; readonly life: number }[]
  /** By their sending, from the last on, each with the depth of the oldest put so far. */
  readonly asked: { readonly time: bigint; readonly depth: number }[]
  /** Depths at which it went, ascending. */
  readonly gone: number[]
  /** Where it went, and that was taken back with the end of a life. */
  readonly taken: { readonly depth: number; readonly life: number }[]
}

export function checkBoxDeletions(
  { commands }: History,
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): void {
  const boxes = readBoxes(commands, truth, timeline)
  for (const { id, kind, key, outcome, sent, answered } of commands) {
    const box =
      kind === 'delete box' && outcome.type === 'ok' && answered !== undefined ? boxes.get(key) : undefined
    if (!box || answered === undefined) continue
    const before = box.acked[place(box.acked, ({ time }) => time < sent) - 1]
    if (!before) continue
    const after = box.asked[place(box.asked, ({ time }) => time > answered) - 1]
    const gone = box.gone[place(box.gone, depth => depth <= before.depth)]
    if (gone !== undefined && (!after || gone < after.depth)) continue
    if (box.taken.some(({ depth, life }) => depth > before.depth && life >= before.life)) continue
    findings.lost++
    const revision = truth.lives.at(-1)?.path[before.depth]?.revision
    findings.wrong(`${id} was acked, and ${key} was not deleted after revision ${revision}.`)
  }
}

/** Only puts that nothing ever took count: who sees a life end may have found nothing to delete. */
function readBoxes(commands: readonly Command[], truth: Truth, timeline: Timeline): Map<string, Box> {
  const puts = new Map<string, Put[]>()
  for (const command of commands) {
    const { outcome, answered, sent, key } = command
    if (!isBoxPut(command) || outcome.type !== 'ok' || answered === undefined) continue
    const [step] = boxPutsOf(truth, command)
    if (!step || !timeline.isLasting(step.moment)) continue
    const known = puts.get(key)
    if (known) known.push({ sent, answered, step })
    else puts.set(key, [{ sent, answered, step }])
  }
  const boxes = new Map([...puts].map(([key, own]) => [key, boxOf(own)]))
  for (const { steps, depth } of truth.lives.at(-1)?.path ?? []) {
    for (const { key, text } of steps) if (text === undefined) boxes.get(key)?.gone.push(depth)
  }
  for (const { path } of truth.lives.slice(0, -1)) {
    for (const { steps, depth, lives } of path) {
      if (lives.includes(truth.lives.length - 1)) continue
      for (const { key, text } of steps)
        if (text === undefined) boxes.get(key)?.taken.push({ depth, life: lives.at(-1) ?? 0 })
    }
  }
  return boxes
}

function boxOf(puts: readonly Put[]): Box {
  const box: Box = { acked: [], asked: [], gone: [], taken: [] }
  for (const { answered, step } of puts.toSorted((a, b) => (a.answered < b.answered ? -1 : 1))) {
    const last = box.acked.at(-1)
    const { depth } = step.moment
    box.acked.push(
      last && last.depth >= depth
        ? { ...last, time: answered }
        : { time: answered, depth, life: step.moment.lives[0] ?? 0 },
    )
  }
  for (const { sent, step } of puts.toSorted((a, b) => (a.sent > b.sent ? -1 : 1))) {
    box.asked.push({
      time: sent,
      depth: Math.min(step.moment.depth, box.asked.at(-1)?.depth ?? Number.MAX_SAFE_INTEGER),
    })
  }
  return box
}
