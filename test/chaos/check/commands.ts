import type { Settings } from '../../../events/nouns.ts'
import { makeKey } from '../../../model/key.ts'
import { equalJson, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { isBoxPut, isLook, isNameless } from './kinds.ts'
import type { Moment, Recorded } from './moment.ts'
import { type Occurrence, occurrencesOf, type Timeline } from './timeline.ts'
import { momentAt, stepAt, type Truth, versionName } from './truth.ts'

/*
 * What became of the commands: an acked change stands once in the life in which it was committed, a refused
 * one in none, an unknown one at most once. What a wipe or a restore took is gone by right, and a change that
 * was lost with a life may be made again in the next one.
 */

/** How many changes were asked for, and how they were answered. */
export interface Tally {
  readonly writes: number
  readonly acked: number
  readonly ambiguous: number
}

export function checkCommands(
  { commands }: History,
  truth: Truth,
  timeline: Timeline,
  findings: Findings,
): Tally {
  const changes = commands.filter(one => !isLook(one))
  const judge = new CommandCheck(truth, timeline, findings)
  for (const command of changes) if (!isNameless(command)) judge.take(command)
  checkTwins(commands, findings)
  return {
    writes: changes.length,
    acked: changes.filter(({ outcome }) => outcome.type === 'ok').length,
    ambiguous: changes.filter(({ outcome }) => outcome.type === 'unknown').length,
  }
}

function checkTwins(commands: readonly Command[], findings: Findings): void {
  const ids = new Set<string>()
  for (const { id } of commands)
    if (ids.size === ids.add(id).size)
      findings.wrong(`Two commands are called ${id}: the recording is of no use.`)
}

class CommandCheck {
  readonly #truth: Truth
  readonly #timeline: Timeline
  readonly #findings: Findings

  constructor(truth: Truth, timeline: Timeline, findings: Findings) {
    this.#truth = truth
    this.#timeline = timeline
    this.#findings = findings
  }

  take(command: Command): void {
    const found = occurrencesOf(this.#truth, command)
    this.#refuseTwice(command, found)
    this.#refuseHalf(command)
    this.#refuseLeft(command)
    const { outcome } = command
    if (isBoxPut(command)) this.#takeWriteId(command, found)
    if (outcome.type === 'refused') this.#takeRefused(command, found)
    else if (outcome.type === 'unknown') this.#takeUnknown(command)
    else if (found.length === 0) this.#takeAbsent(command, outcome.settings)
    else if (outcome.settings) this.#takeAcked(command, outcome.settings, found)
    if (outcome.type === 'ok') this.#takeOthers(command, outcome.others ?? [])
  }

  #refuseTwice({ id, key }: Command, found: readonly Occurrence[]): void {
    for (const [life] of this.#truth.lives.entries()) {
      const here = found.filter(({ moment }) => moment.lives.includes(life))
      if (here.length < 2) continue
      this.#findings.doubled++
      const revisions = here.map(({ moment }) => moment.revision).join(' and ')
      this.#findings.wrong(
        `${id} was applied to ${key} more than once: in revisions ${revisions} of life ${life + 1}.`,
      )
      return
    }
  }

  /** Wherever one document of a transaction got it, all of them did, in the same revision. */
  #refuseHalf({ id, key, together }: Command): void {
    const records = together ? (this.#truth.records.get(id) ?? []) : []
    for (const { document, moment } of records) {
      const left = [key, ...(together ?? [])].find(
        other => !records.some(one => one.document === other && one.moment === moment),
      )
      if (left !== undefined)
        this.#findings.wrong(
          `${id} was applied to ${document} in revision ${moment.revision}, and not to ${left}.`,
        )
    }
  }

  /** What a transaction drops is gone in its revision. */
  #refuseLeft({ id, key, dropped = [] }: Command): void {
    if (dropped.length === 0) return
    for (const { document, moment } of this.#truth.records.get(id) ?? []) {
      if (document !== key) continue
      for (const other of dropped) {
        if (stepAt(this.#truth, other, moment)?.text === undefined) continue
        this.#findings.wrong(
          `${id} was applied to ${key} in revision ${moment.revision}, and did not drop ${other}.`,
        )
      }
    }
  }

  /** What an acked transaction answered of the documents besides the first. */
  #takeOthers(command: Command, others: readonly Settings[]): void {
    const { id, together = [] } = command
    const records = this.#truth.records.get(id) ?? []
    for (const [i, settings] of others.entries()) {
      const document = together[i]
      const own = records.filter(record => record.document === document)
      if (own.length === 0 || own.some(record => this.#agrees(command, record, settings))) continue
      this.#findings.wrong(
        `${id} was answered with version ${settings.version} and revision ${settings.revision} of ${document}, which has another.`,
      )
    }
  }

  #takeRefused(command: Command, found: readonly Occurrence[]): void {
    const { id, key, outcome, answered } = command
    if (outcome.type !== 'refused') return
    // One that went with its life may have been refused by the next one.
    const held = found.find(({ moment }) => this.#timeline.stands(moment, answered ?? 0n))
    if (held)
      this.#findings.wrong(
        `${id} was refused (${outcome.code}), but ${key} got it in revision ${held.moment.revision}.`,
      )
  }

  /** The write_id that a lost answer is looked up with is that of the box, if the store ever got it. */
  #takeWriteId({ id, key, outcome }: Command, found: readonly Occurrence[]): void {
    if (outcome.type !== 'unknown' || outcome.writeId === undefined) return
    for (const step of found) {
      const { written } = ('content' in step ? step.content : undefined) ?? {}
      const writeId = isObject(written) ? written.write_id : undefined
      if (writeId !== outcome.writeId)
        this.#findings.wrong(
          `${id} was answered with the write_id ${outcome.writeId}, and ${key} got it with ${String(writeId)}.`,
        )
    }
  }

  #takeUnknown({ id, key, outcome }: Command): void {
    if (outcome.type !== 'unknown' || outcome.writeId === undefined || outcome.found === undefined) return
    const records = (this.#truth.records.get(id) ?? []).filter(
      ({ document, writeId }) => document === key && writeId === outcome.writeId,
    )
    // It was looked up when all was calm, in the last life.
    const last = this.#truth.lives.length - 1
    const there = records.find(({ moment }) => moment.lives.includes(last))
    if (outcome.found && !there)
      this.#findings.wrong(
        `${id}: the history was said to have the write_id ${outcome.writeId}, and has not.`,
      )
    if (!outcome.found && there && !this.#isPruned(there))
      this.#findings.wrong(
        `${id}: the history was said not to have the write_id ${outcome.writeId}, and has it in revision ${there.moment.revision}.`,
      )
  }

  /** Old records are removed in time. */
  #isPruned({ document, version }: Recorded): boolean {
    return this.#truth.versions.has(versionName(document, version + KEPT))
  }

  #takeAbsent(command: Command, settings: Settings | undefined): void {
    if (settings && this.#changedNothing(command, settings)) return
    this.#findings.lost++
    this.#findings.wrong(`${command.id} was acked, and the store never had it in ${command.key}.`)
  }

  /**
   * A change that leaves a document as it was commits nothing: then what it answers with is that document.
   */
  #changedNothing({ kind, key, data }: Command, { version, overrides }: Settings): boolean {
    if (kind === 'delete')
      return version === 0 || this.#versions(key, version).some(record => record.kind === 'deleted')
    if (!isObject(data) || !isAlready(overrides, data)) return false
    return this.#versions(key, version).some(record => equalJson(record.data ?? {}, overrides))
  }

  #takeAcked(command: Command, settings: Settings, found: readonly Occurrence[]): void {
    const { id, key } = command
    const records = found.flatMap(one => ('document' in one ? [one] : []))
    if (records.some(record => this.#agrees(command, record, settings))) return
    // It was made, went with its life before it was answered, and the next life already was as it wanted.
    if (
      settings.observed === false &&
      !records.some(({ moment }) => this.#timeline.isLasting(moment)) &&
      this.#changedNothing(command, settings)
    )
      return
    const stored = records
      .map(({ version, moment }) => `version ${version} in revision ${moment.revision}`)
      .join(', ')
    this.#findings.wrong(
      `${id} was answered with version ${settings.version} and revision ${settings.revision} of ${key}; the store has it as ${stored}.`,
    )
  }

  /** Version and revision of the commit, or of what had come on top of it when it was answered. */
  #agrees({ controller }: Command, { document, version, moment }: Recorded, settings: Settings): boolean {
    const edited = (this.#truth.edits.get(document) ?? []).some(edit => edit.moment.depth > moment.depth)
    if (settings.version !== version && !(edited && settings.version > version)) return false
    // Who has not seen the change yet may not have seen the new epoch either that it was made in.
    if (settings.epoch !== moment.epoch) return settings.epoch > moment.epoch || settings.observed === false
    // The revision of an answer is that of what its controller sees, which the overrides of another one are
    // no part of.
    if (document.startsWith('controllers/') && !document.startsWith(`${makeKey('controllers', controller)}/`))
      return true
    const revision = BigInt(settings.revision)
    if (revision === moment.revision) return true
    return revision > moment.revision && (edited || this.#touched(moment, revision, settings.namespace))
  }

  /** True when this revision of the same life changed something of the namespace. */
  #touched(moment: Moment, revision: bigint, namespace: string): boolean {
    const address = makeKey('settings', ...namespace.split('/')).slice('settings'.length)
    return moment.lives.some(number => {
      const life = this.#truth.lives[number]
      const there = life && momentAt(life, revision)
      return there?.revision === revision && there.steps.some(({ key }) => `${key}/`.includes(`${address}/`))
    })
  }

  #versions(key: string, version: number): readonly Recorded[] {
    return this.#truth.versions.get(versionName(key, version)) ?? []
  }
}

/** How many records of a document are kept at least. */
const KEPT = 50

/** True when a merge patch or a replacement with this data changes nothing. */
function isAlready(overrides: JsonObject, data: JsonObject): boolean {
  return Object.entries(data).every(([key, value]) => {
    const held: Json | undefined = Object.hasOwn(overrides, key) ? overrides[key] : undefined
    if (value === null) return held === undefined || held === null
    return isObject(value) ? isObject(held) && isAlready(held, value) : equalJson(held, value)
  })
}
