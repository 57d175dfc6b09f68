import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { isPending, type Step } from './moment.ts'
import { checkAnswers, type PendingAnswer, readPendingLife } from './pending.ts'
import { occurrencesOf } from './timeline.ts'
import type { Truth } from './truth.ts'

/*
 * The confirmed commits of a round: each life of the store for itself, and the answers to commands. What a
 * wipe or a restore took is gone by right, and what it put back may end again in the next life.
 */

/** How often the store had each kind of step, once for all documents of a commit. */
export function checkConfirmations(
  { lives, commands }: History,
  truth: Truth,
  findings: Findings,
): Readonly<Record<string, number>> {
  const steps = new Set<string>()
  for (const [i, { revisions }] of lives.entries()) {
    const shared = truth.lives[i]?.shared ?? 0
    const life = readPendingLife(revisions, { from: shared, hasEnded: i === lives.length - 1 })
    for (const step of life.steps.keys()) steps.add(step)
    for (const what of life.found) findings.wrong(`store, life ${i + 1}: ${what}.`)
  }
  for (const what of checkAnswers(steps, commands.flatMap(answersOf), lives.length > 1))
    findings.wrong(`${what}.`)
  const ends = new Map<string, Step[]>()
  for (const [key, changes] of truth.steps)
    if (isPending(key))
      for (const step of changes)
        if (step.comment !== null) ends.set(step.comment, [...(ends.get(step.comment) ?? []), step])
  for (const command of commands) {
    checkEnd(command, ends.get(command.id) ?? [], findings)
    checkArmed(command, truth, findings)
    checkUnarmed(command, ends.get(command.id) ?? [], findings)
  }
  const counts: Record<string, number> = {}
  for (const step of steps) {
    const kind = step.slice(step.indexOf(' ') + 1)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

function answersOf({ outcome }: Command): PendingAnswer[] {
  if (outcome.type !== 'ok') return []
  const { settings, others = [], ended } = outcome
  const waiting = [settings, ...others].flatMap(one => one?.pending?.write_id ?? [])
  const armed = [...new Set(waiting)].map(writeId => ({ kind: 'armed', writeId }) as const)
  return ended ? [...armed, { kind: ended.kind, writeId: ended.write_id }] : armed
}

/** What a confirmation or a cancellation left in the store, found by its comment. */
function checkEnd({ id, kind, key, outcome }: Command, ends: readonly Step[], findings: Findings): void {
  if (kind !== 'confirm' && kind !== 'cancel') return
  const made = ends.filter(step => step.kind === (kind === 'confirm' ? 'confirmed' : 'cancelled'))
  const here = made.filter(step => step.key === `pending/${key}`)
  if (made.length < ends.length || here.length > 1 || (made.length > 0 && here.length === 0))
    findings.wrong(`${id} (${kind}) left ${ends.map(step => `${step.key} ${step.kind}`).join(', ')}.`)
  if (outcome.type === 'refused' && made.length > 0)
    findings.wrong(`${id} was refused (${outcome.code}), but ended ${made.map(step => step.key).join(', ')}.`)
  if (outcome.type !== 'ok' || !outcome.ended) return
  const { revision, documents } = outcome.ended
  if (here[0]?.moment.revision !== BigInt(revision) || made.length !== documents.length) {
    findings.lost++
    findings.wrong(
      `${id} (${kind}) was answered with revision ${revision} and ${documents.length} documents; the store has ${made.length}, in revision ${here[0]?.moment.revision}.`,
    )
  }
}

/** A change that has to be confirmed is armed in its own commit. */
function checkArmed(command: Command, truth: Truth, findings: Findings): void {
  const { id, key, together = [], confirmWithin } = command
  if (confirmWithin === undefined) return
  for (const { moment } of occurrencesOf(truth, command)) {
    for (const document of [key, ...together]) {
      const state = moment.steps.find(step => step.key === `pending/${document}`)
      if ((state?.kind !== 'armed' && state?.kind !== 'extended') || state.comment !== id)
        findings.wrong(`${id} was applied to ${document} in revision ${moment.revision}, and not armed.`)
    }
  }
}

/** A change that was refused arms nothing. */
function checkUnarmed(
  { id, confirmWithin, outcome }: Command,
  steps: readonly Step[],
  findings: Findings,
): void {
  if (confirmWithin === undefined || outcome.type !== 'refused') return
  for (const { key, moment } of steps)
    findings.wrong(`${id} was refused (${outcome.code}), but ${key} waits since revision ${moment.revision}.`)
}
