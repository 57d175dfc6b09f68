import type { RuleBroken } from '../../events/map.ts'
import { toSettingsError } from '../../model/errors.ts'
import { parseUntrustedJson } from '../../model/json.ts'
import type { Namespace } from '../../model/namespace.ts'
import { type Json, type JsonObject, pointerToken, setMember } from '../../model/value.ts'
import { nearest } from '../nearest.ts'
import { declaredPlaces, type Place } from './declared-places.ts'
import { DATA_DEPTH, nestsWithin } from './extent.ts'
import { mergeLayers } from './layers.ts'
import type { SchemaDocument } from './schema-document.ts'

/*
 * The highest layer: `KYTOS_SETTINGS__<username>__<name>__<key>[__<key>...]`, read once, at start. Names match ignoring case, with "-" and "." written "_".
 *
 * Invariant: what counts of it depends on the variables, the schemas in use and the layers below, and not on the order in which they came to be known.
 */

/** A variable that has found its place. */
export interface EnvironmentValue {
  readonly variable: string
  /** JSON Pointer. */
  readonly pointer: string
  readonly value: Json
  /** As an overrides document of its own. */
  readonly overrides: JsonObject
}

/** Layers with the environment on top. */
export interface Overlay {
  readonly data: JsonObject
  readonly values: readonly EnvironmentValue[]
  /** Why variables do not count on top of these layers; one sentence each. */
  readonly rejected: readonly string[]
}

interface Variable {
  readonly name: string
  /** The name after the prefix, as names are compared. */
  readonly tail: string
  readonly text: string
}

/** What the variables mean to one namespace. */
interface Matched {
  readonly schema: SchemaDocument | undefined
  readonly values: readonly EnvironmentValue[]
  readonly problems: readonly string[]
}

const PREFIX = 'kytos_settings__'
const NOTHING: Matched = { schema: undefined, values: [], problems: [] }

/** The variables of one process that are settings. */
export class Environment {
  readonly #variables: readonly Variable[]
  readonly #matched = new Map<Namespace, Matched>()
  /** Which namespaces have a place for a variable. */
  readonly #claims = new Map<string, Set<Namespace>>()
  readonly #unsettled = new Set<Namespace>()

  constructor(variables: Readonly<Record<string, string | undefined>> = {}) {
    this.#variables = Object.entries(variables).flatMap(([name, text]) => {
      const tail = comparable(name)
      return text !== undefined && tail.startsWith(PREFIX) ? [{ name, tail: tail.slice(PREFIX.length), text }] : []
    })
  }

  /** The layers below with what counts of the environment on top; a variable that would break a rule there is left out. */
  overlay(namespace: Namespace, schema: SchemaDocument | undefined, below: JsonObject): Overlay {
    const values = this.#match(namespace, schema).values.filter(({ variable }) => (this.#claims.get(variable)?.size ?? 0) < 2)
    if (values.length === 0 || !schema) return { data: below, values: [], rejected: [] }
    const known = schema.validate(below)
    const added = (data: JsonObject): readonly RuleBroken[] => schema.validate(data).filter(rule => !known.some(one => isSameRule(one, rule)))
    const all = mergeLayers([below, ...values.map(({ overrides }) => overrides)])
    if (added(all).length === 0) return { data: all, values, rejected: [] }
    const accepted: EnvironmentValue[] = []
    const rejected: string[] = []
    let data = below
    for (const value of values) {
      const next = mergeLayers([data, value.overrides])
      const [broken] = added(next)
      if (broken) rejected.push(`${value.variable} does not count: "${namespace}" does not allow it (${broken.rule} at "${broken.pointer || '/'}").`)
      else {
        accepted.push(value)
        data = next
      }
    }
    return { data, values: accepted, rejected }
  }

  /** The namespaces that have to be looked at again, since a variable turned out to have a place in another one too. */
  takeUnsettled(): readonly Namespace[] {
    const found = [...this.#unsettled]
    this.#unsettled.clear()
    return found
  }

  /** Why variables do not count, whatever the layers below; one sentence each. `namespaces` are all that there are. */
  problems(namespaces: readonly Namespace[]): readonly string[] {
    const unplaced = this.#variables.filter(({ name }) => !this.#claims.get(name)?.size)
    const shared = [...this.#claims].filter(([, claims]) => claims.size > 1)
    return [
      ...unplaced.map(variable => this.#explainUnplaced(variable, namespaces)),
      ...shared.map(([name, claims]) => `${name} does not count: it is ambiguous, for it names a setting of ${[...claims].sort().join(' and of ')}.`),
      ...[...this.#matched.values()].flatMap(({ problems }) => problems),
    ]
  }

  #match(namespace: Namespace, schema: SchemaDocument | undefined): Matched {
    if (this.#variables.length === 0) return NOTHING
    const known = this.#matched.get(namespace)
    if (known && known.schema === schema) return known
    const lead = leadOf(namespace)
    const own = this.#variables.filter(({ tail }) => tail.startsWith(lead))
    const matched = own.length === 0 || !schema ? { ...NOTHING, schema } : this.#place(namespace, schema, own)
    this.#matched.set(namespace, matched)
    return matched
  }

  #place(namespace: Namespace, schema: SchemaDocument, variables: readonly Variable[]): Matched {
    const places = declaredPlaces(schema, comparable)
    const lead = leadOf(namespace)
    const values: EnvironmentValue[] = []
    const problems: string[] = []
    for (const { name, tail, text } of variables) {
      const found = places.get(tail.slice(lead.length)) ?? []
      this.#claim(name, namespace, found.length > 0)
      const [place] = found
      if (!place) continue
      const twins = variables.filter(other => other.tail === tail)
      if (found.length > 1)
        problems.push(`${name} does not count: it is ambiguous, for it names ${found.map(pointerOf).join(' and ')} of "${namespace}".`)
      else if (twins.length > 1) problems.push(`${name} does not count: ${twins.map(twin => twin.name).join(' and ')} name the same setting.`)
      else {
        const read = readValue(text, place)
        if ('problem' in read) problems.push(`${name} does not count: ${pointerOf(place)} of "${namespace}" ${read.problem}`)
        else values.push({ variable: name, pointer: pointerOf(place), value: read.value, overrides: nest(place.path, read.value) })
      }
    }
    // What is meant for a part stands above what is meant for the whole of it.
    values.sort((a, b) => (a.pointer < b.pointer ? -1 : 1))
    return { schema, values, problems }
  }

  #claim(variable: string, namespace: Namespace, isPlaced: boolean): void {
    const claims = this.#claims.get(variable) ?? new Set()
    const before = claims.size
    if (isPlaced) claims.add(namespace)
    else claims.delete(namespace)
    this.#claims.set(variable, claims)
    if (before > 1 !== claims.size > 1) for (const other of claims) if (other !== namespace) this.#unsettled.add(other)
  }

  #explainUnplaced({ name, tail }: Variable, namespaces: readonly Namespace[]): string {
    const owner = namespaces.find(namespace => tail.startsWith(leadOf(namespace)))
    const near = owner ? undefined : nearest(tail.split('__').slice(0, 2).join('/'), namespaces)
    if (!owner) return `${name} does not count: there are no settings of such a name here${near ? `; the nearest is "${near}"` : ''}.`
    const { schema } = this.#matched.get(owner) ?? NOTHING
    if (!schema) return `${name} does not count: "${owner}" has no schema, which would say what it means.`
    const names = [...declaredPlaces(schema, comparable).keys()]
    const key = nearest(tail.slice(leadOf(owner).length), names)
    return `${name} does not count: "${owner}" has no such setting${key ? `; the nearest is ${(PREFIX + leadOf(owner) + key).toUpperCase()}` : ''}.`
  }
}

/** How names are compared: ignoring case, "-" and "." being "_". */
function comparable(name: string): string {
  return name.toLowerCase().replace(/[-.]/g, '_')
}

function leadOf(namespace: Namespace): string {
  return `${comparable(namespace).replace('/', '__')}__`
}

function pointerOf({ path }: Place): string {
  return path.map(pointerToken).join('')
}

/** The text says nothing of itself in an error: it may be a secret. */
function readValue(text: string, { path, texts }: Place): { readonly value: Json } | { readonly problem: string } {
  if (texts === 'only') return { value: text }
  try {
    const value = parseUntrustedJson(text)
    return nestsWithin(value, DATA_DEPTH - path.length) ? { value } : { problem: `nests deeper than ${DATA_DEPTH} levels.` }
  } catch (error) {
    if (texts === 'also') return { value: text }
    return { problem: `takes JSON, such as 5, true or ["a"], and this is none: ${toSettingsError(error).message}` }
  }
}

function nest(path: readonly string[], value: Json): JsonObject {
  const [key = '', ...rest] = path
  const object: JsonObject = {}
  setMember(object, key, rest.length === 0 ? value : nest(rest, value))
  return object
}

function isSameRule(one: RuleBroken, other: RuleBroken): boolean {
  return one.rule === other.rule && one.pointer === other.pointer
}
