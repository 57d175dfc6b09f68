import { equalJson } from '../../../model/value.ts'
import type { StoreLife, StoreRevision } from '../history.ts'
import type { Findings } from './findings.ts'
import { isDocument } from './moment.ts'
import { historyOf, type RecordText, readObject } from './record.ts'
import type { Truth } from './truth.ts'

/*
 * What must hold of the store itself: revisions ascend, a key changes once in each, and every document has
 * records 1, 2, 3 ... which came with their changes, or tell of an edit by hand before the next change was
 * recorded.
 */

/** A change that came without its record. */
interface Edit {
  readonly revision: bigint
  readonly gone: boolean
}

interface Document {
  version: number
  /** Edits by hand that no record tells of yet, in order. */
  edits: readonly Edit[]
}

export function checkStore(lives: readonly StoreLife[], truth: Truth, findings: Findings): void {
  for (const [i, { revisions }] of lives.entries()) {
    const life = new LifeCheck(i + 1, findings)
    const shared = truth.lives[i]?.shared ?? 0
    // What it has from an earlier life was judged there.
    for (const [place, revision] of revisions.entries())
      life.take(revision, truth.lives[i]?.path[place]?.records ?? [], place >= shared)
  }
}

class LifeCheck {
  readonly #name: string
  readonly #findings: Findings
  readonly #documents = new Map<string, Document>()
  #last = 0n
  #judging = true

  constructor(number: number, findings: Findings) {
    this.#name = `store, life ${number}`
    this.#findings = findings
  }

  take(revision: StoreRevision, records: readonly RecordText[], judging: boolean): void {
    this.#judging = judging
    const at = revision.revision
    if (at <= this.#last) this.#wrong(at, `comes after revision ${this.#last}`)
    this.#last = at
    const texts = new Map(revision.changes.map(({ key, text }) => [key, text]))
    if (texts.size < revision.changes.length) this.#wrong(at, 'changes a key twice')
    for (const [key, text] of texts) if (text === undefined) this.#takeRemoval(at, key)
    for (const record of records) this.#takeRecord(at, record, texts)
    for (const [key, text] of texts) {
      if (!isDocument(key) || records.some(one => one.document === key && (one.adopts ?? at) === at)) continue
      const document = this.#document(key)
      document.edits = [...document.edits, { revision: at, gone: text === undefined }]
    }
  }

  #takeRemoval(at: bigint, key: string): void {
    const place = historyOf(key)
    if (place && place.version === this.#document(place.document).version)
      this.#wrong(at, `removes the newest record of ${place.document}, version ${place.version}`)
  }

  #takeRecord(at: bigint, record: RecordText, texts: ReadonlyMap<string, string | undefined>): void {
    const document = this.#document(record.document)
    if (record.version !== document.version + 1)
      this.#wrong(at, `has version ${record.version} of ${record.document} after version ${document.version}`)
    document.version = record.version
    if (texts.has(record.document) && (record.adopts ?? at) === at)
      this.#takeOwn(at, record, document, texts.get(record.document))
    else this.#takeAdopting(at, record, document)
  }

  /** The record of a change in the same revision. */
  #takeOwn(
    at: bigint,
    { document: key, data }: RecordText,
    document: Document,
    text: string | undefined,
  ): void {
    const [edit] = document.edits
    if (edit)
      this.#wrong(
        at,
        `records a change of ${key}, but not the edit by hand of revision ${edit.revision} before it`,
      )
    document.edits = []
    const left = text === undefined ? null : readObject(text)
    if (left !== undefined && !equalJson(left, data))
      this.#wrong(at, `records other data of ${key} than it holds`)
  }

  /** The record of an edit by hand; those before it may have gone unseen. */
  #takeAdopting(at: bigint, { document: key, version, kind, adopts }: RecordText, document: Document): void {
    const found = document.edits.findIndex(({ revision, gone }) => {
      if (revision === adopts) return true
      // Who finds it gone can say when that was seen, or nothing at all.
      return gone && kind === 'deleted' && (adopts === undefined || adopts > revision)
    })
    if (found < 0) this.#wrong(at, `has a record of ${key}, version ${version}, without the change`)
    document.edits = document.edits.slice(found + 1)
  }

  #document(key: string): Document {
    const known = this.#documents.get(key) ?? { version: 0, edits: [] }
    this.#documents.set(key, known)
    return known
  }

  #wrong(revision: bigint, what: string): void {
    if (this.#judging) this.#findings.wrong(`${this.#name}: revision ${revision} ${what}.`)
  }
}
