import { HAND_EDIT } from '../../../model/actor.ts'
import type { StoreLife, StoreRevision } from '../history.ts'
import {
  isAnnounced,
  isDocument,
  isPending,
  type Moment,
  type Recorded,
  type Step,
  subjectOf,
  type TokenStep,
} from './moment.ts'
import { pendingStep } from './pending-step.ts'
import { actorOf, readObject, readRecord } from './record.ts'

/** One life of the store as a path of moments, of which it shares the first ones with an earlier life. */
export interface Life {
  readonly path: readonly Moment[]
  readonly shared: number
}

/** The whole history of the store, over all its lives. */
export interface Truth {
  readonly lives: readonly Life[]
  /** Records by their comment, each once, however many lives it stands in. */
  readonly records: ReadonlyMap<string, readonly Recorded[]>
  /** Records by their document and version: see {@link versionName}. */
  readonly versions: ReadonlyMap<string, readonly Recorded[]>
  /** Puts of boxes by the member `id` of their data. */
  readonly boxes: ReadonlyMap<string, readonly Step[]>
  /** Changes of documents without a record, by key. */
  readonly edits: ReadonlyMap<string, readonly Step[]>
  /** Changes of documents and boxes, by key, each once, in the order of the lives. */
  readonly steps: ReadonlyMap<string, readonly Step[]>
  /** Changes of tokens, by key, in the order of the lives. */
  readonly tokenSteps: ReadonlyMap<string, readonly TokenStep[]>
  /** Tokens as they were made, by their names. */
  readonly tokenNames: ReadonlyMap<string, readonly TokenStep[]>
}

/** The last moment of a life that is not after a revision. */
export function momentAt({ path }: Life, revision: bigint): Moment | undefined {
  let [low, high] = [0, path.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((path[middle]?.revision ?? 0n) <= revision) low = middle + 1
    else high = middle
  }
  return path[low - 1]
}

/** The last change of a key in a moment or before it, in the lives of that moment. */
export function stepAt<S extends { readonly moment: Moment }>(
  truth: Pick<Truth, 'lives'> & { readonly steps: ReadonlyMap<string, readonly S[]> },
  key: string,
  at: Moment,
): S | undefined {
  const path = truth.lives[at.lives[0] ?? 0]?.path ?? []
  return truth.steps
    .get(key)
    ?.findLast(({ moment }) => moment.depth <= at.depth && path[moment.depth] === moment)
}

/** How a version of a document is called. */
export function versionName(document: string, version: number): string {
  return `${document} ${version}`
}

export function readTruth(lives: readonly StoreLife[]): Truth {
  const records = new Map<string, Recorded[]>()
  const versions = new Map<string, Recorded[]>()
  const boxes = new Map<string, Step[]>()
  const edits = new Map<string, Step[]>()
  const steps = new Map<string, Step[]>()
  const tokenSteps = new Map<string, TokenStep[]>()
  const tokenNames = new Map<string, TokenStep[]>()
  const read: Life[] = []
  for (const [index, { revisions }] of lives.entries()) {
    const [origin, shared] = inherited(lives, index)
    const path = (read[origin]?.path ?? []).slice(0, shared)
    const builder = new Builder()
    for (const moment of path) {
      moment.lives.push(index)
      builder.follow(moment)
    }
    for (const revision of revisions.slice(shared)) {
      const moment = builder.grow(revision, index)
      path.push(moment)
      for (const record of moment.records) {
        if (record.comment !== null) collect(records, record.comment, record)
        collect(versions, versionName(record.document, record.version), record)
      }
      for (const step of moment.steps) {
        const id = boxId(step)
        if (id !== undefined) collect(boxes, id, step)
        if (isDocument(step.key) && !step.recorded) collect(edits, step.key, step)
        collect(steps, step.key, step)
      }
      for (const step of moment.tokens) {
        collect(tokenSteps, step.key, step)
        const name = step.text === undefined ? undefined : readObject(step.text)?.name
        if (typeof name === 'string') collect(tokenNames, name, step)
      }
    }
    read.push({ path, shared })
  }
  return { lives: read, records, versions, boxes, edits, steps, tokenSteps, tokenNames }
}

/** The earlier life that this one shares most with, and how many revisions. */
function inherited(lives: readonly StoreLife[], index: number): [origin: number, shared: number] {
  const mine = lives[index]?.revisions ?? []
  let best: [number, number] = [0, 0]
  for (const [other, { revisions }] of lives.slice(0, index).entries()) {
    let shared = 0
    while (shared < mine.length && isSame(mine[shared], revisions[shared])) shared++
    if (shared > best[1]) best = [other, shared]
  }
  return best
}

function isSame(a: StoreRevision | undefined, b: StoreRevision | undefined): boolean {
  if (a === b) return true
  if (!a || !b || a.revision !== b.revision || a.changes.length !== b.changes.length) return false
  const texts = new Map(b.changes.map(({ key, text }) => [key, text]))
  return a.changes.every(({ key, text }) => texts.has(key) && texts.get(key) === text)
}

function collect<T>(into: Map<string, T[]>, name: string, one: T): void {
  const known = into.get(name)
  if (known) known.push(one)
  else into.set(name, [one])
}

function boxId({ key, content }: Step): string | undefined {
  const data = key.startsWith('boxes/') ? content?.data : undefined
  const id = typeof data === 'object' && data !== null && 'id' in data ? data.id : undefined
  return typeof id === 'string' ? id : undefined
}

/** What is known of a document beside its text. */
interface Standing {
  readonly record: { readonly version: number; readonly of: bigint; readonly deleted: boolean } | undefined
  /** Of its last change, as facts have it; an edit by hand counts although its record is still to come. */
  readonly version: number
}

const UNKNOWN: Standing = { record: undefined, version: 0 }

/** Goes along one life and makes its moments. */
class Builder {
  readonly #steps = new Map<string, Step>()
  readonly #documents = new Map<string, Standing>()
  #last: Moment | undefined

  follow(moment: Moment): void {
    for (const record of moment.records) this.#learn(record, moment.revision)
    for (const step of moment.steps) this.#apply(step)
    this.#last = moment
  }

  grow({ revision, changes }: StoreRevision, life: number): Moment {
    const meta = changes.find(({ key }) => key === 'meta/store')
    const epoch = meta === undefined ? this.#last?.epoch : readObject(meta.text ?? '')?.epoch
    const steps: Step[] = []
    const records: Recorded[] = []
    const depth = (this.#last?.depth ?? -1) + 1
    const tokens: TokenStep[] = []
    const moment = {
      revision,
      epoch: typeof epoch === 'number' ? epoch : 0,
      parent: this.#last,
      depth,
      lives: [life],
      steps,
      records,
      tokens,
    }
    for (const { key, text } of changes) if (key.startsWith('tokens/')) tokens.push({ moment, key, text })
    const told = changes.flatMap(({ key, text }) => (text === undefined ? [] : (readRecord(key, text) ?? [])))
    for (const record of told) records.push({ ...record, moment })
    const announced = changes.filter(({ key }) => isAnnounced(key)).sort((a, b) => (a.key < b.key ? -1 : 1))
    for (const [i, { key, text }] of announced.entries()) steps.push(this.#step(moment, i + 1, key, text))
    this.follow(moment)
    return moment
  }

  #step(moment: Moment, n: number, key: string, text: string | undefined): Step {
    const before = this.#steps.get(key)
    const existed = before?.text !== undefined
    const kind = text === undefined ? 'deleted' : existed ? 'updated' : 'created'
    const content = text === undefined || key.startsWith('schemas/') ? undefined : readObject(text)
    const common = { moment, n, key, text, before, kind, subject: subjectOf(key), content } as const
    if (isPending(key)) return pendingStep(common)
    if (!isDocument(key)) {
      const written = key.startsWith('boxes/') ? content?.written : undefined
      const actor =
        typeof written === 'object' && written !== null && 'actor' in written ? actorOf(written.actor) : null
      return { ...common, version: 0, actor, comment: null, recorded: false, writeId: undefined }
    }
    const record = moment.records.find(
      one => one.document === key && (one.adopts ?? moment.revision) === moment.revision,
    )
    if (record)
      return {
        ...common,
        version: record.version,
        actor: record.actor,
        comment: record.comment,
        recorded: true,
        writeId: record.writeId,
      }
    const newest = moment.records
      .filter(one => one.document === key)
      .reduce((most, { version }) => Math.max(most, version), 0)
    const known = Math.max(
      this.#versionOf(key, before),
      this.#documents.get(key)?.record?.version ?? 0,
      newest,
    )
    return {
      ...common,
      version: known + 1,
      actor: HAND_EDIT,
      comment: null,
      recorded: false,
      writeId: undefined,
    }
  }

  /**
   * The version before a change: one more than the last record for what was edited by hand and not recorded.
   */
  #versionOf(key: string, last: Step | undefined): number {
    const { record, version } = this.#documents.get(key) ?? UNKNOWN
    if (!last) return record?.version ?? 0
    const isRecorded =
      last.text === undefined
        ? record?.deleted && (version <= record.version || record.of >= last.moment.revision)
        : record?.of === last.moment.revision
    return isRecorded ? (record?.version ?? 0) : Math.max(version, (record?.version ?? 0) + 1)
  }

  #learn({ document, version, adopts, kind }: Recorded, revision: bigint): void {
    const known = this.#documents.get(document) ?? UNKNOWN
    if (version < (known.record?.version ?? 0)) return
    this.#documents.set(document, {
      ...known,
      record: { version, of: adopts ?? revision, deleted: kind === 'deleted' },
    })
  }

  #apply(step: Step): void {
    this.#steps.set(step.key, step)
    if (isDocument(step.key))
      this.#documents.set(step.key, { ...(this.#documents.get(step.key) ?? UNKNOWN), version: step.version })
  }
}
