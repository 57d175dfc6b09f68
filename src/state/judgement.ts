import type { RuleBroken } from '../../events/changes.ts'
import { mergeLayers } from '../../model/merge.ts'
import { isObject, type Json, type JsonObject, pointerTo, setMember } from '../../model/value.ts'
import { doesCount, isAboutMissing, ruleIdentity } from '../schema/counting-rules.ts'
import { type Budget, searchBudget } from '../schema/step-meter.ts'
import { BUDGET, type Validate } from '../schema/validator.ts'
import { compareBytes, countValues, memberAt, nested, type Path, sorted, withoutMembers } from './members.ts'

/*
 * Overrides that break the schema lose only the members to blame.
 *
 * Invariants:
 *  1. The result depends on the schema and on the values of the layers only, not on the order of their
 *     members or of the broken rules. Members are tried in the byte order of their pointers.
 *  2. The members that count break no rule that is not broken without them, except rules about what is
 *     missing: no member is to blame for these.
 *  3. A member is left out only for a rule that the overrides break. The document itself is never left out,
 *     unless its validation exceeds the budget of steps.
 *  4. At most {@link MAX_VALIDATIONS} validations a document, and a bounded number of steps in all of them,
 *     with the merge of the layers before each; a member that is not tried by then is left out with rule
 *     `budget`.
 */

/** The validations that one document may take. */
export const MAX_VALIDATIONS = 512

/** The overrides of one scope, judged on top of what counts below it. */
export interface Judgement {
  /** The members that count. */
  readonly counts: JsonObject
  /** By pointer; empty when the overrides and the layers below match the schema. */
  readonly rejected: readonly Rejection[]
}

/** A member that is left out, or a rule that is broken although all members count. */
export interface Rejection {
  readonly pointer: string
  readonly isLeftOut: boolean
  readonly rule: string
  readonly message: string
  /** The identity of the rule, see {@link ruleIdentity}. */
  readonly identity: string
}

/** Judges the overrides of one scope on what counts below it. */
export function judgeOverrides(validate: Validate, below: JsonObject, stored: JsonObject): Judgement {
  const broken = validate(mergeLayers([below, stored]))
  const [first] = broken
  if (!first) return { counts: stored, rejected: [] }
  if (first.rule === BUDGET) return { counts: {}, rejected: [rejectionOf(first, '')] }
  return new Judge(validate, below, stored).judge()
}

/** The steps of merging, copying and printing one value for a validation: 1.2 us; a step is about 10 ns. */
const MERGED_VALUE_STEPS = 120

const NOT_TRIED: RuleBroken = {
  pointer: '',
  rule: BUDGET,
  expected: MAX_VALIDATIONS,
  message: `The search for the members to blame takes more than ${MAX_VALIDATIONS} validations, or too many steps.`,
}

/** The search in overrides that break a rule. */
class Judge {
  readonly #validate: Validate
  readonly #below: JsonObject
  readonly #known: ReadonlySet<string>
  readonly #budget: Budget = searchBudget()
  readonly #rejected: Rejection[] = []
  /** The steps that one merge of the layers takes at most. */
  readonly #mergeSteps: number
  #counts: JsonObject
  // The overrides were validated once before the search.
  #validations = 1
  #isExceeded = false
  /** The last validation, because the next step often asks about the same members. */
  #last: { readonly overrides: JsonObject; readonly broken: readonly RuleBroken[] } | undefined

  constructor(validate: Validate, below: JsonObject, stored: JsonObject) {
    this.#validate = validate
    // In one order of members, because a list of broken rules has a limit.
    this.#below = sorted(below)
    this.#counts = sorted(stored)
    this.#mergeSteps = MERGED_VALUE_STEPS * (countValues(below) + countValues(stored))
    this.#known = new Set(this.#broken({}).map(ruleIdentity))
  }

  judge(): Judgement {
    this.#leaveOutBlamed()
    if (!this.#isExceeded && this.#newlyBroken(this.#counts).length > 0) this.#putBack()
    const leftOut = outermost(this.#rejected)
    const remaining = this.#broken(this.#counts)
    const rejected = [...leftOut, ...remaining.map(rule => rejectionOf(rule))]
    return { counts: this.#counts, rejected: rejected.sort(inOrder) }
  }

  /** Leaves out the members at which newly broken rules point, until no rule points at one. */
  #leaveOutBlamed(): void {
    for (;;) {
      const blamed = new Map<string, { readonly path: Path; readonly rule: RuleBroken }>()
      for (const rule of this.#newlyBroken(this.#counts)) {
        const path = memberAt(this.#counts, rule.pointer)
        const pointer = pointerTo(path)
        if (path.length > 0 && !blamed.has(pointer)) blamed.set(pointer, { path, rule })
      }
      if (this.#isExceeded) {
        for (const key of Object.keys(this.#counts)) this.#leaveOut([key], NOT_TRIED)
        this.#counts = {}
        return
      }
      if (blamed.size === 0) return
      for (const { path, rule } of blamed.values()) this.#leaveOut(path, rule)
      this.#counts = withoutMembers(
        this.#counts,
        [...blamed.values()].map(({ path }) => path),
      )
    }
  }

  /** Leaves out all members, then puts back as many as break no rule newly. */
  #putBack(): void {
    const all = this.#counts
    this.#counts = {}
    this.#tryMembers([], all)
  }

  #tryMembers(path: Path, object: JsonObject): void {
    const keys = Object.keys(object).sort((a, b) => compareBytes(pointerTo([a]), pointerTo([b])))
    this.#tryBlock(path, keys, object)
  }

  #tryBlock(path: Path, keys: readonly string[], object: JsonObject): void {
    const [key, ...others] = keys
    if (key === undefined) return
    const block: JsonObject = {}
    for (const one of keys) setMember(block, one, object[one] as Json)
    const candidate = mergeLayers([this.#counts, nested(path, block)])
    const [broken] = this.#newlyBroken(candidate)
    if (this.#isExceeded) {
      for (const one of keys) this.#leaveOut([...path, one], NOT_TRIED)
    } else if (!broken) this.#counts = candidate
    else if (others.length > 0) {
      const half = Math.ceil(keys.length / 2)
      this.#tryBlock(path, keys.slice(0, half), object)
      this.#tryBlock(path, keys.slice(half), object)
    } else this.#tryInside([...path, key], object[key] as Json, broken)
  }

  /** Puts back the members of an object that breaks a rule as a whole. */
  #tryInside(path: Path, member: Json, broken: RuleBroken): void {
    const isEntered = isObject(member) && Object.keys(member).length > 0
    const empty = isEntered ? mergeLayers([this.#counts, nested(path, {})]) : undefined
    if (!isObject(member) || !empty || this.#newlyBroken(empty).length > 0) {
      this.#leaveOut(path, this.#isExceeded ? NOT_TRIED : broken)
      return
    }
    this.#counts = empty
    this.#tryMembers(path, member)
  }

  #leaveOut(path: Path, rule: RuleBroken): void {
    this.#rejected.push(rejectionOf(rule, pointerTo(path)))
  }

  /** The rules for which members may be left out, in their order. */
  #newlyBroken(overrides: JsonObject): readonly RuleBroken[] {
    return this.#broken(overrides).filter(
      rule => !isAboutMissing(rule) && !this.#known.has(ruleIdentity(rule)),
    )
  }

  #broken(overrides: JsonObject): readonly RuleBroken[] {
    if (overrides !== this.#last?.overrides) this.#last = { overrides, broken: this.#find(overrides) }
    return this.#last.broken
  }

  #find(overrides: JsonObject): readonly RuleBroken[] {
    if (this.#validations >= MAX_VALIDATIONS || this.#budget.left <= 0) this.#isExceeded = true
    if (this.#isExceeded) return []
    this.#validations++
    this.#budget.left -= this.#mergeSteps
    const broken = this.#validate(mergeLayers([this.#below, overrides]), this.#budget).filter(doesCount)
    // The rest of the budget was too small to tell.
    if (broken[0]?.rule === BUDGET && this.#budget.left <= 0) this.#isExceeded = true
    return this.#isExceeded ? [] : [...broken].sort(compareRules)
  }
}

/** The members that are not within another one. */
function outermost(rejected: readonly Rejection[]): readonly Rejection[] {
  const pointers = new Set(rejected.map(({ pointer }) => pointer))
  return rejected.filter(({ pointer }) => {
    for (let above = parentOf(pointer); above !== ''; above = parentOf(above))
      if (pointers.has(above)) return false
    return true
  })
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'))
}

/** A member that is left out for a rule; without a member, the rule itself. */
export function rejectionOf(rule: RuleBroken, member?: string): Rejection {
  return {
    pointer: member ?? rule.pointer,
    isLeftOut: member !== undefined,
    rule: rule.rule,
    message: rule.message,
    identity: ruleIdentity(rule),
  }
}

function compareRules(a: RuleBroken, b: RuleBroken): number {
  return compareBytes(a.pointer, b.pointer) || compareBytes(ruleIdentity(a), ruleIdentity(b))
}

function inOrder(a: Rejection, b: Rejection): number {
  return compareBytes(a.pointer, b.pointer) || compareBytes(a.identity, b.identity)
}
