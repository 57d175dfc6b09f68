import type { Settings } from '../../../events/nouns.ts'
import { equalJson } from '../../../model/value.ts'
import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { isLook } from './kinds.ts'
import type { Ear } from './listener.ts'
import type { Recorded } from './moment.ts'
import { occurrencesOf, type Timeline } from './timeline.ts'
import { type Truth, versionName } from './truth.ts'

/**
 * An answered change is heard before its answer, at the controller that gave it, unless the answer says
 * otherwise.
 */
export function checkObserved(
  { commands }: History,
  truth: Truth,
  ears: readonly Ear[],
  findings: Findings,
): void {
  const byController = byName(ears)
  for (const command of commands) {
    const { id, controller, outcome, answered } = command
    if (
      outcome.type !== 'ok' ||
      !outcome.settings ||
      outcome.settings.observed === false ||
      answered === undefined
    )
      continue
    if (command.kind === 'read') continue
    const near = byController.get(controller) ?? []
    const found = occurrencesOf(truth, command).flatMap(one => ('document' in one ? [one] : []))
    if (near.length === 0 || found.length === 0 || someoneElse(near, answered)) continue
    if (found.some(record => near.some(ear => hasHeard(ear, record, answered)))) continue
    const revisions = found.map(({ moment }) => moment.revision).join(', ')
    findings.wrong(
      `${id} was answered as seen by ${controller}, which had not announced revision ${revisions} yet.`,
    )
  }
}

function byName(ears: readonly Ear[]): Map<string, Ear[]> {
  const groups = new Map<string, Ear[]>()
  for (const ear of ears) groups.set(ear.controller, [...(groups.get(ear.controller) ?? []), ear])
  return groups
}

/** True when a process that took what it heard with it may have given the answer. */
function someoneElse(ears: readonly Ear[], answered: bigint): boolean {
  return ears.some(({ lasted, marks }) => {
    const end = marks.at(-1)?.at ?? 0n
    return (
      !lasted &&
      end <= answered &&
      !ears.some(
        other =>
          (other.marks[0]?.at ?? answered + 1n) > end && (other.marks[0]?.at ?? answered + 1n) <= answered,
      )
    )
  })
}

function hasHeard({ marks }: Ear, { document, moment }: Recorded, answered: bigint): boolean {
  let [low, high] = [0, marks.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((marks[middle]?.at ?? 0n) <= answered) low = middle + 1
    else high = middle
  }
  const mark = marks[low - 1]?.cursor
  if (!mark) return false
  if (mark.epoch !== moment.epoch) return mark.epoch > moment.epoch
  if (mark.revision !== moment.revision) return mark.revision > moment.revision
  return mark.n >= (moment.steps.find(({ key }) => key === document)?.n ?? 0)
}

/**
 * A read through the store sees everything that was acked before it was sent, and shows what the version that
 * it names held.
 */
export function checkReads(
  { commands }: History,
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): void {
  const acked = ackedByDocument(commands, truth)
  for (const command of commands) {
    const { id, kind, key, sent, answered, outcome } = command
    if (outcome.type !== 'ok' || !outcome.settings || answered === undefined) continue
    checkContent(command, outcome.settings, truth, findings)
    if (kind !== 'read') continue
    const { version, epoch } = outcome.settings
    const newer = newestBefore(acked.get(key) ?? [], sent)
    const missed = newer.find(
      ({ record }) =>
        record.moment.epoch === epoch && record.version > version && timeline.stands(record.moment, answered),
    )
    // What was never written is in no epoch.
    const unheard =
      version === 0 &&
      epoch === 0 &&
      newer.find(({ record }) => timeline.isLasting(record.moment) && record.kind !== 'deleted')
    const stale = missed ?? unheard
    if (stale)
      findings.wrong(
        `${id} read version ${version} of ${key}, although version ${stale.record.version} had been acked before (${stale.command.id}).`,
      )
  }
}

interface Acked {
  readonly command: Command
  readonly answered: bigint
  readonly record: Recorded
  /** Of those answered so far, the one with the highest version that nothing took. */
  readonly best: Acked | undefined
}

/** Acked changes by document, in the order of their answers. */
function ackedByDocument(commands: readonly Command[], truth: Truth): Map<string, Acked[]> {
  const acked = new Map<string, Acked[]>()
  const answered = commands.filter(
    one => !isLook(one) && one.answered !== undefined && one.outcome.type === 'ok',
  )
  for (const command of answered.sort((a, b) => ((a.answered ?? 0n) < (b.answered ?? 0n) ? -1 : 1))) {
    const [found] = occurrencesOf(truth, command)
    if (!found || !('document' in found)) continue
    const list = acked.get(command.key) ?? []
    const last = list.at(-1)
    const best = last && (last.best && last.best.record.version > last.record.version ? last.best : last)
    list.push({ command, answered: command.answered ?? 0n, record: found, best })
    acked.set(command.key, list)
  }
  return acked
}

/** The last change acked before a time, and the highest version acked before. */
function newestBefore(acked: readonly Acked[], sent: bigint): Acked[] {
  let [low, high] = [0, acked.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((acked[middle]?.answered ?? 0n) < sent) low = middle + 1
    else high = middle
  }
  const last = acked[low - 1]
  return [last, last?.best].filter(one => one !== undefined)
}

function checkContent(
  { id, key }: Command,
  { version, overrides, epoch, observed }: Settings,
  truth: Truth,
  findings: Findings,
): void {
  const isPossible = (of: number) => of <= epoch || observed === false
  const known = (truth.versions.get(versionName(key, version)) ?? []).filter(({ moment }) =>
    isPossible(moment.epoch),
  )
  // An edit by hand has a number before it has a record.
  if (known.length === 0 || (truth.edits.get(key) ?? []).some(edit => edit.version === version)) return
  if (known.some(({ data }) => equalJson(data ?? {}, overrides))) return
  findings.wrong(
    `${id} was answered with other overrides than version ${version} of ${key} has in the store.`,
  )
}
