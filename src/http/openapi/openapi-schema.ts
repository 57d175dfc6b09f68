/**
 * A JSON Schema (2020-12) of the OpenAPI document. Generators of clients accept no boolean schema, and no
 * `enum` or `const` without a type. An object without declared members becomes a type without members.
 */
export type Schema = Readonly<Record<string, unknown>>

/** Any JSON value. */
export const ANY: Schema = {}

/** One of these texts. */
export function textOf<const Texts extends readonly string[]>(
  ...texts: Texts
): { readonly type: 'string'; readonly enum: Texts } {
  return { type: 'string', enum: texts }
}

/** A reference to a noun. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with members of any name, such as settings. */
export const JSON_OBJECT = ref('JsonObject')
/** A patch as in RFC 6902. */
export const JSON_PATCH = ref('JsonPatch')
