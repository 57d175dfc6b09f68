import { isSealed, type Json, type JsonObject } from '../../model/value.ts'
import {
  escapeKey,
  joinPlaces,
  LEFT_OUT,
  mapSecrets,
  mapSecretsAt,
  type PlaceSchemas,
  sensitivePlaces,
  UNDECLARED,
} from './sensitive-places.ts'

/** The place that a pointer leads to. */
export interface PointerPlace {
  readonly schemas: PlaceSchemas
  readonly place: string
  /** True when the pointer leads into a secret. */
  readonly isInside: boolean
}

/**
 * The sensitive places of each namespace, from all its schemas that this process has seen.
 *
 * Invariant: a place that one schema marks stays sensitive until the process ends.
 */
export class MarkedPlaces {
  /** The sensitive places of each namespace, by the digests of its schemas. */
  readonly #schemas = new Map<string, Map<string, PlaceSchemas>>()
  readonly #places = new Map<string, PlaceSchemas>()

  #changes = 0

  /** How often a schema has marked places since the start of the process. */
  get changes(): number {
    return this.#changes
  }

  /** The namespaces of which a schema marks sensitive places. */
  get namespaces(): ReadonlySet<string> {
    return new Set(this.#places.keys())
  }

  /** True if a schema of the namespace marks a sensitive place. */
  isMarked(namespace: string): boolean {
    return this.#places.has(namespace)
  }

  /**
   * Adds the sensitive places of a schema. They stay until the process ends, because a schema that ends the
   * mark does not unseal a value.
   */
  learn(namespace: string, digest: string, schema: JsonObject): void {
    if (this.#schemas.get(namespace)?.has(digest)) return
    const places = placesOf(schema)
    const known = this.#schemas.get(namespace) ?? new Map<string, PlaceSchemas>()
    known.set(digest, places ?? UNDECLARED)
    this.#schemas.set(namespace, known)
    if (!places) return
    this.#places.set(namespace, joinPlaces([...known.values()]))
    this.#changes++
  }

  placesOf(namespace: string): PlaceSchemas {
    return this.#places.get(namespace) ?? UNDECLARED
  }

  /** True when settings have a plain value at a sensitive place. */
  hasPlain(namespace: string, data: JsonObject): boolean {
    const places = this.#places.get(namespace)
    let found = false
    if (places)
      mapSecrets(data, places, (value, _, isSensitive) => {
        if (isSensitive && !isSealed(value)) found = true
        return undefined
      })
    return found
  }

  /** The value without the secrets in it, at a place of a namespace: each is replaced by an empty mark. */
  blank(value: Json, place: string, schemas: PlaceSchemas): Json {
    const blanked = mapSecretsAt(value, place, schemas, (_, __, isSensitive) =>
      isSensitive ? { $sealed: '' } : undefined,
    )
    return blanked === LEFT_OUT ? null : blanked
  }

  /** True when a pointer leads to a secret, or into one. */
  isSecretAt(namespace: string, pointer: string): boolean {
    const { schemas, isInside } = this.placeAt(namespace, pointer)
    return schemas.isSensitive || isInside
  }

  /** The place of a pointer: a token that may be an index is taken for one where the schema has items. */
  placeAt(namespace: string, pointer: string): PointerPlace {
    let schemas = this.placesOf(namespace)
    let place = ''
    for (const token of pointer.split('/').slice(1)) {
      if (schemas.isSensitive) return { schemas, place, isInside: true }
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
      const isIndex = /^(?:\d+|-)$/.test(key)
      place += isIndex ? '/*' : `/${escapeKey(key)}`
      schemas = isIndex ? joinPlaces([schemas.item, schemas.member(key)]) : schemas.member(key)
    }
    return { schemas, place, isInside: false }
  }
}

/** The places of a schema; undefined for one that cannot be read, which is not in use. */
function placesOf(schema: JsonObject): PlaceSchemas | undefined {
  try {
    return sensitivePlaces(schema)
  } catch {
    return undefined
  }
}
