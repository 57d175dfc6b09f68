import { SettingsError } from '../../model/errors.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'

/** The subschemas that a walk visits, each as often as references lead to it. */
const MAX_SUBSCHEMAS = 10_000
/** A place with a longer pointer counts as several, because the pointer is kept with its result. */
const PATH_CHARACTERS = 256

/**
 * Walks through a schema and its local references. Each subschema is visited wherever it is referred to,
 * except inside itself. A schema that expands to more than 10,000 subschemas is refused, because a few lines
 * of references to references could otherwise block a controller.
 */
export class SchemaWalk {
  readonly #root: JsonObject
  readonly #open = new Set<JsonObject>()
  #left = MAX_SUBSCHEMAS

  constructor(root: JsonObject) {
    this.#root = root
  }

  /**
   * Returns the result of `visit` for a subschema; undefined for another value, or inside that subschema.
   * `path` is the place of the visit.
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
   * Counts other work as visits.
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

  /** The subschemas that apply to the same value as this one: the target of its `$ref`, then its `allOf`. */
  appliedWith(schema: JsonObject): readonly Json[] {
    const referred = typeof schema.$ref === 'string' ? resolveLocal(schema.$ref, this.#root) : undefined
    return [...(referred === undefined ? [] : [referred]), ...(isArray(schema.allOf) ? schema.allOf : [])]
  }
}

/**
 * The target of a reference within a schema (`#/$defs/x`); undefined for any other reference and for a target
 * that does not exist.
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
    return token // escapes that are not UTF-8 have no target; ajv rejects such a reference
  }
}
