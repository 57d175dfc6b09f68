import { createHash } from 'node:crypto'
import type { ApplyMode } from '../../events/changes.ts'
import { printCanonical } from '../../model/canonical.ts'
import { DOCUMENT_BYTES } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { refuseExcess } from '../../model/extent.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { applyModes } from './apply-modes.ts'
import { defaultsOf } from './defaults.ts'
import { deprecatedPlaces } from './deprecated.ts'
import { rememberCostly } from './remembered-validation.ts'
import { tooCostly } from './schema-size.ts'
import { ignoreSealed } from './sealed-values.ts'
import { compileSchema, type Validate } from './validator.ts'

/** A NApp's schema as it is stored: with its seed, so that both are the same on every controller. */
export interface SchemaDocument {
  readonly digest: string
  readonly schema: JsonObject
  readonly seed: JsonObject
  readonly nappVersion: string | undefined
  readonly validate: Validate
  readonly defaults: JsonObject
  /** Apply mode of every property, by JSON Pointer. */
  readonly modes: Readonly<Record<string, ApplyMode>>
  /** The properties that are deprecated, by JSON Pointer. */
  readonly deprecated: readonly string[]
}

/**
 * Compiles a schema. Its digest is SHA-256 over schema and seed with sorted keys, without the NApp's version.
 * @throws SettingsError SCHEMA_MALFORMED, SCHEMA_TOO_COSTLY.
 */
export function createSchemaDocument(
  schema: JsonObject,
  seed: JsonObject,
  nappVersion: string | undefined,
): SchemaDocument {
  const digest = createHash('sha256')
    .update(printCanonical([schema, seed]))
    .digest('hex')
  const validate = rememberCostly(ignoreSealed(compileSchema(schema)))
  const defaults = defaultsOf(schema)
  refuseLongDefaults(defaults)
  return {
    digest,
    schema,
    seed,
    nappVersion,
    validate,
    defaults,
    modes: applyModes(schema),
    deprecated: deprecatedPlaces(schema),
  }
}

/** Bounds the defaults, because a few references may repeat one long default in very many places. */
function refuseLongDefaults(defaults: JsonObject): void {
  try {
    refuseExcess(defaults, 'The defaults', DOCUMENT_BYTES)
  } catch {
    throw tooCostly(
      `its defaults together have more than ${DOCUMENT_BYTES} bytes, nest too deep, or have too many members below long names`,
    )
  }
}

export function printSchemaDocument(document: SchemaDocument): string {
  return printJson({
    schema: document.schema,
    seed: document.seed,
    napp_version: document.nappVersion ?? null,
  })
}

/** The parts of a stored schema, which may still be malformed or too costly. */
export type SchemaParts = Pick<SchemaDocument, 'schema' | 'seed' | 'nappVersion'>

/** @throws SettingsError SCHEMA_MALFORMED, JSON_MALFORMED for a text that another program wrote. */
export function parseSchemaParts(text: string): SchemaParts {
  return readSchemaParts(parseJson(text))
}

/** The parts of a stored schema that is parsed. @throws SettingsError SCHEMA_MALFORMED. */
export function readSchemaParts(value: Json): SchemaParts {
  if (!isObject(value) || !isObject(value.schema))
    throw new SettingsError(
      'SCHEMA_MALFORMED',
      'A stored schema must be an object {schema, seed, napp_version}.',
    )
  return {
    schema: value.schema,
    seed: isObject(value.seed) ? value.seed : {},
    nappVersion: typeof value.napp_version === 'string' ? value.napp_version : undefined,
  }
}

/** @throws SettingsError SCHEMA_MALFORMED, SCHEMA_TOO_COSTLY for a text that another program wrote. */
export function parseSchemaDocument(text: string): SchemaDocument {
  const { schema, seed, nappVersion } = parseSchemaParts(text)
  return createSchemaDocument(schema, seed, nappVersion)
}

/**
 * Orders NApp versions number by number (`1.10.0` above `1.9.2`). Words are below numbers and their absence,
 * so that a pre-release (`2.0-rc.1`, `2.0rc1`) is below its release. `1` and `1.0` are equal; an absent
 * version is lowest. The order is total, so that every controller finds the same highest schema.
 */
export function compareNappVersions(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const partsA = splitVersion(a)
  const partsB = splitVersion(b)
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const order = compareParts(partsA[i] ?? 0n, partsB[i] ?? 0n)
    if (order !== 0) return order
  }
  return 0
}

/** Splits a version into numbers and words. A hyphen is the lowest word; the part after `+` is ignored. */
function splitVersion(version: string): (bigint | string)[] {
  const parts =
    version
      .replace(/\+.*/s, '')
      .toLowerCase()
      .match(/\d+|[^\d.\-_\s]+|-/g) ?? []
  return parts.map(part => (/^\d+$/.test(part) ? BigInt(part) : part))
}

function compareParts(a: bigint | string, b: bigint | string): number {
  if (typeof a !== typeof b) return typeof a === 'string' ? -1 : 1
  return a === b ? 0 : a < b ? -1 : 1
}
