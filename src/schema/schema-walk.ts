import { SettingsError } from '../../model/errors.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { type References, referencesOf } from './references.ts'

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
  readonly #references: References
  readonly #open = new Set<JsonObject>()
  #left = MAX_SUBSCHEMAS

  constructor(root: JsonObject) {
    this.#references = referencesOf(root)
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

  /** The subschemas that apply to the same value as this one: the targets of its references, then `allOf`. */
  appliedWith(schema: JsonObject): readonly Json[] {
    return [...this.#references.targetsOf(schema), ...(isArray(schema.allOf) ? schema.allOf : [])]
  }
}
