import { checkObserved, checkReads } from './check/answers.ts'
import { Bounds } from './check/bounds.ts'
import { checkBoxOrder, type Hands, placeName } from './check/box-order.ts'
import { checkBoxDeletions } from './check/boxes.ts'
import { checkCommands } from './check/commands.ts'
import { checkConfirmations } from './check/confirmations.ts'
import { checkFinals } from './check/finals.ts'
import { Findings } from './check/findings.ts'
import { checkHands } from './check/hands.ts'
import { checkListener } from './check/listener.ts'
import { createPanel } from './check/panel.ts'
import { checkRegisters } from './check/registers.ts'
import { checkStates } from './check/states.ts'
import { checkStore } from './check/store.ts'
import { Timeline } from './check/timeline.ts'
import { checkTokens } from './check/tokens.ts'
import { readTruth } from './check/truth.ts'
import { checkVetoes } from './check/vetoes.ts'
import type { History, Listener, Verdict } from './history.ts'

export interface CheckOptions {
  /**
   * Controllers whose process ended and began again; without it those with a listener that did not last or
   * more than one on a bus.
   */
  readonly restarted?: ReadonlySet<string>
}

/**
 * Judges a round: holds what the store went through against what was answered and heard. Pure; a listener
 * that was told less, more, something else or in another order than DESIGN 4 promises, or an answer that is
 * not true, is a violation each.
 */
export function check(history: History, options: CheckOptions = {}): Verdict {
  const { lives, commands, listeners, finals, mayResync } = history
  const findings = new Findings()
  const truth = readTruth(lives)
  const timeline = new Timeline(truth, commands)
  checkStore(lives, truth, findings)
  const tally = checkCommands(history, truth, timeline, findings)
  checkBoxDeletions(history, truth, timeline, findings)
  if (lives.length === 1) {
    // What was put back has another order, and no time of its own.
    checkBoxOrder(history, truth, new Bounds(truth, history), namedHands(history), findings)
    checkHands(history, truth, findings)
  }
  checkTokens(history, truth, timeline, findings)
  checkVetoes(history, truth, findings)
  const confirmations = checkConfirmations(history, truth, findings)

  const sent = new Map(commands.map(command => [command.id, command.sent]))
  const restarted = options.restarted ?? restartedIn(listeners)
  const panel = createPanel({ truth, findings, sent, mayResync, restarted, boots: new Set() })
  // Those on a bus first: what their controllers began with is told to readers too.
  const ears = listeners.filter(({ kind }) => kind === 'bus').map(listener => checkListener(listener, panel))
  for (const listener of listeners) if (listener.kind === 'sse') checkListener(listener, panel)

  checkObserved(history, truth, ears, findings)
  checkReads(history, truth, timeline, findings)
  checkStates(commands, truth, timeline, ears, findings)
  checkRegisters(commands, truth, timeline, findings)
  checkFinals(finals, truth, findings)
  const { facts, lost, doubled, reordered, resyncs, violations } = findings
  const repairs = finals.reduce((sum, final) => sum + final.repairs, 0)
  const reconciles = finals.reduce((sum, final) => sum + final.reconciles, 0)
  return {
    ...tally,
    facts,
    lost,
    doubled,
    reordered,
    resyncs,
    repairs,
    reconciles,
    confirmations,
    violations,
  }
}

function namedHands({ hands = [] }: History): Hands {
  return new Map(hands.map(hand => [placeName(hand.revision, hand.key), hand]))
}

function restartedIn(listeners: readonly Listener[]): Set<string> {
  const restarted = new Set<string>()
  const seen = new Set<string>()
  for (const { kind, controller, lasted } of listeners) {
    if (kind === 'sse') continue
    if (!lasted || seen.has(controller)) restarted.add(controller)
    seen.add(controller)
  }
  return restarted
}
