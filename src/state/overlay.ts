import type { RuleBroken } from '../../events/changes.ts'
import { mergeLayers } from '../../model/merge.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { Json, JsonObject } from '../../model/value.ts'
import { doesCount, isAboutMissing, ruleIdentity } from '../schema/counting-rules.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { sharedBudget } from '../schema/step-meter.ts'
import { type Rejection, rejectionOf } from './judgement.ts'
import type { JudgedScope } from './rejected-list.ts'

/** A variable with its place in the settings. */
export interface EnvironmentValue {
  readonly variable: string
  /** JSON Pointer. */
  readonly pointer: string
  readonly value: Json
  /** As an overrides document of its own. */
  readonly overrides: JsonObject
  /** The same with the text as a string, where that is possible too. */
  readonly asText?: EnvironmentValue
}

/** Layers with the environment on top. */
export interface Overlay {
  readonly data: JsonObject
  readonly values: readonly EnvironmentValue[]
  /** The reasons why variables are ignored on top of these layers, one sentence each. */
  readonly rejected: readonly string[]
  /** The values that are left out, and rules that are broken although all count; undefined without values. */
  readonly judged: JudgedScope | undefined
}

/**
 * Lays the values over the layers below: all of them where the schema allows it, else as many as it allows.
 * Values at which a broken rule points are left out first.
 */
export function layOver(
  namespace: Namespace,
  schema: SchemaDocument,
  below: JsonObject,
  values: readonly EnvironmentValue[],
): Overlay {
  const budget = sharedBudget()
  const known = new Set(schema.validate(below, budget).filter(doesCount).map(ruleIdentity))
  const rejections: Rejection[] = []
  const merge = (some: readonly EnvironmentValue[], under = below): JsonObject =>
    mergeLayers([under, ...some.map(({ overrides }) => overrides)])
  const added = (some: readonly EnvironmentValue[]): readonly RuleBroken[] =>
    schema
      .validate(merge(some), budget)
      .filter(rule => doesCount(rule) && !isAboutMissing(rule) && !known.has(ruleIdentity(rule)))
  const rejected: string[] = []
  const leaveOut = (value: EnvironmentValue, broken: RuleBroken): void => {
    const { rule, pointer } = broken
    rejections.push(rejectionOf(broken, value.pointer))
    rejected.push(
      `Ignored ${value.variable}: its value does not match the schema of "${namespace}" (${rule} at "${pointer || '/'}").`,
    )
  }
  let counting = values
  for (let broken = added(counting); broken.length > 0; broken = added(counting)) {
    const blamed = new Map(
      counting.flatMap(value =>
        [broken.find(rule => isAbout(rule, value))].flatMap(rule => (rule ? [[value, rule]] : [])),
      ),
    )
    if (blamed.size === 0) break
    counting = counting.flatMap(value => {
      const rule = blamed.get(value)
      if (!rule) return [value]
      // A text that looks like JSON may be meant as a string.
      if (value.asText) return [value.asText]
      leaveOut(value, rule)
      return []
    })
  }
  if (added(counting).length > 0) {
    // No rule points at a value, so values are kept in the order of their places while no rule is broken.
    const together: EnvironmentValue[] = []
    for (const value of counting) {
      const [broken] = added([...together, value])
      if (broken) leaveOut(value, broken)
      else together.push(value)
    }
    counting = together
  }
  const data = merge(counting)
  const remaining = schema.validate(data, budget).filter(doesCount)
  return {
    data,
    values: counting,
    rejected,
    judged: {
      scope: 'environment',
      stored: merge(values, {}),
      rejected: [...rejections, ...remaining.map(rule => rejectionOf(rule))],
    },
  }
}

/** True when a broken rule points at this value, or into it. */
function isAbout({ pointer }: RuleBroken, { pointer: place }: EnvironmentValue): boolean {
  return pointer === place || pointer.startsWith(`${place}/`)
}
