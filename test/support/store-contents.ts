import type { Backend } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { EVERYTHING } from '../../model/key.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'

/**
 * The contents of a store that must be equal in a copy of it, read independently of the code that copies.
 */
export interface Contents {
  /** Every text by its key; records without the member `revision`, which depends on the store. */
  readonly texts: Readonly<Record<string, string>>
  /** The keys of boxes in the order of their creation, by owner. */
  readonly boxes: Readonly<Record<string, readonly string[]>>
  /** The keys of schemas in the order of their commits, by namespace. */
  readonly schemas: Readonly<Record<string, readonly string[]>>
  /** The documents that changed after their newest record: unrecorded hand edits. */
  readonly unrecorded: readonly string[]
  /** The documents whose newest record has a later revision, which no service creates. */
  readonly overtaken: readonly string[]
  readonly meta: JsonObject
}

/** Reads the contents at one revision. */
export async function readContents(backend: Pick<Backend, 'list'>): Promise<Contents> {
  const entries: Entry[] = []
  for await (const page of (await backend.list(EVERYTHING)).pages) entries.push(...page)
  const kept = entries.filter(({ key }) => !/^(meta|presence|armed)\//.test(key))
  const newest = new Map<string, Entry>()
  for (const entry of kept) {
    const [, document] = /^history\/(.*)\/\d{12}$/.exec(entry.key) ?? []
    if (document !== undefined) newest.set(document, entry)
  }
  const documents = kept.filter(({ key }) => /^(settings|controllers)\//.test(key))
  return {
    texts: Object.fromEntries(
      kept.map(({ key, text }) => [key, key.startsWith('history/') ? without('revision', text) : text]),
    ),
    boxes: inOrder(kept, 'boxes/', ({ createRevision: created }) => created),
    schemas: inOrder(kept, 'schemas/', ({ modRevision: revision }) => revision),
    unrecorded: documents
      .filter(({ key, modRevision: revision }) => recordedRevisionOf(newest.get(key)) < revision)
      .map(({ key }) => key),
    overtaken: documents
      .filter(({ key, modRevision: revision }) => recordedRevisionOf(newest.get(key)) > revision)
      .map(({ key }) => key),
    meta: objectIn(entries.find(({ key }) => key === 'meta/store')?.text),
  }
}

/** The contents without the metadata of the store. */
export function withoutMeta({ meta: _meta, ...rest }: Contents): Omit<Contents, 'meta'> {
  return rest
}

function inOrder(
  entries: readonly Entry[],
  prefix: string,
  number: (entry: Entry) => bigint,
): Record<string, string[]> {
  const found = entries.filter(({ key }) => key.startsWith(prefix))
  found.sort((a, b) => (number(a) < number(b) ? -1 : number(a) > number(b) ? 1 : a.key < b.key ? -1 : 1))
  const owners: Record<string, string[]> = {}
  for (const { key } of found) {
    const owner = key.slice(0, key.lastIndexOf('/'))
    owners[owner] = [...(owners[owner] ?? []), key]
  }
  return owners
}

function recordedRevisionOf(record: Entry | undefined): bigint {
  const { revision } = objectIn(record?.text)
  return typeof revision === 'string' ? BigInt(revision) : (record?.modRevision ?? -1n)
}

function without(member: string, text: string): string {
  const { [member]: _left, ...rest } = objectIn(text)
  return Object.keys(rest).length === 0 ? text : printJson(rest)
}

function objectIn(text = 'null'): JsonObject {
  let value: Json | undefined
  try {
    value = parseJson(text)
  } catch {
    value = undefined // not JSON, for example after a hand edit
  }
  return isObject(value) ? value : {}
}
