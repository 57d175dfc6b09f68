import type { RuleBroken } from '../../events/changes.ts'
import { INVALID_SEAL, isArray, isObject, isSealed, type Json, pointerToken } from '../../model/value.ts'
import { explainedRule, ruleIdentity } from './counting-rules.ts'
import type { Validate } from './validator.ts'

/** The rule of a sealed text that is damaged, or was moved from another place. */
export const SEALED = 'sealed'

/**
 * A validation that accepts every sealed value. So neither its result nor its time depends on a stored secret,
 * and both are the same on every controller. Plain values are validated when they are set. Only a sealed text
 * that cannot be a value of its place breaks a rule.
 */
export function ignoreSealed(validate: Validate): Validate {
  return (data, budget) => {
    const rules = validate(data, budget)
    if (!hasSealed(data)) return rules
    const found: SealedValue[] = []
    findSealed(data, '', found)
    const invalid = found.filter(({ text }) => text.startsWith(INVALID_SEAL)).map(sealBroken)
    if (rules.length === 0) return invalid
    const ignored = rules.filter(({ pointer }) => found.some(one => isAtOrBelow(pointer, one.pointer)))
    const gone = new Set(ignored.flatMap(rule => explainedRule(rule) ?? []))
    const kept = rules.filter(
      rule =>
        !ignored.includes(rule) && !gone.has(ruleIdentity(rule)) && !gone.has(explainedRule(rule) ?? ''),
    )
    return [...kept, ...invalid]
  }
}

interface SealedValue {
  readonly pointer: string
  readonly text: string
}

/** True when there is a sealed value; most documents have none, and pointers to all values would cost more. */
function hasSealed(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isSealed(value)) return true
  if (isArray(value)) return value.some(hasSealed)
  for (const key of Object.keys(value)) if (hasSealed(value[key] as Json)) return true
  return false
}

function findSealed(value: Json, pointer: string, found: SealedValue[]): void {
  if (isSealed(value)) found.push({ pointer, text: value.$sealed })
  else if (isArray(value)) for (const [i, item] of value.entries()) findSealed(item, `${pointer}/${i}`, found)
  else if (isObject(value))
    for (const key of Object.keys(value)) findSealed(value[key] as Json, pointer + pointerToken(key), found)
}

function sealBroken({ pointer }: SealedValue): RuleBroken {
  const message = `"${pointer}" has a sealed value that cannot be used: it was damaged, or copied from another place. Set the value again.`
  return { pointer, rule: SEALED, message }
}

function isAtOrBelow(pointer: string, above: string): boolean {
  return pointer === above || pointer.startsWith(`${above}/`)
}
