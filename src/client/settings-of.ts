import type { Json, JsonObject } from '../../model/value.ts'

/*
 * The type of the settings that a schema declares, after the layers are merged:
 *
 *  - A key with a default, its own or one inside it, is always present. Any other key may be unset,
 *    `required` or not, because a NApp starts before an operator sets values.
 *  - Values that no default fills (items of arrays, additional properties, objects that are not set yet)
 *    follow the opposite rule: they were validated as stored, so `required` counts and a default has no
 *    effect.
 *  - A number may be a bigint if a bound or a default in the schema is a bigint.
 *  - A value whose type the schema does not determine is Json.
 */

/** The type of the settings that a JSON Schema declares; see above for when a key is optional. */
export type SettingsOf<Schema> =
  Value<Schema, Schema, 'layered'> extends infer Values extends object ? Values : JsonObject

/** Whether defaults fill the value (`layered`), or it is exactly as validated (`whole`). */
type Filling = 'layered' | 'whole'

type Value<S, Root, F extends Filling> = S extends { readonly $ref: infer Ref }
  ? Value<Resolve<Ref, Root>, Root, F>
  : S extends { readonly const: infer Only }
    ? Only
    : S extends { readonly enum: readonly (infer One)[] }
      ? One
      : S extends { readonly allOf: readonly unknown[] }
        ? AllOf<S['allOf'], Root, F> & Own<S, Root, F>
        : Own<S, Root, F>

/** The type by the schema's own keywords: all but `$ref`, `const`, `enum` and `allOf`. */
type Own<S, Root, F extends Filling> = S extends { readonly properties: unknown }
  ? S extends { readonly type: readonly (infer T)[] }
    ? Typed<T, S, Root, F>
    : ObjectOf<S, Root, F>
  : S extends { readonly anyOf: readonly (infer One)[] } | { readonly oneOf: readonly (infer One)[] }
    ? Each<One, Root>
    : S extends { readonly type: readonly (infer T)[] }
      ? Typed<T, S, Root, F>
      : S extends { readonly type: infer T }
        ? Typed<T, S, Root, F>
        : S extends { readonly allOf: unknown }
          ? unknown
          : Json

type Typed<T, S, Root, F extends Filling> = T extends 'string'
  ? string
  : T extends 'boolean'
    ? boolean
    : T extends 'null'
      ? null
      : T extends 'integer' | 'number'
        ? Numeric<S>
        : T extends 'array'
          ? readonly Item<S, Root>[]
          : T extends 'object'
            ? ObjectOf<S, Root, F>
            : Json

type Bounds = 'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum' | 'default'
type Numeric<S> = bigint extends Widen<S[keyof S & Bounds]> ? number | bigint : number
type Widen<N> = N extends bigint ? bigint : never

type Item<S, Root> = S extends { readonly items: infer I }
  ?
      | Value<I, Root, 'whole'>
      | (S extends { readonly prefixItems: readonly (infer P)[] } ? Each<P, Root> : never)
  : Json

/** The type of each member of a union, distributed so that each member is evaluated alone. */
type Each<S, Root> = S extends unknown ? Value<S, Root, 'whole'> : never

type AllOf<Parts extends readonly unknown[], Root, F extends Filling> = Parts extends readonly [
  infer First,
  ...infer Rest,
]
  ? Value<First, Root, F> & AllOf<Rest, Root, F>
  : unknown

type Resolve<Ref, Root> = Ref extends '#'
  ? Root
  : Ref extends `#/$defs/${infer Name}`
    ? Root extends { readonly $defs: infer Defs }
      ? Name extends keyof Defs
        ? Defs[Name]
        : true
      : true
    : true

type ObjectOf<S, Root, F extends Filling> = S extends { readonly properties: infer P }
  ? Flat<Declared<P, S, Root, F> & Others<S, Root, P[keyof P]>>
  : S extends { readonly additionalProperties: false }
    ? Readonly<Record<never, never>>
    : S extends { readonly additionalProperties: infer A }
      ? { readonly [key: string]: Value<A, Root, 'whole'> }
      : JsonObject

type Declared<P, S, Root, F extends Filling> = {
  readonly [K in keyof P as Present<K, P[K], S, Root, F> extends true ? K : never]: Value<P[K], Root, F>
} & {
  readonly [K in keyof P as Present<K, P[K], S, Root, F> extends true ? never : K]?: Value<
    P[K],
    Root,
    'whole'
  >
}

/** Undeclared keys whose type the schema declares; keys that it merely does not forbid are not readable. */
type Others<S, Root, Properties> = S extends { readonly additionalProperties: infer A }
  ? A extends false
    ? unknown
    : { readonly [key: string]: Value<A, Root, 'whole'> | Each<Properties, Root> | undefined }
  : unknown

type Present<K, P, S, Root, F extends Filling> = F extends 'whole'
  ? S extends { readonly required: readonly (infer Required)[] }
    ? K extends Required
      ? true
      : false
    : false
  : S extends { readonly default: infer Given }
    ? K extends keyof Given
      ? true
      : Filled<P, Root>
    : Filled<P, Root>

/** True when a default is in the schema, behind its `$ref` or `allOf`, or in one of its properties. */
type Filled<P, Root> = P extends { readonly default: unknown }
  ? true
  : P extends { readonly $ref: infer Ref }
    ? Filled<Resolve<Ref, Root>, Root>
    : P extends { readonly properties: infer Inner }
      ? true extends { [K in keyof Inner]: Filled<Inner[K], Root> }[keyof Inner]
        ? true
        : FilledByAll<P, Root>
      : FilledByAll<P, Root>

type FilledByAll<P, Root> = P extends { readonly allOf: readonly (infer One)[] }
  ? true extends (One extends unknown ? Filled<One, Root> : never)
    ? true
    : false
  : false

type Flat<T> = { readonly [K in keyof T]: T[K] }
