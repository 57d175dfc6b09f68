import type { Command } from '../history.ts'
import { describeViolation, linearizable, type Operation } from '../linearizable.ts'
import type { Findings } from './findings.ts'
import { occurrencesOf, type Timeline } from './timeline.ts'
import type { Truth } from './truth.ts'

const REGISTER = /^settings\/kytos\/register_/

/**
 * Holds the registers against linearizability, life by life. A store that was put back contradicts it by
 * right, and nobody saw when that was: of each life those operations count that surely were in it, and all
 * that may have reached into it as ones that may or may not have been applied.
 */
export function checkRegisters(
  commands: readonly Command[],
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): void {
  const registers = new Map<string, Command[]>()
  for (const command of commands.flatMap(eachRegister)) {
    if (!REGISTER.test(command.key)) continue
    const known = registers.get(command.key)
    if (known) known.push(command)
    else registers.set(command.key, [command])
  }
  for (const [key, own] of registers) {
    for (const [life] of truth.lives.entries()) {
      const operations = operationsIn(life, own, truth, timeline)
      const violation = linearizable(operations, life === 0 ? null : undefined)
      if (violation)
        findings.wrong(
          `${key}${truth.lives.length > 1 ? ` in life ${life + 1}` : ''} is not linearizable: ${describeViolation(violation)}`,
        )
    }
  }
}

/** A change of several registers as one of each. Which of them refused it cannot be said. */
function eachRegister(command: Command): Command[] {
  const { also, outcome } = command
  if (!also) return [command]
  if (outcome.type === 'refused') return []
  return [command, ...also.map(({ key, ...expected }) => ({ ...command, key, expected }))]
}

function operationsIn(
  life: number,
  commands: readonly Command[],
  truth: Truth,
  timeline: Timeline,
): Operation[] {
  const isLast = life === truth.lives.length - 1
  const begun = life === 0 ? -1n : timeline.begunAt(life)
  const end = isLast ? undefined : timeline.wentOnAt(life)
  if (begun === undefined || (!isLast && end === undefined)) return []
  const epochs = epochsOf(life, truth)
  return commands.flatMap(command => {
    const { sent, answered } = command
    if (end !== undefined && sent > end) return []
    const isWithin = sent >= begun && answered !== undefined && (end === undefined || answered <= end)
    const settings = command.outcome.type === 'ok' ? command.outcome.settings : undefined
    const isHere = isWithin && (life === 0 || (settings !== undefined && epochs.has(settings.epoch)))
    const operation = operationOf(command)
    if (!operation || isHere) return operation ?? []
    return mayHaveBeen(command, operation, life, truth)
  })
}

/**
 * The epochs that were begun in this life: who is still in an inherited one has not noticed that the store
 * was put back.
 */
function epochsOf(life: number, { lives }: Truth): Set<number> {
  const { path = [], shared = 0 } = lives[life] ?? {}
  const epochs = new Set(path.slice(shared).map(({ epoch }) => epoch))
  epochs.delete(path[shared - 1]?.epoch ?? 0)
  return epochs
}

/**
 * Of what may have happened in another life only a change counts, as one that may have been applied whatever
 * was there before.
 */
function mayHaveBeen(command: Command, operation: Operation, life: number, truth: Truth): Operation[] {
  if (operation.kind === 'read' || operation.outcome === 'conflict') return []
  const found = occurrencesOf(truth, command)
  if (found.length > 0 && !found.some(({ moment }) => moment.lives.includes(life))) return []
  const { expected: _, ...blind } = operation
  return [{ ...(life === 0 ? operation : blind), answered: undefined, outcome: 'unknown' }]
}

/** Undefined for what says nothing of the register. */
function operationOf({ id, kind, sent, answered, outcome, expected }: Command): Operation | undefined {
  if (kind === 'read') {
    if (outcome.type !== 'ok' || !outcome.settings || answered === undefined) return undefined
    const { value } = outcome.settings.overrides
    return {
      id,
      kind: 'read',
      sent,
      answered,
      value: typeof value === 'string' ? value : null,
      outcome: 'ok',
    }
  }
  if (kind !== 'update' || !expected) return undefined
  const change = { id, kind: 'cas', sent, expected: expected.value, value: id } as const
  if (outcome.type === 'ok' && answered !== undefined) return { ...change, answered, outcome: 'ok' }
  if (outcome.type === 'refused')
    return outcome.code === 'REVISION_MISMATCH' && answered !== undefined
      ? { ...change, answered, outcome: 'conflict' }
      : undefined
  return { ...change, answered: undefined, outcome: 'unknown' }
}
