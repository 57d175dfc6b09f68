import { randomUUID } from 'node:crypto'
import type { Expected, Operation } from '../../../backends/backend.ts'
import type { ChangeKind } from '../../../events/nouns.ts'
import type { Actor } from '../../../model/actor.ts'
import type { Revision } from '../../../model/document.ts'
import { printJson } from '../../../model/json.ts'
import { historyKey, type Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { type Base, baseRevision } from '../../state/document-reader.ts'
import { type NewRecord, nextRecord, printRecord, type StoredRecord } from '../../state/record.ts'
import type { NextDocument, WrittenDocument } from './change-attempt.ts'
import { refuseLargeTexts } from './size-limits.ts'

export interface Authorship {
  readonly actor: Actor
  readonly comment: string | undefined
  /** The controller that commits. */
  readonly controller: string
  /** The seconds within which the change has to be confirmed. */
  readonly confirmWithin?: number | undefined
}

/** A document with its text and record to be committed; without a record there is nothing to change. */
interface PreparedDocument<Next extends NextDocument> {
  readonly document: Next
  readonly data: JsonObject | undefined
  readonly text: string | undefined
  readonly record: NewRecord | undefined
}

/** The commit of one attempt: the next texts of its documents, and their history records. */
export class PreparedCommit<Next extends NextDocument> {
  readonly #prepared: readonly PreparedDocument<Next>[]
  readonly writeId = randomUUID()

  /** @throws SettingsError DOCUMENT_TOO_LARGE. */
  constructor(documents: readonly Next[], authorship: Authorship) {
    const printed = documents.map(document => {
      const { base, next, isSealed = false, isPutAgain = false } = document
      const text = isPutAgain ? base.entry?.text : next && printJson(next)
      return { document, text, isChanged: isSealed || isPutAgain || !isUnchanged(base, next, text) }
    })
    const by = {
      ...authorship,
      at: new Date().toISOString(),
      writeId: this.writeId,
      documents: printed.filter(({ isChanged }) => isChanged).length,
    }
    this.#prepared = printed.map(({ document, text, isChanged }) => {
      const { base, next: data } = document
      if (!isChanged) return { document, data: base.data, text: base.entry?.text, record: undefined }
      const kind: ChangeKind = text === undefined ? 'deleted' : base.entry ? 'updated' : 'created'
      return { document, data, text, record: nextRecord(base.record, kind, data, by) }
    })
    refuseLargeTexts(
      this.#prepared.flatMap(({ text, record }) => (text !== undefined && record ? [text] : [])),
    )
  }

  get isEmpty(): boolean {
    return this.#prepared.every(({ record }) => record === undefined)
  }

  /** The new versions of the documents that the commit changes. */
  get versions(): ReadonlyMap<Key, number> {
    return new Map(
      this.#prepared.flatMap(({ document, record }) => (record ? [[document.key, record.version]] : [])),
    )
  }

  /** The operations of the commit; all guards when it is empty. */
  get operations(): readonly Operation[] {
    return this.#prepared.flatMap(({ document: { key, base }, data, text, record }): Operation[] => {
      const expected = base.entry?.modRevision ?? 'absent'
      if (!record) return [{ key, check: true, expected }]
      return [
        text === undefined ? withoutText(key, expected) : { key, put: text, expected },
        {
          key: historyKey(key, record.version),
          // The record of a text that is no JSON object has its bytes, as that of a manual edit.
          put: printRecord(record, undefined, data === undefined ? text : undefined),
          expected: 'absent',
          marker: true,
          lasting: true,
        },
        ...onTopOf(key, base.record),
      ]
    })
  }

  /**
   * The documents as the commit at this revision left them; for undefined, where nothing was committed, as
   * the commit would leave them.
   */
  written(revision: Revision | undefined): readonly WrittenDocument<Next>[] {
    return this.#prepared.map(({ document, data, text, record }) => {
      const { key, base } = document
      if (revision === undefined || !record)
        return { ...document, written: { ...base, data, committed: false, revision: baseRevision(base) } }
      const entry =
        text === undefined
          ? undefined
          : { key, text, modRevision: revision, createRevision: base.entry?.createRevision ?? revision }
      return {
        ...document,
        written: {
          entry,
          data,
          record: { ...record, of: revision, stored: revision },
          recorded: true,
          committed: true,
          revision,
        },
      }
    })
  }
}

function withoutText(key: Key, expected: Expected): Operation {
  return expected === 'absent' ? { key, check: true, expected } : { key, delete: true, expected }
}

/**
 * The guard on the record below the new one, because a store that was restored meanwhile may have the
 * document at the same revision, with another past.
 */
function onTopOf(key: Key, record: StoredRecord | undefined): Operation[] {
  return record ? [{ key: historyKey(key, record.version), check: true, expected: record.stored }] : []
}

function isUnchanged(base: Base, data: JsonObject | undefined, text: string | undefined): boolean {
  if (data === undefined || base.entry === undefined) return text === base.entry?.text
  // The text of a hand edit may differ in its layout only.
  return text === base.entry.text || (base.data !== undefined && printJson(base.data) === text)
}
