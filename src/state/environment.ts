import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { DATA_DEPTH, nestsWithin } from '../../model/extent.ts'
import { parseUntrustedJson } from '../../model/json.ts'
import type { Namespace } from '../../model/namespace.ts'
import { nearest } from '../../model/nearest.ts'
import { type Json, type JsonObject, pointerToken, setMember } from '../../model/value.ts'
import { type DeclaredPlace, declaredPlaces } from '../schema/declared-places.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { type EnvironmentValue, layOver, type Overlay } from './overlay.ts'

/*
 * The highest layer: `KYTOS_SETTINGS__<username>__<name>__<key>[__<key>...]`, read once, at start. Names
 * match ignoring case, with "-" and "." written "_".
 *
 * Invariant: the variables in force depend on all variables, the schemas in use and the layers below, and not
 * on the order in which these became known.
 */

interface Variable {
  readonly name: string
  /** The name after the prefix, as names are compared. */
  readonly tail: string
  readonly text: string
}

/** The variables as one namespace reads them. */
interface Matched {
  readonly schema: SchemaDocument | undefined
  readonly values: readonly EnvironmentValue[]
  readonly problems: readonly string[]
}

const PREFIX = 'kytos_settings__'
const NO_MATCH: Matched = { schema: undefined, values: [], problems: [] }

/** The environment variables of this process that are settings. */
export class Environment {
  readonly #variables: readonly Variable[]
  readonly #matched = new Map<Namespace, Matched>()
  /** The namespaces that have a place for a variable, by its name. */
  readonly #claims = new Map<string, Set<Namespace>>()
  readonly #unsettled = new Set<Namespace>()

  constructor(variables: Readonly<Record<string, string | undefined>> = {}) {
    this.#variables = Object.entries(variables).flatMap(([name, text]) => {
      const tail = comparable(name)
      return text !== undefined && tail.startsWith(PREFIX)
        ? [{ name, tail: tail.slice(PREFIX.length), text }]
        : []
    })
  }

  /** The layers below with the environment on top; a variable that would break a rule there is ignored. */
  overlay(namespace: Namespace, schema: SchemaDocument | undefined, below: JsonObject): Overlay {
    const values = this.#match(namespace, schema).values.filter(
      ({ variable }) => (this.#claims.get(variable)?.size ?? 0) < 2,
    )
    if (values.length === 0 || !schema) return { data: below, values: [], rejected: [], judged: undefined }
    return layOver(namespace, schema, below, values)
  }

  /**
   * Returns and clears the namespaces to be recomputed, because a variable has a place in another one too.
   */
  takeUnsettled(): readonly Namespace[] {
    const found = [...this.#unsettled]
    this.#unsettled.clear()
    return found
  }

  /** Marks a namespace to be recomputed again, after an attempt that failed. */
  unsettle(namespace: Namespace): void {
    this.#unsettled.add(namespace)
  }

  get isEmpty(): boolean {
    return this.#variables.length === 0
  }

  /**
   * The reasons why variables are ignored regardless of the layers below, one sentence each. `namespaces` are
   * all that exist.
   */
  problems(namespaces: readonly Namespace[]): readonly string[] {
    const unplaced = this.#variables.filter(({ name }) => !this.#claims.get(name)?.size)
    const shared = [...this.#claims].filter(([, claims]) => claims.size > 1)
    return [
      ...unplaced.map(variable => this.#explainUnplaced(variable, namespaces)),
      ...shared.map(
        ([name, claims]) =>
          `Ignored ${name}: it is ambiguous, because it matches a setting of ${[...claims].sort().join(' and of ')}.`,
      ),
      ...[...this.#matched.values()].flatMap(({ problems }) => problems),
    ]
  }

  #match(namespace: Namespace, schema: SchemaDocument | undefined): Matched {
    if (this.#variables.length === 0) return NO_MATCH
    const known = this.#matched.get(namespace)
    if (known && known.schema === schema) return known
    const prefix = prefixOf(namespace)
    const own = this.#variables.filter(({ tail }) => tail.startsWith(prefix))
    if (own.length === 0) return NO_MATCH
    if (!schema) {
      // The claims of the removed schema end.
      for (const { name } of own) this.#claim(name, namespace, false)
      this.#matched.delete(namespace)
      return NO_MATCH
    }
    const matched = this.#place(namespace, schema, own)
    this.#matched.set(namespace, matched)
    return matched
  }

  #place(namespace: Namespace, schema: SchemaDocument, variables: readonly Variable[]): Matched {
    const places = placesOf(schema)
    const prefix = prefixOf(namespace)
    const values: EnvironmentValue[] = []
    const problems: string[] = []
    for (const { name, tail, text } of variables) {
      const found = places.get(tail.slice(prefix.length)) ?? []
      this.#claim(name, namespace, found.length > 0)
      const [place] = found
      if (!place) continue
      const twins = variables.filter(other => other.tail === tail)
      if (found.length > 1)
        problems.push(
          `Ignored ${name}: it is ambiguous, because it matches ${found.map(pointerOf).join(' and ')} of "${namespace}".`,
        )
      else if (twins.length > 1)
        problems.push(
          `Ignored ${name}: ${twins.map(twin => twin.name).join(' and ')} match the same setting. Keep one of them.`,
        )
      else {
        const read = readValue(text, place)
        if ('problem' in read)
          problems.push(`Ignored ${name}: ${pointerOf(place)} of "${namespace}" ${read.problem}`)
        else values.push(placed(name, place, read.value, read.text))
      }
    }
    // A variable for a part takes precedence over one for the whole.
    values.sort((a, b) => (a.pointer < b.pointer ? -1 : 1))
    return { schema, values, problems }
  }

  #claim(variable: string, namespace: Namespace, isPlaced: boolean): void {
    const claims = this.#claims.get(variable) ?? new Set()
    const before = claims.size
    if (isPlaced) claims.add(namespace)
    else claims.delete(namespace)
    this.#claims.set(variable, claims)
    if (before > 1 !== claims.size > 1)
      for (const other of claims) if (other !== namespace) this.#unsettled.add(other)
  }

  #explainUnplaced({ name, tail }: Variable, namespaces: readonly Namespace[]): string {
    const owner = namespaces.find(namespace => tail.startsWith(prefixOf(namespace)))
    const near = owner ? undefined : nearest(tail.split('__').slice(0, 2).join('/'), namespaces)
    if (!owner)
      return `Ignored ${name}: no namespace has this name${near ? `; did you mean "${near}"?` : '.'}`
    const { schema } = this.#matched.get(owner) ?? NO_MATCH
    if (!schema) return `Ignored ${name}: "${owner}" has no schema. Its NApp registers one when it starts.`
    const names = [...placesOf(schema).keys()]
    const key = nearest(tail.slice(prefixOf(owner).length), names)
    return `Ignored ${name}: "${owner}" has no such setting${key ? `; did you mean ${(PREFIX + prefixOf(owner) + key).toUpperCase()}?` : '.'}`
  }
}

function placed(variable: string, place: DeclaredPlace, value: Json, text?: string): EnvironmentValue {
  const one = { variable, pointer: pointerOf(place), value, overrides: nest(place.path, value) }
  return text === undefined ? one : { ...one, asText: placed(variable, place, text) }
}

/**
 * The places by name; none for a schema that expands to too many subschemas, so its variables are ignored.
 */
function placesOf(schema: SchemaDocument): ReadonlyMap<string, readonly DeclaredPlace[]> {
  try {
    return declaredPlaces(schema, comparable)
  } catch (error) {
    if (isSettingsError(error, 'SCHEMA_MALFORMED')) return new Map()
    throw error
  }
}

/** A name for comparison: in lower case, with "_" for "-" and ".". */
function comparable(name: string): string {
  return name.toLowerCase().replace(/[-.]/g, '_')
}

function prefixOf(namespace: Namespace): string {
  return `${comparable(namespace).replace('/', '__')}__`
}

function pointerOf({ path }: DeclaredPlace): string {
  return path.map(pointerToken).join('')
}

/** Parses a text as a value for a place. Errors do not contain the text, because it may be a secret. */
function readValue(
  text: string,
  { path, texts }: DeclaredPlace,
): { readonly value: Json; readonly text?: string } | { readonly problem: string } {
  if (texts === 'only') return { value: text }
  try {
    const value = parseUntrustedJson(text)
    if (!nestsWithin(value, DATA_DEPTH - path.length))
      return { problem: `nests deeper than ${DATA_DEPTH} levels.` }
    return texts === 'also' ? { value, text } : { value }
  } catch (error) {
    if (texts === 'also') return { value: text }
    return { problem: `requires JSON, such as 5, true or ["a"]: ${toSettingsError(error).message}` }
  }
}

function nest(path: readonly string[], value: Json): JsonObject {
  const [key = '', ...rest] = path
  const object: JsonObject = {}
  setMember(object, key, rest.length === 0 ? value : nest(rest, value))
  return object
}
