import { SettingsError } from '../../model/errors.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { type References, referencesOf } from './references.ts'

/** The subschemas that a walk visits, each as often as references lead to it. */
const MAX_SUBSCHEMAS = 10_000

/**
 * Walks through a schema and its local references. Each subschema is visited wherever it is referred to,
 * except inside itself. A schema that expands to more than 10,000 subschemas is refused, so that a few lines
 * of references to references do not keep a controller busy.
 */
export class SchemaWalk {
  readonly #references: References
  readonly #open = new Set<JsonObject>()
  #left = MAX_SUBSCHEMAS

  constructor(root: JsonObject) {
    this.#references = referencesOf(root)
  }

  /**
   * Returns the result of `visit` for a subschema; undefined for another value, or inside that subschema.
   * @throws SettingsError SCHEMA_MALFORMED.
   */
  enter<Result>(schema: Json | undefined, visit: (schema: JsonObject) => Result): Result | undefined {
    if (!isObject(schema) || this.#open.has(schema)) return undefined
    if (this.#left-- <= 0) {
      throw new SettingsError(
        'SCHEMA_MALFORMED',
        `The schema expands to more than ${MAX_SUBSCHEMAS} subschemas. Use fewer references, or a less detailed schema.`,
      )
    }
    this.#open.add(schema)
    try {
      return visit(schema)
    } finally {
      this.#open.delete(schema)
    }
  }

  /** The subschemas that apply to the same value as this one: the targets of its references, then `allOf`. */
  appliedWith(schema: JsonObject): readonly Json[] {
    return [...this.#references.targetsOf(schema), ...(isArray(schema.allOf) ? schema.allOf : [])]
  }
}
