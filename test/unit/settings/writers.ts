import type { Backend, Operation } from '../../../backends/backend.ts'
import { type Key, makeKey } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { UnrecordedEdit } from '../../../src/settings/write/adoption.ts'
import type { WriteOptions, Written } from '../../../src/settings/write/change-attempt.ts'
import { DocumentWriter } from '../../../src/settings/write/document-writer.ts'
import { mergePatch } from '../../../src/settings/write/patch.ts'
import type { Base } from '../../../src/state/document-reader.ts'
import { parseObject } from '../../../src/state/record.ts'
import { on, type Store } from './stores.ts'

/** The document that these tests change. */
export const KEY = makeKey('settings', 'kytos', 'of_lldp')
/** The base that a controller knows before it has seen the document. */
export const NOTHING: Base = { entry: undefined, data: undefined, record: undefined, recorded: true }
const ACTOR = { type: 'user', name: 'ann' } as const

/** A writer on a backend that it opens; `cached` returns the base that its controller knows. */
export async function writerOn(
  backend: Backend,
  cached: (key: Key) => Base = () => NOTHING,
): Promise<DocumentWriter> {
  await backend.open()
  return new DocumentWriter({
    backend,
    controller: 'c',
    cached,
    goneAt: () => undefined,
    meta: () => undefined,
  })
}

/** A change of documents; `guards` are asked for at each attempt, after `make`. */
export interface TestChange {
  readonly keys: readonly Key[]
  readonly make: (base: Base) => JsonObject | undefined
  readonly guards?: () => readonly Operation[]
  readonly fresh?: boolean
}

/** A change of one document; made from its base. */
export const changing = (make: TestChange['make'], key = KEY): TestChange => ({ keys: [key], make })

/** A change that sets members; objects come from the JSON of this test. */
export const set = (members: JsonObject, key = KEY): TestChange =>
  changing(({ data }) => mergePatch(data ?? {}, members) as JsonObject, key)

/** Commits a change; returns its documents in the order of its keys. */
export async function writeAll(writer: DocumentWriter, change: TestChange): Promise<readonly Written[]> {
  const { keys, make, guards = () => [], fresh } = change
  const options: WriteOptions = {
    actor: ACTOR,
    comment: undefined,
    ...(fresh === undefined ? {} : { fresh }),
  }
  const { documents } = await writer.write(
    keys.map(key => ({ key })),
    read => {
      const next = read.map(document => ({ ...document, next: make(document.base) }))
      return { next, guards: guards(), result: undefined }
    },
    options,
  )
  return documents.map(({ written }) => written)
}

/** Commits a change of one document; returns the document. */
export async function write(writer: DocumentWriter | undefined, change: TestChange): Promise<Written> {
  const [written] = writer ? await writeAll(writer, change) : []
  if (!written) throw new Error('A change of one document leaves one.')
  return written
}

/** The document of a store as a hand edit that was just seen. */
export function editOf(store: Store): UnrecordedEdit {
  const entry = store.get(KEY)
  return {
    key: KEY,
    data: entry && parseObject(entry.text),
    text: entry?.text,
    gone: entry === undefined,
    revision: entry?.modRevision,
  }
}

/** A backend on the store, open. */
export async function opened(store: Store): Promise<Backend> {
  const backend = on(store)
  await backend.open()
  return backend
}
