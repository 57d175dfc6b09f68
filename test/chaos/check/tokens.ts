import type { Command, HandChange, History, TokenSight } from '../history.ts'
import type { Findings } from './findings.ts'
import type { Moment, TokenStep } from './moment.ts'
import { momentsAt } from './panel.ts'
import { occurrencesOf, type Timeline } from './timeline.ts'
import { stepAt, type Truth } from './truth.ts'

/*
 * Tokens are made once and go once. A controller decides from what it knows: at a revision it accepts exactly
 * the tokens that the store held there, so one that has passed the revocation never accepts the token again,
 * and nothing but a revocation takes one away.
 */

export function checkTokens(
  { commands, hands = [] }: History,
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): void {
  const revocations = new Map<string, Command[]>()
  const makers = new Map<string, Command>()
  for (const command of commands) {
    if (command.kind === 'revoke token')
      revocations.set(command.key, [...(revocations.get(command.key) ?? []), command])
    if (command.kind === 'make token' && command.key !== '') makers.set(command.key, command)
  }
  for (const [key, steps] of truth.tokenSteps)
    checkSteps(key, steps, revocations.get(key) ?? [], hands, findings)
  for (const command of commands) {
    if (command.kind === 'check token' && command.outcome.type === 'ok' && command.outcome.sight)
      takeSight(command, command.outcome.sight, truth, findings)
    if (command.kind === 'revoke token')
      takeRevocation(
        command,
        makers.get(command.key),
        revocations.get(command.key) ?? [],
        truth,
        timeline,
        findings,
      )
  }
}

function checkSteps(
  key: string,
  steps: readonly TokenStep[],
  revocations: readonly Command[],
  hands: readonly HandChange[],
  findings: Findings,
): void {
  for (const { text, moment } of steps) {
    if (text !== undefined || hands.some(hand => hand.key === key && hand.revision === moment.revision))
      continue
    if (revocations.some(({ outcome }) => outcome.type !== 'refused')) continue
    findings.lost++
    findings.wrong(`${key} went in revision ${moment.revision}, and no revocation of it was asked for.`)
  }
}

function takeSight(
  { id, key, controller }: Command,
  { verdict, state, epoch, revision }: TokenSight,
  truth: Truth,
  findings: Findings,
): void {
  if (verdict === 'STORE_STALE') {
    if (state === 'READY')
      findings.wrong(`${id}: ${controller} could not say in ${state} whether ${key} is good.`)
    return
  }
  const candidates: readonly (Moment | undefined)[] =
    epoch === 0 ? [undefined] : momentsAt(truth, epoch, BigInt(revision))
  const isAccepted = verdict === 'accepted'
  if (candidates.some(moment => isHeld(truth, key, moment) === isAccepted)) return
  const where = `at ${epoch}.${revision} (${state})`
  if (isAccepted)
    findings.wrong(`${id}: ${controller} accepted ${key} ${where}, where the store did not have it.`)
  else findings.wrong(`${id}: ${controller} did not accept ${key} ${where}, where the store had it.`)
}

/** True when the store held this token at a moment. */
function isHeld({ lives, tokenSteps }: Truth, key: string, at: Moment | undefined): boolean {
  return at !== undefined && stepAt({ lives, steps: tokenSteps }, key, at)?.text !== undefined
}

/** After an acked revocation the token is gone for good, in the lives that it reached. */
function takeRevocation(
  { id, key, outcome, sent }: Command,
  maker: Command | undefined,
  others: readonly Command[],
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): void {
  const [made] = maker ? occurrencesOf(truth, maker) : []
  if (!made || !timeline.isLasting(made.moment)) return
  const steps = (truth.tokenSteps.get(key) ?? []).filter(({ moment }) =>
    moment.lives.includes(truth.lives.length - 1),
  )
  if (outcome.type === 'ok') {
    // A store that was put back may have the token again, from before.
    if (truth.lives.length === 1 && steps.at(-1)?.text !== undefined) {
      findings.lost++
      findings.wrong(`${id} was acked as the revocation of ${key}, and the store has it at the end.`)
    }
  } else if (outcome.type === 'refused' && outcome.code === 'TOKEN_NOT_FOUND') {
    const isExpected = others.some(other => other.outcome.type !== 'refused' && other.sent < sent)
    const isGone = steps.some(({ text }) => text === undefined)
    if (!isExpected && !isGone && truth.lives.length === 1)
      findings.wrong(`${id} was told that there is no ${key}, which the store had all the time.`)
  }
}
