/** The type of a place that a schema does not declare. */
export declare const UNDECLARED: unique symbol
type Undeclared = typeof UNDECLARED

/** The declared keys of settings; a key that begins with `/` is addressed by its JSON Pointer only. */
export type KeyOf<Values> = Exclude<keyof Values & string, `/${string}`>

/** The value at a JSON Pointer into settings, with undefined if a member on the path may be absent. */
export type ValueAt<Values, Pointer extends string> = Pointer extends `/${infer Token}/${infer Rest}`
  ? ValueAt<Member<Values, Unescaped<Token>>, `/${Rest}`>
  : Pointer extends `/${infer Token}`
    ? Member<Values, Unescaped<Token>>
    : Undeclared

/** The pointer itself, or `never` for a place that the settings do not declare. */
export type DeclaredPointer<Values, Pointer extends string> =
  Undeclared extends ValueAt<Values, Pointer> ? never : Pointer

type Member<Value, Key extends string> = Value extends Undeclared
  ? Undeclared
  : Value extends readonly (infer Item)[]
    ? Key extends `${number}`
      ? Item | undefined
      : Undeclared
    : Value extends object
      ? Key extends keyof Value
        ? Value[Key]
        : Undeclared
      : Value extends undefined
        ? undefined
        : Undeclared

type Unescaped<Token extends string> = Token extends `${infer Before}~1${infer After}`
  ? `${Unescaped<Before>}/${Unescaped<After>}`
  : Token extends `${infer Before}~0${infer After}`
    ? `${Before}~${Unescaped<After>}`
    : Token

/** A merge patch: any part of the settings; null unsets, an array is replaced as a whole. */
export type PatchOf<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]?: PatchOf<Exclude<Value[Key], undefined>> | null }
    : Value
