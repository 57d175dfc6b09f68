import { equalJson, isObject, type JsonObject } from '../../../model/value.ts'
import type { StoreRevision } from '../history.ts'
import { historyOf as historyPlace, readObject } from './record.ts'

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
  const { found, steps } = readPendingLife(revisions, { from: 0, hasEnded: true })
  return [...found, ...checkAnswers(new Set(steps.keys()), answers)]
}

/** A life of a store: its violations, and how often it had each step, as `<write id> <kind>`. */
export interface PendingLife {
  readonly found: readonly string[]
  readonly steps: ReadonlyMap<string, number>
}

/**
 * Judges one life of a store. What comes before the revision with the index `from` was judged before; with
 * `hasEnded` the life has come to its calm end.
 */
export function readPendingLife(
  revisions: readonly StoreRevision[],
  { from, hasEnded }: { readonly from: number; readonly hasEnded: boolean },
): PendingLife {
  const judge = new Judge()
  for (const [i, revision] of revisions.entries()) {
    if (i === from) judge.forgive()
    judge.see(revision)
  }
  return { found: judge.conclude(hasEnded), steps: judge.steps }
}

class Judge {
  readonly #texts = new Map<string, string>()
  readonly #versions = new Map<string, number>()
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
    for (const { key, text } of changes) {
      const record = text === undefined ? undefined : historyPlace(key)
      if (record) this.#versions.set(record.document, record.version)
      if (text === undefined) this.#texts.delete(key)
      else this.#texts.set(key, text)
    }
  }

  /** Forgets the violations so far. */
  forgive(): void {
    this.#found.length = 0
  }

  conclude(hasEnded: boolean): readonly string[] {
    for (const [key, text] of hasEnded ? this.#texts : [])
      if (key.startsWith('pending/') && !parse(text)?.ended && !this.#texts.has(`armed/${key.slice(8)}`))
        this.#found.push(`${key} still waits although its time has passed`)
    for (const [writeId, kinds] of endsOf(this.steps))
      if (kinds.length > 1) this.#found.push(`${writeId} ended as ${kinds.join(' and ')}`)
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
    const restored = parseText(after(document))
    if (!equalJson(restored, this.#dataOf(document, before.baseline)))
      fail(`${kind}, and not at its baseline`)
    if (this.#versionOf(document) !== before.version) fail(`${kind}, and replaced another version`)
    const replaced = parseText(this.#texts.get(document))
    if (!equalJson(replaced, this.#dataOf(document, before.version)))
      fail(`${kind}, and replaced an edit without a record`)
  }

  /**
   * A document that waits changes only together with its state, or by a manual edit. Once
   * such an edit is recorded, it has overtaken the state, whose end may be put later.
   */
  #seeDocument(document: string, put: ReadonlyMap<string, string | undefined>, revision: bigint): void {
    const before = parse(this.#texts.get(`pending/${document}`))
    if (!before || before.ended !== undefined || put.has(`pending/${document}`)) return
    if (this.#versionOf(document) > before.version) return
    const records = [...put].filter(([key]) => key.startsWith(`history/${document}/`))
    if (records.some(([, text]) => !isByHand(text)))
      this.#found.push(`revision ${revision}, ${document}: changed by a command while it waits`)
  }

  /** The overrides of a version, or of the newest one before it whose text is a JSON object. */
  #dataOf(document: string, version: number): JsonObject | undefined {
    for (let at = version; at > 0; at--) {
      const record = parseText(this.#texts.get(historyOf(document, at)))
      if (record?.kind === 'deleted') return undefined
      if (isObject(record?.data)) return record.data
    }
    return undefined
  }

  /** The newest version before the revision. */
  #versionOf(document: string): number {
    return this.#versions.get(document) ?? 0
  }
}

interface Moment {
  readonly put: ReadonlyMap<string, string | undefined>
  readonly after: (key: string) => string | undefined
  readonly revision: bigint
  readonly seen: Set<string>
}

/**
 * The answers that are not true of a store with these steps. Where it was put back, what was ended before may
 * be ended once more.
 */
export function checkAnswers(
  steps: ReadonlySet<string>,
  answers: readonly PendingAnswer[],
  wasPutBack = false,
): readonly string[] {
  const found: string[] = []
  for (const { kind, writeId } of answers)
    if (!steps.has(`${writeId} ${kind}`))
      found.push(`${writeId} was answered as ${kind}, which the store never had`)
  const ended = answers.filter(({ kind }) => kind !== 'armed').map(({ writeId }) => writeId)
  if (!wasPutBack)
    for (const writeId of new Set(ended.filter((one, i) => ended.indexOf(one) !== i)))
      found.push(`${writeId} was ended by two answers`)
  return found
}

/** The ends of each commit, each as often as the store had it. */
function endsOf(steps: ReadonlyMap<string, number>): ReadonlyMap<string, readonly string[]> {
  const ends = new Map<string, string[]>()
  for (const [step, count] of steps) {
    const [writeId = '', kind = ''] = step.split(' ')
    if (kind !== 'armed') ends.set(writeId, [...(ends.get(writeId) ?? []), ...Array(count).fill(kind)])
  }
  return ends
}

const historyOf = (document: string, version: number) =>
  `history/${document}/${String(version).padStart(12, '0')}`

/** True for the record of a manual edit. */
function isByHand(text: string | undefined): boolean {
  const actor = parseText(text)?.actor
  return isObject(actor) && actor.type === 'file'
}

function parseText(text: string | undefined): JsonObject | undefined {
  return text === undefined ? undefined : readObject(text)
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
