import type { Entry, Revision } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import type { Batch, Change, Operation, Outcome } from '../../backend.ts'
import { inKeyOrder } from '../../changes.ts'
import { allHold, changeBy, foundEntries } from '../../operations.ts'
import type { FileNotes } from '../format/file-notes.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { encodeFrame } from '../format/frame.ts'
import { hashOf, readableText } from '../format/readable.ts'
import { logRecord, type StoredMark, type StoredNotes } from '../format/record.ts'
import type { State } from './state.ts'

/**
 * A mark: the versions that the readable file of a key may hold, the one known to be durable first, and its
 * notes. Both are evaluated when the record is made.
 */
export type Mark = readonly [key: Key, versions: () => readonly FileVersion[], notes?: () => FileNotes]

/** The request of one caller; without operations it only writes marks. */
export interface CommitRequest {
  readonly operations: readonly Operation[]
  /** Recorded together with the commit, and only if it succeeds. */
  readonly marks: readonly Mark[]
}

/** A commit of a group, to be applied once its record is durable. */
export interface PlannedCommit {
  readonly batch: Batch
  /** The milliseconds after which the store deletes an entry, by key. */
  readonly ttls: ReadonlyMap<Key, number>
}

/**
 * The commits that one write makes durable.
 *
 * Invariant: requests are evaluated in order, each on the state after the earlier ones of the group; one
 * whose guards fail adds nothing. Outcomes are valid only once all frames are durable, and then all of them
 * are.
 */
export class Group {
  readonly #state: State
  readonly #offset: number
  readonly #overlay = new Map<Key, Entry | undefined>()
  readonly #frames: string[] = []
  readonly planned: PlannedCommit[] = []
  #revision: Revision

  /** `offset`: the position in the log at which the group will be written. */
  constructor(state: State, offset: number) {
    this.#state = state
    this.#offset = offset
    this.#revision = state.revision
  }

  /** The text to write; empty when there is nothing to write. */
  get frames(): string {
    return this.#frames.join('')
  }

  /** Evaluates one more request. */
  add({ operations, marks }: CommitRequest): Outcome {
    const get = (key: Key) => this.#get(key)
    if (!allHold(operations, get)) return { committed: false, found: foundEntries(operations, get) }
    const revision = this.#revision + 1n
    const ttls = new Map<Key, number>()
    const changes = operations.flatMap(operation => this.#change(operation, revision, ttls) ?? [])
    const batch = changes.length > 0 ? { revision, changes: inKeyOrder(changes) } : undefined
    if (batch) {
      this.#revision = revision
      this.planned.push({ batch, ttls })
    }
    const files = marks.map(mark => this.#storedMark(mark))
    if (batch || files.length > 0) this.#frames.push(encodeFrame(logRecord(this.#offset, batch, ttls, files)))
    return { committed: true, revision: this.#revision }
  }

  #get(key: Key): Entry | undefined {
    return this.#overlay.has(key) ? this.#overlay.get(key) : this.#state.get(key)
  }

  #change(operation: Operation, revision: Revision, ttls: Map<Key, number>): Change | undefined {
    const { key } = operation
    const change = changeBy(operation, this.#get(key), revision)
    if (!change) return undefined
    this.#overlay.set(key, change.type === 'put' ? change.entry : undefined)
    if ('put' in operation && operation.ttl !== undefined) ttls.set(key, Math.ceil(operation.ttl * 1000))
    return change
  }

  #storedMark([key, versions, notes]: Mark): StoredMark {
    const known = versions()
    const [durable, current] = [this.#state.get(key)?.text, this.#get(key)?.text]
    // While this group is being written, the file may get the text that is durable now. The mark has to name
    // it, because it comes after the text that is current then.
    const next = durable === current || durable === known.at(-1)?.text ? [] : [shownBy(durable)]
    const { earlier: _, ...brief } = notes?.() ?? {}
    return storedMark(key, [...known, ...next], current, brief)
  }
}

/** The version of a file that shows this document. */
function shownBy(text: string | undefined): FileVersion {
  return text === undefined ? NO_FILE : { hash: hashOf(readableText(text)), text }
}

/** A mark in the form of the journal, at a place where the entry has the text `current`. */
export function storedMark(
  key: Key,
  versions: readonly FileVersion[],
  current: string | undefined,
  notes: FileNotes = {},
): StoredMark {
  const stored = versions.map(({ hash, text }) =>
    text === current && text !== undefined
      ? ([hash ?? null] as const)
      : ([hash ?? null, text ?? null] as const),
  )
  const beside = storedNotes(notes)
  return Object.keys(beside).length > 0 ? [key, stored, beside] : [key, stored]
}

function storedNotes({ kept, due, stray, folder, earlier = [], wrote = [] }: FileNotes): StoredNotes {
  return {
    ...(kept && { kept: true }),
    ...(due && { due: true }),
    ...(stray && { stray: [stray.hash ?? null, stray.text ?? null] as const }),
    ...(folder !== undefined && { folder }),
    ...(earlier.length > 0 && { earlier }),
    ...(wrote.length > 0 && { wrote }),
  }
}
