import { parseJson } from '../../../model/json.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import type { StoreRevision } from '../history.ts'

/*
 * Judges the confirmed commits in the history of a store, revision by revision. It reads the texts by itself,
 * so that it shares no mistake with the service.
 */

/** How a confirmation, a cancellation, or a change that waits for one, was answered. */
export interface PendingAnswer {
  readonly kind: 'armed' | 'confirmed' | 'cancelled'
  readonly writeId: string
}

interface Waiting {
  readonly keys: readonly string[]
  readonly writeId: string
  readonly baseline: number
  readonly version: number
  readonly ended: string | undefined
}

/**
 * The violations in a history, one sentence each: a change that waits is armed with its commit and ends once;
 * confirmed means never rolled back; not confirmed in time means the baseline, unless a manual edit came
 * first. `answers` are those of commands; each must be true.
 */
export function checkPending(
  revisions: readonly StoreRevision[],
  answers: readonly PendingAnswer[],
): readonly string[] {
  const judge = new Judge()
  for (const revision of revisions) judge.see(revision)
  return [...judge.conclude(), ...checkAnswers(judge.steps, answers)]
}

class Judge {
  readonly #texts = new Map<string, string>()
  readonly #found: string[] = []
  /** `<write id> <kind>` of each step, once for all documents of a commit. */
  readonly steps = new Map<string, number>()

  see({ revision, changes }: StoreRevision): void {
    const put = new Map(changes.map(({ key, text }) => [key, text]))
    const after = (key: string) => (put.has(key) ? put.get(key) : this.#texts.get(key))
    const seen = new Set<string>()
    for (const { key, text } of changes) {
      if (key.startsWith('pending/')) this.#seeState(key.slice(8), text, { put, after, revision, seen })
      else if (/^(settings|controllers)\//.test(key)) this.#seeDocument(key, put, revision)
    }
    for (const step of seen) this.steps.set(step, (this.steps.get(step) ?? 0) + 1)
    for (const { key, text } of changes)
      if (text === undefined) this.#texts.delete(key)
      else this.#texts.set(key, text)
  }

  conclude(): readonly string[] {
    for (const [key, text] of this.#texts)
      if (key.startsWith('pending/') && !parse(text)?.ended && !this.#texts.has(`armed/${key.slice(8)}`))
        this.#found.push(`${key} still waits although its time has passed`)
    return this.#found
  }

  #seeState(document: string, text: string | undefined, { put, after, revision, seen }: Moment): void {
    const fail = (what: string) => this.#found.push(`revision ${revision}, ${document}: ${what}`)
    const before = parse(this.#texts.get(`pending/${document}`))
    const isWaiting = before !== undefined && before.ended === undefined
    const now = parse(text)
    if (!now) {
      if (isWaiting) fail('the state of a change that waits is gone')
      return
    }
    const isArmed = this.#texts.has(`armed/${document}`)
    const kind = now.ended ?? 'armed'
    seen.add(`${now.writeId} ${kind}`)
    for (const key of now.keys) {
      const other = parse(put.get(`pending/${key}`))
      if (other?.writeId !== now.writeId || other.ended !== now.ended) fail(`${kind} without ${key}`)
    }
    if (kind === 'armed') {
      if (put.get(`armed/${document}`) === undefined) fail('armed without a time')
      if (isWaiting && !isArmed) fail('extended after its time')
      const baseline = isWaiting ? before.baseline : this.#texts.has(document) ? this.#versionOf(document) : 0
      if (now.baseline !== baseline) fail(`armed for the baseline ${now.baseline} instead of ${baseline}`)
      if (!after(historyOf(document, now.version))) fail(`armed for version ${now.version} without a record`)
      return
    }
    if (!isWaiting || before.writeId !== now.writeId) return void fail(`${kind} although it did not wait`)
    if (kind === 'confirmed' && !isArmed) fail('confirmed after its time')
    if (kind === 'expired' && isArmed) fail('expired before its time')
    if (kind === 'confirmed' || kind === 'overtaken') {
      if (put.has(document)) fail(`${kind}, and changed`)
      return
    }
    const record = parseText(this.#texts.get(historyOf(document, before.baseline)))
    const expected = before.baseline === 0 ? undefined : record?.data
    const restored = parseText(after(document))
    if (JSON.stringify(restored) !== JSON.stringify(expected ?? undefined))
      fail(`${kind}, and not at its baseline`)
    if (this.#versionOf(document) !== before.version) fail(`${kind}, and replaced another version`)
  }

  /**
   * A document that waits changes only together with its state, or by a manual edit, which has no record. Once
   * such an edit is recorded, it has overtaken the state, whose end may be put later.
   */
  #seeDocument(document: string, put: ReadonlyMap<string, string | undefined>, revision: bigint): void {
    const before = parse(this.#texts.get(`pending/${document}`))
    if (!before || before.ended !== undefined || put.has(`pending/${document}`)) return
    if (this.#versionOf(document) > before.version) return
    if ([...put.keys()].some(key => key.startsWith(`history/${document}/`)))
      this.#found.push(`revision ${revision}, ${document}: changed by a command while it waits`)
  }

  /** The newest version before the revision. */
  #versionOf(document: string): number {
    const prefix = `history/${document}/`
    const found = [...this.#texts.keys()].filter(key => key.startsWith(prefix))
    return Math.max(0, ...found.map(key => Number(key.slice(prefix.length))))
  }
}

interface Moment {
  readonly put: ReadonlyMap<string, string | undefined>
  readonly after: (key: string) => string | undefined
  readonly revision: bigint
  readonly seen: Set<string>
}

function checkAnswers(
  steps: ReadonlyMap<string, number>,
  answers: readonly PendingAnswer[],
): readonly string[] {
  const found: string[] = []
  for (const { kind, writeId } of answers)
    if (!steps.has(`${writeId} ${kind}`))
      found.push(`${writeId} was answered as ${kind}, which the store never had`)
  const ends = new Map<string, string[]>()
  for (const [step, count] of steps) {
    const [writeId = '', kind = ''] = step.split(' ')
    if (kind !== 'armed') ends.set(writeId, [...(ends.get(writeId) ?? []), ...Array(count).fill(kind)])
  }
  for (const [writeId, kinds] of ends)
    if (kinds.length > 1) found.push(`${writeId} ended as ${kinds.join(' and ')}`)
  const confirmed = answers.filter(({ kind }) => kind !== 'armed').map(({ writeId }) => writeId)
  for (const writeId of confirmed.filter((one, i) => confirmed.indexOf(one) !== i))
    found.push(`${writeId} was ended by two answers`)
  return found
}

const historyOf = (document: string, version: number) =>
  `history/${document}/${String(version).padStart(12, '0')}`

function parseText(text: string | undefined): JsonObject | undefined {
  const value = text === undefined ? undefined : parseJson(text)
  return isObject(value) ? value : undefined
}

function parse(text: string | undefined): Waiting | undefined {
  const value = parseText(text)
  return (
    value && {
      keys: value.keys as readonly string[], // Its writer puts an array of keys.
      writeId: String(value.write_id),
      baseline: Number(value.baseline),
      version: Number(value.version),
      ended: value.ended === undefined ? undefined : String(value.ended),
    }
  )
}
