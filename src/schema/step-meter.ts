import { _, type Ajv, type CodeGen, type KeywordCxt, Name } from 'ajv'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'

/*
 * The cost of a validation, in steps.
 *
 * Invariants:
 *  1. Steps depend on the schema and the value only, never on time, memory or the machine. So every
 *     controller accepts and refuses the same values.
 *  2. Every evaluation of a subschema is counted before it starts, by a keyword that ajv compiles into each
 *     subschema. The work of a keyword per member, character or instruction is counted too. So the work is at
 *     most a constant times the steps, and ends soon after the budget is exceeded.
 *  3. The result is bounded as well: a list of errors ends at {@link MAX_ERRORS}.
 *  4. The nesting of references is counted, in estimated bytes of the stack, and ends before the stack does.
 */

/** Steps that one validation may take: about 20 ms of ordinary rules, 100 ms of the costliest patterns. */
export const VALIDATION_STEPS = 2_000_000
/** The number of costliest validations that a search through several documents may take. */
const SHARED_VALIDATIONS = 4
/** The number of costliest validations that a search for the members to blame may take. */
const SEARCH_VALIDATIONS = 4
/** Broken rules that are collected of one document. */
export const MAX_ERRORS = 1_000
/** The cost of entering a subschema, which includes the error of a failure. */
const ENTRY_STEPS = 8
/** Instructions of a pattern times characters that count as one step. */
const INSTRUCTIONS_A_STEP = 2
/** Characters that count as one step where a keyword reads a text. */
export const CHARACTERS_A_STEP = 8
/** Longer paths make each step cost more, because errors and references carry them. */
const PATH_CHARACTERS = 128

/** Estimated bytes of the stack that nested references may take; a thread of Node has 984 KiB. */
const MAX_STACK_BYTES = 700_000
/** The stack of a compiled function: of the call, and of each keyword and name in its schema. */
const [CALL_BYTES, MEMBER_BYTES] = [256, 16]

/** Ends a validation whose references nest too deep; the same as an exhausted stack, only counted. */
export class DepthExceeded extends RangeError {}
/** Ends a validation that takes more steps than are allowed. */
export class BudgetExceeded extends Error {}
/** Ends a validation once enough broken rules were found, and contains them. */
export class EnoughErrors extends Error {
  readonly errors: readonly unknown[]

  constructor(errors: readonly unknown[]) {
    super('Enough broken rules were found.')
    this.errors = errors
  }
}

/** A budget that several validations share, each of which has {@link VALIDATION_STEPS} at most. */
export interface Budget {
  left: number
}

/** A budget for several validations of one document, as when its history is searched. */
export function sharedBudget(): Budget {
  return { left: SHARED_VALIDATIONS * VALIDATION_STEPS }
}

/** A budget for the search for the members of a document that are to blame. */
export function searchBudget(): Budget {
  return { left: SEARCH_VALIDATIONS * VALIDATION_STEPS }
}

/** Counts the steps of the validations of one schema, one at a time. */
export class StepMeter {
  /** Read and written by compiled code. */
  left = 0
  /** Estimated bytes of the stack of the functions that are entered now. Read and written by compiled code. */
  stack = 0
  /** The numbers of members of the objects in this validation. */
  #members = new WeakMap<JsonObject, number>()

  /**
   * Runs a validation with the rest of a budget, at most {@link VALIDATION_STEPS}, and subtracts the steps of
   * the validation from the budget.
   */
  run<Result>(budget: Budget, longestPath: number, work: () => Result): Result {
    const perStep = 1 + Math.floor(longestPath / PATH_CHARACTERS)
    const most = Math.floor(Math.min(budget.left, VALIDATION_STEPS) / perStep)
    this.left = most
    this.stack = 0
    this.#members = new WeakMap()
    try {
      return work()
    } finally {
      budget.left -= Math.min(most, most - this.left) * perStep
    }
  }

  /** @throws BudgetExceeded. */
  spend(steps: number): void {
    this.left -= Math.ceil(steps)
    if (this.left < 0) throw new BudgetExceeded()
  }

  /** Counts a text that a pattern is run on. */
  spendOnPattern(instructions: number, text: string): void {
    this.spend((instructions * (text.length + 1)) / INSTRUCTIONS_A_STEP)
  }

  /** Counts the cost of keywords that read each member, item or character of a value. */
  spendOnMembers(keywords: number, value: Json): void {
    if (typeof value === 'string') this.spend((keywords * value.length) / CHARACTERS_A_STEP)
    else if (isArray(value)) this.spend(keywords * value.length)
    else if (isObject(value)) this.spend(keywords * this.#countMembers(value))
  }

  /** Counts the members of an object once in a validation, because all of its names are listed for it. */
  #countMembers(value: JsonObject): number {
    const known = this.#members.get(value)
    if (known !== undefined) return known
    const count = Object.keys(value).length
    this.#members.set(value, count)
    return count
  }

  /** @throws BudgetExceeded. */
  exceed(): never {
    throw new BudgetExceeded()
  }

  /** @throws DepthExceeded. */
  tooDeep(): never {
    throw new DepthExceeded('The references of the schema nest too deep.')
  }

  /** @throws EnoughErrors. */
  enough(errors: readonly unknown[]): never {
    throw new EnoughErrors(errors)
  }
}

const STEP = 'x-kytos-step'
/** The prototype of every object of a schema, so that ajv finds the keyword in each of them. */
const COUNTED = Object.create(Object.prototype, { [STEP]: { value: true } })
const [ERROR_COUNT, ERRORS] = [new Name('errors'), new Name('vErrors')]
/** The counted stack at the start of a compiled function. */
const STACK = new Name('countedStack')

/** An empty object of a schema whose evaluations are counted, once {@link addStepKeyword} was called. */
export function countedObject(): JsonObject {
  return Object.create(COUNTED)
}

/** Keywords that read each item, member or character of the value. */
const PER_MEMBER: readonly string[] = [
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'items',
  'unevaluatedItems',
  'contains',
  'uniqueItems',
  'minLength',
  'maxLength',
  'format',
]

/** Lets ajv compile the count into every subschema; with `collects`, also the bound of errors. */
export function addStepKeyword(ajv: Ajv, meter: StepMeter, collects: boolean): void {
  restoreStackBeforeReferences(ajv, meter)
  ajv.addKeyword({
    keyword: STEP,
    before: '$ref',
    code({ gen, data, parentSchema, it }: KeywordCxt) {
      const counter = gen.scopeValue('obj', { ref: meter })
      if (parentSchema === it.schemaEnv.schema) enterFunction(gen, counter, parentSchema)
      const { steps, perMember } = weigh(parentSchema)
      gen.if(_`(${counter}.left -= ${steps}) < 0`, () => gen.code(_`${counter}.exceed();`))
      if (perMember > 0) gen.code(_`${counter}.spendOnMembers(${perMember}, ${data});`)
      if (collects)
        gen.if(_`${ERROR_COUNT} > ${MAX_ERRORS}`, () => gen.code(_`${counter}.enough(${ERRORS});`))
    },
  })
}

/** Counts the stack of a function at its start. */
function enterFunction(gen: CodeGen, counter: Name, schema: unknown): void {
  const bytes = CALL_BYTES + MEMBER_BYTES * countInlined(schema)
  gen.code(_`var ${STACK} = ${counter}.stack += ${bytes};`)
  gen.if(_`${STACK} > ${MAX_STACK_BYTES}`, () => gen.code(_`${counter}.tooDeep();`))
}

/**
 * Lets compiled code restore the counted stack before each reference, because the function of an earlier one
 * has ended. The rule is changed in its place, because the order of keywords is that of their errors.
 */
function restoreStackBeforeReferences(ajv: Ajv, meter: StepMeter): void {
  const rule = ajv.RULES.all.$ref
  if (typeof rule !== 'object' || !('code' in rule.definition) || !rule.definition.code)
    throw new Error('The keyword "$ref" of ajv is not the known one: its references would not be counted.')
  const { definition } = rule
  const call = rule.definition.code
  rule.definition = {
    ...definition,
    code(cxt: KeywordCxt) {
      const counter = cxt.gen.scopeValue('obj', { ref: meter })
      const { gen, parentSchema, it } = cxt
      // ajv compiles only the reference of a schema without other rules, so that nothing is before it.
      const isAlone = !Object.keys(parentSchema).some(key => key !== '$ref' && ajv.RULES.all[key])
      if (isAlone && parentSchema === it.schemaEnv.schema) enterFunction(gen, counter, parentSchema)
      else gen.code(_`${counter}.stack = ${STACK};`)
      call.call(this, cxt)
    },
  } as typeof definition // Only the code is another one.
}

/** The members of a schema that are compiled into one function: all but definitions. */
function countInlined(schema: unknown): number {
  if (typeof schema !== 'object' || schema === null) return 0
  return Object.entries(schema).reduce(
    (sum, [key, member]) => sum + 1 + (key === '$defs' || key === 'definitions' ? 0 : countInlined(member)),
    0,
  )
}

/** The cost of one evaluation of a subschema: the sizes of its keywords, without the subschemas in it. */
function weigh(schema: Readonly<Record<string, unknown>>): {
  readonly steps: number
  readonly perMember: number
} {
  let steps = ENTRY_STEPS
  for (const [keyword, value] of Object.entries(schema)) steps += sizeOf(keyword, value)
  const patterns = Object.keys((schema.patternProperties as object | undefined) ?? {}).length
  return { steps, perMember: patterns + PER_MEMBER.filter(keyword => schema[keyword] !== undefined).length }
}

function sizeOf(keyword: string, value: unknown): number {
  if (keyword === 'const') return countValues(value)
  // An enum is looked up, so its length does not matter.
  if (keyword === 'enum' || typeof value !== 'object' || value === null) return 1
  if (keyword !== 'dependentRequired' && keyword !== 'dependencies') return 1 + Object.keys(value).length
  return Object.values(value).reduce<number>((sum, one) => sum + 1 + (Array.isArray(one) ? one.length : 0), 1)
}

function countValues(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / CHARACTERS_A_STEP
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, one) => sum + countValues(one), 1)
}
