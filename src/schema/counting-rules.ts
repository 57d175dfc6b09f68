import type { ErrorObject } from 'ajv/dist/2020.js'
import type { RuleBroken } from '../../events/changes.ts'
import { isArray, isObject, type Json } from '../../model/value.ts'
import { valueAt } from './exact-keywords.ts'

/*
 * The rules of a validation that decide which values are to blame.
 *
 * Invariants:
 *  1. A rule is identified by its place in the schema and its pointer into the data, never by its message.
 *  2. A broken `anyOf`, `oneOf`, `not` or `contains` is one rule: the rules of its branches at or below its
 *     pointer do not count, also those behind a reference. `if` never counts.
 *  3. An unevaluated member counts only once nothing else is broken below the same subschema, because every
 *     member of a subschema that fails is unevaluated.
 */

/** The parts of a rule that answers do not show. */
interface RuleTraits {
  /** Its place in the schema. */
  readonly place: string
  readonly counts: boolean
  /** True for a rule about what is missing: no stored value is to blame for it. */
  readonly isAboutMissing: boolean
  /** The keyword whose branch this rule is of, as its identity; undefined for a rule that counts. */
  readonly branchOf: string | undefined
}

const traits = new WeakMap<RuleBroken, RuleTraits>()
const COMBINATORS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'not', 'contains'])
const UNEVALUATED: ReadonlySet<string> = new Set(['unevaluatedProperties', 'unevaluatedItems'])
const MISSING: ReadonlySet<string> = new Set([
  'required',
  'dependentRequired',
  'dependencies',
  'minProperties',
  'minItems',
])

/** True for a rule that decides on its own; false for one of a branch, and for `if`. */
export function doesCount(rule: RuleBroken): boolean {
  return traits.get(rule)?.counts ?? true
}

/** True for a rule that is broken because something is missing. */
export function isAboutMissing(rule: RuleBroken): boolean {
  return traits.get(rule)?.isAboutMissing ?? MISSING.has(rule.rule)
}

/** The identity of a rule: its place in the schema and its pointer. */
export function ruleIdentity(rule: RuleBroken): string {
  return identity(traits.get(rule)?.place ?? rule.rule, rule.pointer)
}

/** The identity of the rule of which this one is an explanation. */
export function explainedRule(rule: RuleBroken): string | undefined {
  return traits.get(rule)?.branchOf
}

/** Notes the traits of described rules, each with the error of ajv that it describes. */
export function noteTraits(
  described: readonly RuleBroken[],
  errors: readonly ErrorObject[],
  root: Json,
): void {
  const branches = branchesByPointer(errors, root)
  const combined = described.map((rule, i) => {
    const error = errors[i] as ErrorObject
    return { rule, error, branchOf: branchOf(error, branches) }
  })
  const others = combined.filter(
    ({ error, branchOf }) =>
      branchOf === undefined && error.keyword !== 'if' && !UNEVALUATED.has(error.keyword),
  )
  const within = new Map<unknown, ReadonlySet<unknown>>()
  for (const { rule, error, branchOf } of combined) {
    const { keyword, schemaPath, instancePath, parentSchema } = error
    const isConsequence = (): boolean => {
      const below = within.get(parentSchema) ?? reachable(parentSchema, root)
      within.set(parentSchema, below)
      return others.some(
        other => isAtOrBelow(other.error.instancePath, instancePath) && below.has(other.error.parentSchema),
      )
    }
    traits.set(rule, {
      place: schemaPath,
      branchOf,
      counts: branchOf === undefined && keyword !== 'if' && !(UNEVALUATED.has(keyword) && isConsequence()),
      isAboutMissing: MISSING.has(keyword) || isTooFewMatches(error),
    })
  }
}

/** A broken combinator with the subschemas of its branches. */
interface Branches {
  readonly identity: string
  readonly error: ErrorObject
  readonly schemas: ReadonlySet<unknown>
}

function branchesByPointer(
  errors: readonly ErrorObject[],
  root: Json,
): ReadonlyMap<string, readonly Branches[]> {
  const found = new Map<string, Branches[]>()
  const known = new Map<unknown, ReadonlySet<unknown>>()
  for (const error of errors) {
    if (!COMBINATORS.has(error.keyword)) continue
    // ajv adds the value of its keyword to each error.
    const schemas = known.get(error.schema) ?? reachable(error.schema, root)
    known.set(error.schema, schemas)
    const one = { identity: identity(error.schemaPath, error.instancePath), error, schemas }
    const same = found.get(error.instancePath)
    if (same) same.push(one)
    else found.set(error.instancePath, [one])
  }
  return found
}

function branchOf(
  error: ErrorObject,
  branches: ReadonlyMap<string, readonly Branches[]>,
): string | undefined {
  if (branches.size === 0) return undefined
  let outermost: string | undefined
  for (let pointer = error.instancePath; ; pointer = pointer.slice(0, pointer.lastIndexOf('/'))) {
    const found = branches
      .get(pointer)
      ?.find(one => one.error !== error && isOfBranch(one, error) && !isRecursive(one, error))
    outermost = found?.identity ?? outermost
    if (pointer === '') return outermost
  }
}

function isOfBranch({ schemas, error: { schemaPath } }: Branches, error: ErrorObject): boolean {
  // A `false` schema is no object, so its place shows the branch.
  return schemas.has(error.parentSchema) || error.schemaPath.startsWith(`${schemaPath}/`)
}

/** True for a combinator that is within its own branches, at one place: neither explains the other. */
function isRecursive({ error }: Branches, other: ErrorObject): boolean {
  return other.schema === error.schema && other.instancePath === error.instancePath
}

/** True for a `contains` that found fewer items than `minContains`. */
function isTooFewMatches({ keyword, parentSchema }: ErrorObject): boolean {
  return (
    keyword === 'contains' &&
    typeof parentSchema?.minContains === 'number' &&
    parentSchema.minContains > 1 &&
    parentSchema.maxContains === undefined
  )
}

/** All objects within a part of a schema, also behind references. */
function reachable(part: unknown, root: Json): ReadonlySet<unknown> {
  const seen = new Set<unknown>()
  const open = [part]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (typeof one !== 'object' || one === null || seen.has(one)) continue
    seen.add(one)
    for (const value of Object.values(one)) open.push(value)
    const reference = '$ref' in one ? one.$ref : undefined
    if (typeof reference === 'string' && reference.startsWith('#')) open.push(resolve(root, reference))
  }
  return seen
}

function resolve(root: Json, reference: string): Json | undefined {
  try {
    const found = valueAt(root, decodeURIComponent(reference.slice(1)))
    return isObject(found) || isArray(found) ? found : undefined
  } catch {
    return undefined // not a URI: ajv has refused such a schema
  }
}

function isAtOrBelow(pointer: string, above: string): boolean {
  return pointer === above || pointer.startsWith(`${above}/`)
}

function identity(place: string, pointer: string): string {
  return `${place} ${pointer}`
}
