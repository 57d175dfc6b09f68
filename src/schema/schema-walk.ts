import { SettingsError } from '../../model/errors.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'

/** The most subschemas that are looked at, each as often as references lead to it. */
const MAX_SUBSCHEMAS = 10_000
/** A place whose pointer is longer counts for several, because it is kept with what is found there. */
const PATH_CHARACTERS = 256

/**
 * Goes through a schema and its local references. Each subschema is looked at wherever it is referred to,
 * except inside itself; a schema that unfolds into more than 10,000 of them is refused, so that a few lines
 * of references to references do not keep a controller busy.
 */
export class SchemaWalk {
  readonly #root: JsonObject
  readonly #open = new Set<JsonObject>()
  #left = MAX_SUBSCHEMAS

  constructor(root: JsonObject) {
    this.#root = root
  }

  /**
   * What `visit` makes of a subschema; undefined for what is none, or when this is inside it already. `path`
   * is the place that it is visited for.
   * @throws SettingsError SCHEMA_MALFORMED.
   */
  enter<Result>(
    schema: Json | undefined,
    visit: (schema: JsonObject) => Result,
    path = '',
  ): Result | undefined {
    if (!isObject(schema) || this.#open.has(schema)) return undefined
    this.spend(1 + Math.floor(path.length / PATH_CHARACTERS))
    this.#open.add(schema)
    try {
      return visit(schema)
    } finally {
      this.#open.delete(schema)
    }
  }

  /**
   * Counts work beside the visits as if it were some.
   * @throws SettingsError SCHEMA_MALFORMED.
   */
  spend(visits: number): void {
    this.#left -= visits
    if (this.#left < 0) {
      throw new SettingsError(
        'SCHEMA_MALFORMED',
        `The schema expands to more than ${MAX_SUBSCHEMAS} subschemas. Use fewer references, or a less detailed schema.`,
      )
    }
  }

  /**
   * The subschemas that hold for the same value as this one: what its `$ref` points to, then its `allOf`, in
   * that order.
   */
  appliedWith(schema: JsonObject): readonly Json[] {
    const referred = typeof schema.$ref === 'string' ? resolveLocal(schema.$ref, this.#root) : undefined
    return [...(referred === undefined ? [] : [referred]), ...(isArray(schema.allOf) ? schema.allOf : [])]
  }
}

/**
 * What a reference within a schema (`#/$defs/x`) points to; undefined for any other reference and for a place
 * that is not there.
 */
export function resolveLocal(reference: string, root: JsonObject): Json | undefined {
  if (reference === '#') return root
  if (!reference.startsWith('#/') || /%(?![0-9A-Fa-f]{2})/.test(reference)) return undefined
  let at: Json | undefined = root
  for (const token of reference.slice(2).split('/')) {
    const key = decodeToken(token)
    if (isArray(at)) at = /^\d+$/.test(key) ? at[Number(key)] : undefined
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

function decodeToken(token: string): string {
  try {
    return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return token // escapes that are no UTF-8 name nothing; ajv refuses such a reference
  }
}
