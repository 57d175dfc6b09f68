import { printJson } from '../../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { StoreLife, StoreRevision } from '../history.ts'

/** What a fact about the last change of a key has to say. */
export interface Told {
  readonly version: number
  readonly actor: Json
  readonly comment: string | null
}

export interface Stored {
  readonly text: string
  readonly revision: bigint
}

/** One revision, and what is to be told of its keys. */
export interface Commit extends StoreRevision {
  readonly epoch: number
  readonly told: ReadonlyMap<string, Told>
}

/** A change that is asked for; `comment` goes into the record, without one it is an edit by hand. */
export interface Wanted {
  readonly key: string
  readonly data: Json | undefined
  readonly comment?: string
  /** Which controller commits it; `one` when absent. */
  readonly controller?: string
}

export const WRITER: JsonObject = { type: 'napp', name: 'kytos/chaos' }
const HAND_EDIT: JsonObject = { type: 'file', name: 'hand edit' }

/** A store as the product keeps it, reduced to what can be seen: texts, records, epochs, lives. */
export class SimulatedStore {
  readonly texts = new Map<string, Stored>()
  readonly told = new Map<string, Told>()
  epoch = 1_000
  #versions = new Map<string, number>()
  #commits: Commit[] = []
  readonly #lives: Commit[][] = []

  constructor() {
    this.#begin([])
  }

  get revision(): bigint {
    return this.#commits.at(-1)?.revision ?? 0n
  }

  get lives(): readonly StoreLife[] {
    return this.#lives.map(commits => ({
      revisions: commits.map(({ revision, changes }) => ({ revision, changes })),
    }))
  }

  versionOf(key: string): number {
    return this.#versions.get(key) ?? 0
  }

  /** Commits of this life after a revision. */
  after(revision: bigint): readonly Commit[] {
    // Revisions are 1, 2, 3 ... in every life.
    return this.#commits.slice(Number(revision))
  }

  commit(wanted: readonly Wanted[]): Commit {
    const changes: { key: string; text: string | undefined }[] = []
    const told = new Map<string, Told>()
    for (const { key, data, comment, controller = 'one' } of wanted) {
      changes.push({ key, text: data === undefined ? undefined : printJson(data) })
      if (key.startsWith('boxes/'))
        told.set(key, {
          version: 0,
          actor: isObject(data) && data.written !== undefined ? WRITER : null,
          comment: null,
        })
      if (!key.startsWith('settings/') && !key.startsWith('controllers/')) continue
      const version = this.versionOf(key) + 1
      told.set(
        key,
        comment === undefined
          ? { version, actor: HAND_EDIT, comment: null }
          : { version, actor: WRITER, comment },
      )
      if (comment !== undefined)
        changes.push(this.#record(key, version, data, { actor: WRITER, comment, controller }))
    }
    return this.#push(changes, told)
  }

  /** The record of an edit by hand, as the first controller that sees it commits it. */
  adopt(key: string, revision: bigint, data: Json | undefined): Commit {
    const fields = { actor: HAND_EDIT, comment: null, revision: revision.toString() }
    return this.#push([this.#record(key, this.versionOf(key) + 1, data, fields)], new Map())
  }

  /**
   * Begins another life with what this one was at a revision (0: nothing); `unnoticed` is committed before
   * anybody gives it an epoch of its own.
   */
  putBack(revision: bigint, unnoticed: readonly Wanted[] = []): void {
    const kept = this.#commits.filter(commit => commit.revision <= revision)
    // Who lists the store would first record an edit by hand that has no record; here no backup is made in
    // between.
    while ([...(kept.at(-1)?.told.values() ?? [])].some(({ actor }) => actor === HAND_EDIT)) kept.pop()
    this.#begin(kept, unnoticed)
  }

  #begin(commits: readonly Commit[], unnoticed: readonly Wanted[] = []): void {
    this.texts.clear()
    this.told.clear()
    this.#versions = new Map()
    this.#commits = []
    for (const commit of commits) this.#keep(commit)
    this.#lives.push(this.#commits)
    const claimed = this.epoch + 1
    this.epoch = commits.at(-1)?.epoch ?? 0
    if (unnoticed.length > 0) this.commit(unnoticed)
    this.epoch = claimed
    this.#push([{ key: 'meta/store', text: printJson({ format: 1, epoch: this.epoch }) }], new Map())
  }

  #record(
    key: string,
    version: number,
    data: Json | undefined,
    fields: JsonObject,
  ): { key: string; text: string } {
    const kind = data === undefined ? 'deleted' : this.texts.has(key) ? 'updated' : 'created'
    const text = printJson({
      version,
      kind,
      data: data ?? null,
      controller: 'one',
      at: '',
      write_id: `write ${fields.comment}`,
      ...fields,
    })
    return { key: `history/${key}/${String(version).padStart(12, '0')}`, text }
  }

  #push(
    changes: readonly { key: string; text: string | undefined }[],
    told: ReadonlyMap<string, Told>,
  ): Commit {
    const commit = { revision: this.revision + 1n, epoch: this.epoch, changes, told }
    this.#keep(commit)
    return commit
  }

  #keep(commit: Commit): void {
    this.#commits.push(commit)
    for (const { key, text } of commit.changes) {
      const record = /^history\/(.+)\/(\d{12})$/.exec(key)
      if (record) this.#versions.set(record[1] ?? '', Number(record[2]))
      if (text === undefined) this.texts.delete(key)
      else this.texts.set(key, { text, revision: commit.revision })
      const told = commit.told.get(key)
      if (told) this.told.set(key, told)
    }
  }
}
