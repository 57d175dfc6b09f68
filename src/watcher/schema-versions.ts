import { parseEditedObject } from '../../backends/edited-text.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { type Namespace, parseNamespace } from '../../model/namespace.ts'
import {
  compareNappVersions,
  createSchemaDocument,
  printSchemaDocument,
  readSchemaParts,
  type SchemaDocument,
} from '../schema/schema-document.ts'

/** A stored schema; `document` is undefined when the stored text is not a valid schema. */
interface StoredSchema {
  readonly entry: Entry
  readonly document: SchemaDocument | undefined
  /** The reason why `document` is undefined. */
  readonly problem: string | undefined
  /** True for a schema, usable or not; false for any other text. */
  readonly isSchema: boolean
}

/** A schema that a NApp of this process registered. */
interface Registration {
  readonly document: SchemaDocument
  /** True once the store has had the schema, or when it was registered while the store was unavailable. */
  readonly inUse: boolean
}

/** The schemas of one namespace, of every version of its NApp. Immutable. */
export interface SchemaVersions {
  /** By digest. */
  readonly stored: ReadonlyMap<string, StoredSchema>
  /** Newest first. A schema that the store rejected never comes into use. */
  readonly registered: readonly Registration[]
}

export const NO_SCHEMAS: SchemaVersions = { stored: new Map(), registered: [] }

/** The namespace and the digest in the key of a schema; undefined for other keys and for invalid names. */
export function parseSchemaKey(
  key: Key,
): { readonly namespace: Namespace; readonly digest: string } | undefined {
  const { kind, segments } = splitKey(key)
  const [username = '', name = '', digest = ''] = segments
  if (kind !== 'schemas' || segments.length !== 3) return undefined
  try {
    return { namespace: parseNamespace(`${username}/${name}`), digest }
  } catch {
    return undefined // The key of another program, with an invalid name.
  }
}

/**
 * The schema in use: the one that this process registered, else the stored one of the highest NApp version.
 * Of equal versions, the newest.
 */
export function schemaInUse({ stored, registered }: SchemaVersions): SchemaDocument | undefined {
  const own = registered.find(({ inUse }) => inUse)?.document
  if (own) return stored.get(own.digest)?.document ?? own
  let best: { readonly document: SchemaDocument; readonly entry: Entry } | undefined
  for (const { document, entry } of stored.values())
    if (document && (!best || isAbove({ document, entry }, best))) best = { document, entry }
  return best?.document
}

/**
 * The reason why none of the stored schemas can be used; undefined without a stored schema, or with a usable
 * one. Settings with unusable schemas only are not free-form, because they cannot be validated.
 */
export function unusableSchema(schemas: SchemaVersions): string | undefined {
  if (schemaInUse(schemas)) return undefined
  return [...schemas.stored.values()].find(({ isSchema, problem }) => isSchema && problem)?.problem
}

type Readable = Pick<StoredSchema, 'entry'> & { readonly document: SchemaDocument }

function isAbove(one: Readable, other: Readable): boolean {
  const order = compareNappVersions(one.document.nappVersion, other.document.nappVersion)
  if (order !== 0) return order > 0
  if (one.entry.modRevision !== other.entry.modRevision)
    return one.entry.modRevision > other.entry.modRevision
  return one.document.digest > other.document.digest
}

/** Adds a schema that this process registered, before all others; undefined removes all of these. */
export function withRegistered(
  schemas: SchemaVersions,
  document: SchemaDocument | undefined,
  local: boolean,
): SchemaVersions {
  if (!document) return { ...schemas, registered: [] }
  const others = schemas.registered.filter(one => one.document.digest !== document.digest)
  return {
    ...schemas,
    registered: [{ document, inUse: local || schemas.stored.has(document.digest) }, ...others],
  }
}

/**
 * Sets the entry that the store has under a digest. A text that is not a valid schema is kept without effect;
 * `problem` is the reason.
 */
export function withStored(
  schemas: SchemaVersions,
  digest: string,
  entry: Entry,
): { readonly schemas: SchemaVersions; readonly problem: string | undefined } {
  const own = schemas.registered.find(one => one.document.digest === digest)?.document
  // Reuses the compiled schema, because compiling takes long.
  const found =
    own && printSchemaDocument(own) === entry.text
      ? { document: own, problem: undefined, isSchema: true }
      : read(entry)
  const registered = schemas.registered.map(one =>
    one.document.digest === digest ? { ...one, inUse: true } : one,
  )
  const stored = new Map(schemas.stored).set(digest, { entry, ...found })
  return { schemas: { stored, registered }, problem: found.problem }
}

export function withoutStored(schemas: SchemaVersions, digest: string): SchemaVersions {
  const stored = new Map(schemas.stored)
  stored.delete(digest)
  return { ...schemas, stored }
}

/** The revision of the newest stored schema; 0 without one. */
export function schemasRevision({ stored }: SchemaVersions): Revision {
  let newest = 0n
  for (const { entry } of stored.values()) if (entry.modRevision > newest) newest = entry.modRevision
  return newest
}

function read(entry: Entry): Omit<StoredSchema, 'entry'> {
  let isSchema = false
  try {
    const { schema, seed, nappVersion } = readSchemaParts(parseEditedObject(entry.text))
    isSchema = true
    return { document: createSchemaDocument(schema, seed, nappVersion), problem: undefined, isSchema }
  } catch (error) {
    return { document: undefined, problem: toSettingsError(error).message, isSchema }
  }
}
