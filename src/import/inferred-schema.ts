import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { type PythonTypes, withoutTypes, withTypes } from './python/types.ts'

/*
 * The schema that an import infers from a file. It is the import's own: it grows with its file, it gives up a default
 * that an override must replace as a whole, and it states the Python types of the values. The schema that a NApp
 * registers is never changed.
 */

/** True for a schema that was inferred from the same kind of file. */
export function isInferredAlike(schema: JsonObject | undefined, other: JsonObject | undefined): boolean {
  const kind = schema?.['x-inferred-from']
  return kind !== undefined && kind === other?.['x-inferred-from'] && isObject(schema?.properties)
}

/** The schema of one setting. */
export function propertyOf(schema: JsonObject | undefined, name: string): JsonObject | undefined {
  const properties = schema?.properties
  const property = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
  return isObject(property) ? property : undefined
}

/** `known` with the settings that only `read` describes; undefined when there are none. */
export function growSchema(known: JsonObject, read: JsonObject): JsonObject | undefined {
  const properties = isObject(known.properties) ? known.properties : {}
  const grown: JsonObject = { ...properties }
  for (const [name, property] of Object.entries(isObject(read.properties) ? read.properties : {}))
    if (!Object.hasOwn(properties, name)) setMember(grown, name, property)
  return Object.keys(grown).length > Object.keys(properties).length
    ? { ...known, properties: grown }
    : undefined
}

/** A schema with other schemas of some settings. */
export function withProperties(schema: JsonObject, changed: ReadonlyMap<string, JsonObject>): JsonObject {
  if (changed.size === 0) return schema
  const properties: JsonObject = { ...(isObject(schema.properties) ? schema.properties : {}) }
  for (const [name, property] of changed) setMember(properties, name, property)
  return { ...schema, properties }
}

/** The comment of a setting whose apply mode an import read from the code: its line, the mode and its place. */
const READ_MODE = /^(.*); x-apply (live|reload|restart) by (.+)$/

/** The schema of a setting with the apply mode that its code needs, and the place that decides. */
export function withReadMode(property: JsonObject, mode: string, decides: string): JsonObject {
  const comment = typeof property.$comment === 'string' ? property.$comment : ''
  const line = READ_MODE.exec(comment)?.[1] ?? comment
  return { ...property, 'x-apply': mode, $comment: `${line}; x-apply ${mode} by ${decides}` }
}

/**
 * The schema of a setting with the apply mode that an import reads now, undefined when it stays as it is. A mode
 * that no import wrote is an operator's own, and stays.
 */
export function withNewMode(known: JsonObject, read: JsonObject | undefined): JsonObject | undefined {
  const [, , mode, decides] = READ_MODE.exec(typeof read?.$comment === 'string' ? read.$comment : '') ?? []
  if (mode === undefined || decides === undefined) return undefined
  const written = READ_MODE.exec(typeof known.$comment === 'string' ? known.$comment : '')?.[2]
  if (known['x-apply'] !== undefined && known['x-apply'] !== written) return undefined
  const next = withReadMode(known, mode, decides)
  return next['x-apply'] === known['x-apply'] && next.$comment === known.$comment ? undefined : next
}

export function withoutDefault({ default: _, ...property }: JsonObject): JsonObject {
  return property
}

/** The schema of a setting whose value has other Python types now. It accepts all that it accepted before. */
export function retyped(property: JsonObject, types: PythonTypes): JsonObject {
  const plain = withoutTypes(property) as JsonObject // An object stays one.
  const own = types.get('')
  const type: Json | undefined = plain.type === 'integer' && own?.startsWith('float') ? 'number' : plain.type
  return withTypes({ ...plain, ...(type !== undefined && { type }) }, types)
}
