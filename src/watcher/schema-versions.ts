import type { Entry, Revision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { type Namespace, parseNamespace } from '../../model/namespace.ts'
import {
  compareNappVersions,
  createSchemaDocument,
  parseSchemaParts,
  printSchemaDocument,
  type SchemaDocument,
} from '../schema/schema-document.ts'

/** A schema as it stands in the store; without a document when another hand wrote something else there. */
interface StoredSchema {
  readonly entry: Entry
  readonly document: SchemaDocument | undefined
  /** Why there is no document. */
  readonly problem: string | undefined
  /** It is one, whether it can be used or not. */
  readonly isSchema: boolean
}

/**
 * A schema that a NApp of this process registered. It counts once the store has had it, or when it was
 * registered while the store was away.
 */
interface Registration {
  readonly document: SchemaDocument
  readonly counts: boolean
}

/** The schemas of one namespace, of every version of its NApp. Never changed, only replaced. */
export interface SchemaVersions {
  /** By digest. */
  readonly stored: ReadonlyMap<string, StoredSchema>
  /** Newest first. One that the store refused never counts. */
  readonly registered: readonly Registration[]
}

export const NO_SCHEMAS: SchemaVersions = { stored: new Map(), registered: [] }

/** Whose schema a key holds; undefined for keys of other kinds and for names we would refuse. */
export function parseSchemaKey(
  key: Key,
): { readonly namespace: Namespace; readonly digest: string } | undefined {
  const { kind, segments } = splitKey(key)
  const [username = '', name = '', digest = ''] = segments
  if (kind !== 'schemas' || segments.length !== 3) return undefined
  try {
    return { namespace: parseNamespace(`${username}/${name}`), digest }
  } catch {
    return undefined // a key made by another hand, with a name we refuse
  }
}

/**
 * The schema in use: the one registered in this process, else the stored one of the highest NApp version,
 * else (ties) the newest.
 */
export function schemaInUse({ stored, registered }: SchemaVersions): SchemaDocument | undefined {
  const own = registered.find(({ counts }) => counts)?.document
  if (own) return stored.get(own.digest)?.document ?? own
  let best: { readonly document: SchemaDocument; readonly entry: Entry } | undefined
  for (const { document, entry } of stored.values())
    if (document && (!best || isAbove({ document, entry }, best))) best = { document, entry }
  return best?.document
}

/**
 * Why the stored schemas cannot be used, where there are some and none can: then the settings are not
 * free-form, they only cannot be validated. A text that is no schema at all counts for nothing.
 */
export function unusableSchema(shelf: SchemaVersions): string | undefined {
  if (schemaInUse(shelf)) return undefined
  return [...shelf.stored.values()].find(({ isSchema, problem }) => isSchema && problem)?.problem
}

type Readable = Pick<StoredSchema, 'entry'> & { readonly document: SchemaDocument }

function isAbove(one: Readable, other: Readable): boolean {
  const order = compareNappVersions(one.document.nappVersion, other.document.nappVersion)
  if (order !== 0) return order > 0
  if (one.entry.modRevision !== other.entry.modRevision)
    return one.entry.modRevision > other.entry.modRevision
  return one.document.digest > other.document.digest
}

/** With a schema that this process registered, before all others. */
export function withRegistered(
  shelf: SchemaVersions,
  document: SchemaDocument,
  local: boolean,
): SchemaVersions {
  const others = shelf.registered.filter(one => one.document.digest !== document.digest)
  return {
    ...shelf,
    registered: [{ document, counts: local || shelf.stored.has(document.digest) }, ...others],
  }
}

/**
 * With what the store now has under a digest; a text that is no schema is kept and counts for nothing,
 * `problem` says why.
 */
export function withStored(
  shelf: SchemaVersions,
  digest: string,
  entry: Entry,
): { readonly shelf: SchemaVersions; readonly problem: string | undefined } {
  const own = shelf.registered.find(one => one.document.digest === digest)?.document
  // To compile a schema takes long, and this one has been.
  const found =
    own && printSchemaDocument(own) === entry.text
      ? { document: own, problem: undefined, isSchema: true }
      : read(entry)
  const registered = shelf.registered.map(one =>
    one.document.digest === digest ? { ...one, counts: true } : one,
  )
  const stored = new Map(shelf.stored).set(digest, { entry, ...found })
  return { shelf: { stored, registered }, problem: found.problem }
}

export function withoutStored(shelf: SchemaVersions, digest: string): SchemaVersions {
  const stored = new Map(shelf.stored)
  stored.delete(digest)
  return { ...shelf, stored }
}

/** The revision of the newest stored schema; 0 when there is none. */
export function shelfRevision({ stored }: SchemaVersions): Revision {
  let newest = 0n
  for (const { entry } of stored.values()) if (entry.modRevision > newest) newest = entry.modRevision
  return newest
}

function read(entry: Entry): Omit<StoredSchema, 'entry'> {
  let isSchema = false
  try {
    const { schema, seed, nappVersion } = parseSchemaParts(entry.text)
    isSchema = true
    return { document: createSchemaDocument(schema, seed, nappVersion), problem: undefined, isSchema }
  } catch (error) {
    return { document: undefined, problem: toSettingsError(error).message, isSchema }
  }
}
