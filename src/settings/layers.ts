import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'

/** Layers merged, the later one higher: objects key by key, arrays and scalars (null too) replace. */
export function mergeLayers(layers: readonly JsonObject[]): JsonObject {
  return layers.reduce(mergeTwo, {})
}

function mergeTwo(low: JsonObject, high: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of Object.keys(low)) if (!Object.hasOwn(high, key)) setMember(result, key, low[key] as Json)
  for (const key of Object.keys(high)) {
    const above = high[key] as Json
    const below = Object.hasOwn(low, key) ? low[key] : undefined
    setMember(result, key, isObject(below) && isObject(above) ? mergeTwo(below, above) : above)
  }
  return result
}

/** What a schema gives when nothing is set: every `default` of its properties, nested ones inside, through local `$ref` and `allOf`. */
export function defaultsOf(schema: JsonObject): JsonObject {
  const found = collectDefaults(schema, schema, 0)
  return isObject(found) ? found : {}
}

/** Schemas may refer to themselves; nothing sensible nests its defaults deeper. */
const MAX_SCHEMA_DEPTH = 32

function collectDefaults(schema: Json | undefined, root: JsonObject, depth: number): Json | undefined {
  if (!isObject(schema) || depth > MAX_SCHEMA_DEPTH) return undefined
  const own: JsonObject = {}
  const layers: Json[] = []
  if (typeof schema.$ref === 'string') layers.push(collectDefaults(resolveLocal(schema.$ref, root), root, depth + 1) ?? {})
  if (Array.isArray(schema.allOf)) for (const part of schema.allOf) layers.push(collectDefaults(part, root, depth + 1) ?? {})
  if (isObject(schema.properties)) {
    for (const key of Object.keys(schema.properties)) {
      const value = collectDefaults(schema.properties[key], root, depth + 1)
      if (value !== undefined) setMember(own, key, value)
    }
  }
  layers.push(own)
  if (schema.default !== undefined) {
    if (!isObject(schema.default)) return schema.default
    layers.push(schema.default)
  }
  const merged = mergeLayers(layers.filter(isObject))
  return Object.keys(merged).length > 0 || schema.default !== undefined ? merged : undefined
}

/** What a local reference (`#/$defs/x`) points to. */
export function resolveLocal(reference: string, root: JsonObject): Json | undefined {
  if (!reference.startsWith('#/')) return reference === '#' ? root : undefined
  let at: Json | undefined = root
  for (const token of reference.slice(2).split('/')) {
    const key = decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~')
    at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}
