import { equalJson } from '../../../model/value.ts'
import type { HandChange, History } from '../history.ts'
import type { Findings } from './findings.ts'
import { isDocument, type Recorded, type Step } from './moment.ts'
import { readObject } from './record.ts'
import { stepAt, type Truth } from './truth.ts'

/*
 * Edits by hand in a store with one life: each gets one record, by the actor `file`, with what it left; there
 * is no such record of anything else. And nothing is gone that no command, no person and no other client
 * deleted.
 */

export function checkHands(
  { commands, hands, removals = [] }: History,
  truth: Truth,
  findings: Findings,
): void {
  const own = new Map((hands ?? []).map(hand => [`${hand.revision} ${hand.key}`, hand]))
  if (hands) {
    for (const hand of hands) checkStands(hand, truth, findings)
    for (const record of recordsByHand(truth)) checkGrounded(record, own, findings)
  }
  checkRecorded(truth, findings)
  const deletions = new Set(
    commands.flatMap(({ id, kind, key, dropped = [] }) =>
      (kind === 'delete' ? [key] : dropped).map(one => `${id} ${one}`),
    ),
  )
  const left = new Map<string, number>()
  for (const { key } of removals) left.set(key, (left.get(key) ?? 0) + 1)
  for (const [key, steps] of truth.steps)
    if (isDocument(key)) for (const step of steps) if (step.text === undefined) checkGone(step)

  function checkGone(step: Step): void {
    const { key, moment, recorded, comment, actor } = step
    if (
      own.has(`${moment.revision} ${key}`) ||
      isRolledBack(step) ||
      (recorded && comment !== null && deletions.has(`${comment} ${key}`))
    )
      return
    const removed = left.get(key) ?? 0
    left.set(key, removed - 1)
    if (actor?.type === 'file' && removed > 0) return
    findings.lost++
    findings.wrong(
      `${key} went in revision ${moment.revision} (by ${actor?.type ?? 'nobody'}), and nobody deleted it.`,
    )
  }
}

/** True for a document that the end of a confirmed commit returned to a baseline without it. */
function isRolledBack({ key, moment }: Step): boolean {
  const state = moment.steps.find(step => step.key === `pending/${key}`)
  return state?.kind === 'cancelled' || state?.kind === 'expired'
}

/** What another client was told to have changed is what the store has. */
function checkStands({ key, text, revision }: HandChange, truth: Truth, findings: Findings): void {
  const step = truth.steps.get(key)?.find(({ moment }) => moment.revision === revision)
  if (!step || step.text !== text)
    findings.wrong(
      `The edit by hand of ${key} in revision ${revision} does not stand in the store: the recording is of no use.`,
    )
}

function recordsByHand({ lives }: Truth): Recorded[] {
  return (lives[0]?.path ?? []).flatMap(({ records }) =>
    records.filter(({ actor }) => actor?.type === 'file'),
  )
}

/** A record of an edit by hand tells of one that there was, and of what it left. */
function checkGrounded(
  { document, version, adopts, data, kind, moment }: Recorded,
  own: ReadonlyMap<string, HandChange>,
  findings: Findings,
): void {
  const place = `version ${version} of ${document} in revision ${moment.revision}`
  const edit = adopts === undefined ? undefined : own.get(`${adopts} ${document}`)
  if (edit) {
    const left = edit.text === undefined ? null : readObject(edit.text)
    if (left !== undefined && !equalJson(left, data))
      findings.wrong(`${place} records other data than the edit by hand left.`)
    return
  }
  // Who finds a document gone may not know since when.
  const isGone = [...own.values()].some(
    hand => hand.key === document && hand.text === undefined && hand.revision < moment.revision,
  )
  if (kind !== 'deleted' || !isGone) findings.wrong(`${place} records an edit by hand that nobody made.`)
}

/** Every document's newest change has a record, once all is calm. */
function checkRecorded(truth: Truth, findings: Findings): void {
  const end = truth.lives.at(-1)?.path.at(-1)
  if (!end) return
  const newest = new Map<string, Recorded>()
  for (const records of truth.versions.values()) {
    for (const record of records)
      if (record.version > (newest.get(record.document)?.version ?? 0)) newest.set(record.document, record)
  }
  for (const key of truth.edits.keys()) {
    const step = stepAt(truth, key, end)
    const record = newest.get(key)
    if (!step || step.recorded) continue
    const isTold =
      step.text === undefined
        ? record?.kind === 'deleted'
        : (record?.adopts ?? record?.moment.revision) === step.moment.revision
    // A document that came and went by hand before anybody saw it leaves nothing to record.
    const isNothing = step.text === undefined && (record === undefined || record.kind === 'deleted')
    if (!isTold && !isNothing)
      findings.wrong(`The edit by hand of ${key} in revision ${step.moment.revision} was never recorded.`)
  }
}
