import type { Json, JsonObject } from '../../model/value.ts'

/*
 * The type of the settings that a schema declares, as they are once the layers are merged:
 *
 *  - A key that has a default, itself or somewhere inside, is always there. Any other may not be set yet,
 *    `required` or not: a NApp starts before an operator has set anything.
 *  - Inside what no default fills (items of arrays, additional properties, objects nobody has set yet) it is
 *    the other way round: that was validated as it stands, so `required` counts and a default does nothing.
 *  - A number is a bigint too where the schema says so, by a bound or a default that is one.
 *  - What cannot be told from the schema is Json.
 */

/** The type of the settings that a JSON Schema declares; see above for when a key is optional. */
export type SettingsOf<Schema> =
  Value<Schema, Schema, 'layered'> extends infer Values extends object ? Values : JsonObject

/** Whether defaults fill the value, or it stands as it was validated. */
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

/** By all but the keywords that lead elsewhere. */
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

/** One by one, so that each member of a union is looked at for itself. */
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

/**
 * Keys beside the declared ones, where the schema says what they hold; keys that it merely does not forbid
 * are not there to be read.
 */
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

/** True when a default stands in the schema, behind its `$ref` or `allOf`, or in one of its properties. */
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
