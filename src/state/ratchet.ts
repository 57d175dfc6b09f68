import type { RuleBroken } from '../../events/changes.ts'
import { mergeLayers } from '../../model/merge.ts'
import { equalJson, isObject, type JsonObject } from '../../model/value.ts'
import { doesCount, explainedRule, ruleIdentity } from '../schema/counting-rules.ts'
import { valueAt } from '../schema/exact-keywords.ts'
import { BUDGET, type Validate } from '../schema/validator.ts'

/*
 * The rules for which a change of overrides is refused.
 *
 * Invariants:
 *  1. A change never breaks a rule that was not broken before it.
 *  2. A change is never refused for a value that it leaves as it was.
 *  3. A first document satisfies all rules, except those that the scopes below break.
 *  4. Overrides whose validation exceeds the budget of steps are refused, because no rule of them is known.
 */

/** Overrides of one scope, and the layers in force below it. */
export interface ScopeContent {
  readonly below: JsonObject
  readonly overrides: JsonObject
}

export interface ScopeChange {
  /** As stored before the change; undefined where the scope has no document. */
  readonly before: ScopeContent | undefined
  readonly after: ScopeContent
  /** True when a scope below has a document, whose broken rules a first document may leave broken. */
  readonly hasLowerScope: boolean
}

/** The rules that the change breaks, with the rules that explain them; empty when it is allowed. */
export function rulesRefused(validate: Validate, change: ScopeChange): readonly RuleBroken[] {
  const { before, after } = change
  const broken = validate(mergeLayers([after.below, after.overrides]))
  if (broken.length === 0 || broken[0]?.rule === BUDGET) return broken
  const known = new Set(brokenBefore(validate, change).filter(doesCount).map(ruleIdentity))
  const isForgiven = (rule: RuleBroken): boolean =>
    known.has(ruleIdentity(rule)) && !isChanged(rule, before?.overrides ?? {}, after.overrides)
  const refused = new Set(
    broken.flatMap(rule => (doesCount(rule) && !isForgiven(rule) ? [ruleIdentity(rule)] : [])),
  )
  return broken.filter(rule =>
    refused.has(doesCount(rule) ? ruleIdentity(rule) : (explainedRule(rule) ?? '')),
  )
}

function brokenBefore(validate: Validate, { before, after, hasLowerScope }: ScopeChange) {
  if (before) return validate(mergeLayers([before.below, before.overrides]))
  return hasLowerScope ? validate(after.below) : []
}

/** True when the change sets another scalar or array at the pointer of a rule. */
function isChanged({ pointer }: RuleBroken, before: JsonObject, after: JsonObject): boolean {
  const value = valueAt(after, pointer)
  return value !== undefined && !isObject(value) && !equalJson(valueAt(before, pointer), value)
}
