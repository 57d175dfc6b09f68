import { createHash } from 'node:crypto'
import type { ApplyMode } from '../../events/map.ts'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { applyModes } from './apply-modes.ts'
import { defaultsOf } from './layers.ts'
import { compileSchema, type Validate } from './validator.ts'

/** A NApp's schema as it is stored: with the seed it came with, so that both are the same on every controller. */
export interface SchemaDocument {
  readonly digest: string
  readonly schema: JsonObject
  readonly seed: JsonObject
  readonly nappVersion: string | undefined
  readonly validate: Validate
  readonly defaults: JsonObject
  /** Apply mode of every property, by JSON Pointer. */
  readonly modes: Readonly<Record<string, ApplyMode>>
}

/** @throws SettingsError SCHEMA_MALFORMED. The digest is SHA-256 over schema and seed with sorted keys; the NApp's version is not in it. */
export function createSchemaDocument(schema: JsonObject, seed: JsonObject, nappVersion: string | undefined): SchemaDocument {
  const digest = createHash('sha256')
    .update(printJson(sortKeys([schema, seed])))
    .digest('hex')
  return { digest, schema, seed, nappVersion, validate: compileSchema(schema), defaults: defaultsOf(schema), modes: applyModes(schema) }
}

export function printSchemaDocument(document: SchemaDocument): string {
  return printJson({ schema: document.schema, seed: document.seed, napp_version: document.nappVersion ?? null })
}

/** @throws SettingsError SCHEMA_MALFORMED for a text that another hand wrote. */
export function parseSchemaDocument(text: string): SchemaDocument {
  const value = parseJson(text)
  if (!isObject(value) || !isObject(value.schema)) throw new SettingsError('SCHEMA_MALFORMED', 'A stored schema is {schema, seed, napp_version}.')
  return createSchemaDocument(
    value.schema,
    isObject(value.seed) ? value.seed : {},
    typeof value.napp_version === 'string' ? value.napp_version : undefined,
  )
}

/** Orders NApp versions number by number (`1.10.0` above `1.9.2`), an absent one lowest, a pre-release below its release. */
export function compareNappVersions(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const [coreA = '', preA] = split(a)
  const [coreB = '', preB] = split(b)
  const partsA = coreA.split('.')
  const partsB = coreB.split('.')
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const order = comparePart(partsA[i] ?? '0', partsB[i] ?? '0')
    if (order !== 0) return order
  }
  if (preA === preB) return 0
  if (preA === undefined || preB === undefined) return preA === undefined ? 1 : -1
  return preA < preB ? -1 : 1
}

function split(version: string): [string, string | undefined] {
  const at = version.indexOf('-')
  return at < 0 ? [version, undefined] : [version.slice(0, at), version.slice(at + 1)]
}

function comparePart(a: string, b: string): number {
  const numbers = /^\d+$/.test(a) && /^\d+$/.test(b)
  if (numbers) return Number(BigInt(a) - BigInt(b) > 0n) - Number(BigInt(a) - BigInt(b) < 0n)
  return a === b ? 0 : a < b ? -1 : 1
}

function sortKeys(value: Json): Json {
  if (isArray(value)) return value.map(sortKeys)
  if (!isObject(value)) return value
  const sorted: JsonObject = {}
  for (const key of Object.keys(value).sort()) setMember(sorted, key, sortKeys(value[key] as Json))
  return sorted
}
