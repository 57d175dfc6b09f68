import { makeKey } from '../../../model/key.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import type { Heard, Listener } from '../history.ts'
import type { Findings } from './findings.ts'

/** The place of a fact. */
export interface Cursor {
  readonly epoch: number
  readonly revision: bigint
  readonly n: number
}

/** One fact about a key as it was heard. */
export interface Fact {
  readonly cursor: Cursor
  /** What the key or, for a schema, the first part of it must be. */
  readonly subject: string
  /** Of settings; undefined for a box. */
  readonly namespace: string | undefined
  readonly content: JsonObject
  readonly at: bigint
}

/** What was heard, the facts of one revision together. */
export type Passage =
  | {
      readonly type: 'facts'
      readonly epoch: number
      readonly revision: bigint
      readonly resync: boolean
      readonly facts: Fact[]
    }
  | {
      readonly type: 'snapshot'
      readonly cursor: Cursor
      readonly revision: bigint
      readonly content: JsonObject
      readonly at: bigint
    }
  | {
      readonly type: 'state'
      readonly state: string
      readonly epoch: number
      readonly revision: bigint
      readonly at: bigint
    }

/** What a listener heard in order, and the places it heard of too late. */
export interface Story {
  readonly passages: readonly Passage[]
  readonly late: ReadonlySet<string>
}

/** The place that a cursor names; undefined when it is none. */
export function readCursor(text: unknown): Cursor | undefined {
  if (text === '0') return { epoch: 0, revision: 0n, n: 0 }
  const found = typeof text === 'string' ? /^(\d+)\.(\d+)\.(\d+)$/.exec(text) : null
  return found
    ? { epoch: Number(found[1]), revision: BigInt(found[2] ?? ''), n: Number(found[3]) }
    : undefined
}

export function printCursor({ epoch, revision, n }: Cursor): string {
  return `${epoch}.${revision}.${n}`
}

function compare(a: Cursor, b: Cursor): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  if (a.revision !== b.revision) return a.revision < b.revision ? -1 : 1
  return a.n - b.n
}

/** Puts in order what a listener heard: what came twice or too late is counted and left out. */
export function readStory({ name, kind, since, heard }: Listener, findings: Findings): Story {
  const teller = new Teller(name, kind, readCursor(since), findings)
  for (const one of heard) teller.take(one)
  return { passages: teller.passages, late: teller.late }
}

/** The facts that have a place in a revision. */
const FACTS: ReadonlySet<string> = new Set(['settings.changed', 'settings.pending', 'box.changed'])

class Teller {
  readonly passages: Passage[] = []
  readonly late = new Set<string>()
  readonly #name: string
  readonly #kind: Listener['kind']
  readonly #findings: Findings
  readonly #told = new Set<string>()
  readonly #subjects = new Map<string, string>()
  #last: Cursor | undefined
  #group: Extract<Passage, { type: 'facts' }> | undefined
  #parted = false

  constructor(name: string, kind: Listener['kind'], since: Cursor | undefined, findings: Findings) {
    this.#name = name
    this.#kind = kind
    this.#last = since
    this.#findings = findings
  }

  take({ name, content, at }: Heard): void {
    if (name === 'settings.state') this.#takeState(content, at)
    else if (name === 'settings.snapshot') this.#takeSnapshot(content, at)
    else if (FACTS.has(name)) this.#takeFact(name, content, at)
  }

  #takeState({ state, epoch, revision }: JsonObject, at: bigint): void {
    this.passages.push({
      type: 'state',
      state: String(state),
      epoch: Number(epoch),
      revision: BigInt(String(revision)),
      at,
    })
    this.#parted = true
  }

  #takeSnapshot(content: JsonObject, at: bigint): void {
    const cursor = this.#cursorOf('a snapshot', content)
    if (!cursor || this.#isLate(cursor)) return
    this.#last = cursor
    this.#group = undefined
    this.passages.push({ type: 'snapshot', cursor, revision: BigInt(String(content.revision)), content, at })
  }

  #takeFact(name: string, content: JsonObject, at: bigint): void {
    this.#findings.facts++
    const cursor = this.#cursorOf(name, content)
    if (!cursor || this.#isLate(cursor)) return
    const { epoch, revision, n } = cursor
    const resync = content.origin === 'resync'
    if (
      content.cursor !== `${epoch}.${content.revision}.${n}` ||
      (content.epoch !== undefined && content.epoch !== epoch)
    )
      this.#wrong(cursor, `names revision ${content.revision} and epoch ${content.epoch}`)
    if (!resync && content.origin !== 'live' && content.origin !== 'replay')
      this.#wrong(cursor, `has the origin ${content.origin}`)
    const isContinued =
      this.#group?.epoch === epoch && this.#group.revision === revision && this.#group.resync === resync
    if (isContinued && this.#parted && this.#kind === 'bus')
      this.#wrong(cursor, 'was parted from the others of its revision by a state')
    if (!isContinued || !this.#group) {
      this.#group = { type: 'facts', epoch, revision, resync, facts: [] }
      this.passages.push(this.#group)
    }
    this.#parted = false
    this.#last = cursor
    this.#group.facts.push({
      cursor,
      subject: this.#subjectOf(name, content),
      namespace: namespaceOf(name, content),
      content,
      at,
    })
  }

  #cursorOf(name: string, content: JsonObject): Cursor | undefined {
    const cursor = readCursor(content.cursor)
    if (!cursor)
      this.#findings.wrong(`${this.#name} heard ${name} with the cursor ${content.cursor}, which is none.`)
    return cursor
  }

  /** Counts what came a second time, or after a later one. */
  #isLate(cursor: Cursor): boolean {
    const text = printCursor(cursor)
    const isTold = this.#told.has(text)
    this.#told.add(text)
    if (!this.#last || compare(cursor, this.#last) > 0) return false
    if (isTold || compare(cursor, this.#last) === 0) {
      this.#findings.doubled++
      this.#wrong(cursor, 'was heard twice')
    } else {
      this.#findings.reordered++
      this.late.add(text)
      this.#wrong(cursor, `was heard after ${printCursor(this.#last)}`)
    }
    return true
  }

  #subjectOf(name: string, content: JsonObject): string {
    const about = `${name} ${content.scope} ${content.namespace} ${content.box_id}`
    const known = this.#subjects.get(about) ?? subjectOf(name, content)
    this.#subjects.set(about, known)
    return known
  }

  #wrong(cursor: Cursor, what: string): void {
    this.#findings.wrong(`${this.#name}: ${printCursor(cursor)} ${what}.`)
  }
}

function namespaceOf(name: string, { namespace }: JsonObject): string | undefined {
  return name === 'settings.changed' && typeof namespace === 'string' ? namespace : undefined
}

function subjectOf(name: string, content: JsonObject): string {
  const document = documentOf(name, content)
  return name === 'settings.pending' && document !== '' ? `pending/${document}` : document
}

function documentOf(name: string, { namespace, box_id, scope }: JsonObject): string {
  if (typeof namespace !== 'string' || namespace === '') return ''
  if (name === 'box.changed') return typeof box_id === 'string' ? makeKey('boxes', namespace, box_id) : ''
  const parts = namespace.split('/')
  if (scope === 'cluster') return makeKey('settings', ...parts)
  if (scope === 'schema') return makeKey('schemas', ...parts)
  return typeof scope === 'string' ? makeKey('controllers', scope.slice('controller:'.length), ...parts) : ''
}

/** What the snapshot holds of each namespace. */
export function snapshotData(content: JsonObject): ReadonlyMap<string, JsonObject> {
  const namespaces = isObject(content.namespaces) ? content.namespaces : {}
  return new Map(
    Object.entries(namespaces).flatMap(([name, one]) =>
      isObject(one) && isObject(one.data) ? [[name, one.data]] : [],
    ),
  )
}
