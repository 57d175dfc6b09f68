/*
 * Linearizability of one register that is read and changed by compare-and-set: is there an order of the
 * operations, each at some instant between its sending and its answer, in which every one of them answers
 * what it did?
 *
 * The search is that of Wing & Gong (1993) with the memory of Lowe (2017): take an operation that no other
 * one was answered before, go on, and step back at the first operation that was answered and cannot be
 * placed; never twice into the same set of taken operations with the same value. What changes nothing (a
 * read, a refusal) is taken as soon as it fits, for that excludes nothing. A change whose outcome is unknown
 * may be taken at any time after it was sent, or never.
 */

/** One operation on the register. Values are unique: no two changes write the same one. */
export interface Operation {
  readonly id: string
  readonly kind: 'read' | 'cas'
  readonly sent: bigint
  /** Undefined when no answer says what became of it. */
  readonly answered: bigint | undefined
  /** The value that a change needs to find; null for none, absent for any. */
  readonly expected?: string | null
  /** What was read, or what a change writes. */
  readonly value: string | null
  /** `conflict`: refused, for it did not find what it expected. */
  readonly outcome: 'ok' | 'conflict' | 'unknown'
}

/** Why there is no such order, as far as the longest one that could be made. */
export interface Violation {
  /** The operation that could not be placed. */
  readonly operation: Operation
  /** What the register held then; undefined when nothing had shown it. */
  readonly value: string | null | undefined
  /** How many operations were in order. */
  readonly placed: number
}

export function describeViolation({ operation, value, placed }: Violation): string {
  const held = value === undefined ? 'anything' : (value ?? 'nothing')
  const { id, kind, outcome, expected } = operation
  const what =
    kind === 'read'
      ? `read ${operation.value ?? 'nothing'}`
      : `was ${outcome === 'ok' ? 'applied on' : 'refused for'} ${expected ?? 'nothing'}`
  return `${id} ${what}, which fits nowhere between its sending and its answer; the register held ${held} after ${placed} operations.`
}

/**
 * Undefined when the operations are linearizable from this value on (null: none; undefined: nobody knows),
 * else why they are not.
 */
export function linearizable(
  operations: readonly Operation[],
  initial: string | null | undefined = null,
): Violation | undefined {
  return new Search(operations).run(initial)
}

/** A point to come back to: the choices at it that were not tried. */
interface Branch {
  readonly taken: number
  readonly value: string | null | undefined
  readonly choices: number[]
}

class Search {
  readonly #operations: readonly Operation[]
  /** Places of operations in the order of their sending. */
  readonly #taken: Uint8Array
  readonly #order: number[] = []
  readonly #tried = new Set<string>()
  /** Everything before it is taken, or need not be. */
  #front = 0
  #furthest: Violation | undefined

  constructor(operations: readonly Operation[]) {
    this.#operations = [...operations].sort((a, b) => (a.sent < b.sent ? -1 : a.sent > b.sent ? 1 : 0))
    this.#taken = new Uint8Array(this.#operations.length)
  }

  run(initial: string | null | undefined): Violation | undefined {
    const branches: Branch[] = []
    let value = initial
    for (;;) {
      const choices = this.#settle(value)
      if (choices === undefined) return undefined
      const choice = choices.shift()
      if (choice !== undefined) {
        branches.push({ taken: this.#order.length, value, choices })
        value = this.#take(choice, value)
        continue
      }
      const back = this.#stepBack(branches)
      if (!back) return this.#furthest
      value = back.value
    }
  }

  /** Undoes what was taken since the newest branch that has a choice left, and takes that. */
  #stepBack(branches: Branch[]): { readonly value: string | null | undefined } | undefined {
    for (let branch = branches.at(-1); branch; branch = branches.at(-1)) {
      for (const place of this.#order.splice(branch.taken)) this.#taken[place] = 0
      this.#front = 0
      const choice = branch.choices.shift()
      if (choice !== undefined) return { value: this.#take(choice, branch.value) }
      branches.pop()
    }
    return undefined
  }

  /**
   * Takes all that changes nothing and fits; gives the changes that may come next, undefined when everything
   * is in order.
   */
  #settle(value: string | null | undefined): number[] | undefined {
    while (this.#front < this.#operations.length && this.#isPast(this.#front)) this.#front++
    for (;;) {
      const [open, deadline] = this.#enabled()
      if (!deadline) return undefined
      const quiet = open.filter(place => isQuiet(this.#operations[place] as Operation, value))
      for (const place of quiet) this.#take(place, value)
      if (quiet.length > 0) continue
      const choices = open.filter(place => isPossible(this.#operations[place] as Operation, value))
      if (choices.length === 0) this.#remember(deadline, value)
      return this.#isNew(value) ? choices.sort((a, b) => this.#urgency(a, b)) : []
    }
  }

  /**
   * The operations that were sent before any answer that is still to be placed, and the one with the first
   * such answer.
   */
  #enabled(): [open: number[], deadline: Operation | undefined] {
    let first: Operation | undefined
    const open: number[] = []
    for (let place = this.#front; place < this.#operations.length; place++) {
      const operation = this.#operations[place] as Operation // within the array
      if (first?.answered !== undefined && operation.sent > first.answered) break
      if (this.#taken[place]) continue
      open.push(place)
      if (
        operation.answered !== undefined &&
        (first?.answered === undefined || operation.answered < first.answered)
      )
        first = operation
    }
    const limit = first?.answered
    return [
      limit === undefined ? open : open.filter(place => (this.#operations[place] as Operation).sent <= limit),
      first,
    ]
  }

  #isPast(place: number): boolean {
    return this.#taken[place] === 1
  }

  /** What was answered first comes first; what need not be applied, last. */
  #urgency(a: number, b: number): number {
    const [one, other] = [this.#operations[a]?.answered, this.#operations[b]?.answered]
    if (one === undefined || other === undefined)
      return (one === undefined ? 1 : 0) - (other === undefined ? 1 : 0)
    return one < other ? -1 : one > other ? 1 : 0
  }

  #take(place: number, value: string | null | undefined): string | null | undefined {
    this.#taken[place] = 1
    this.#order.push(place)
    const operation = this.#operations[place]
    return operation?.outcome === 'conflict' ? value : operation?.value
  }

  /** False for a set of taken operations and a value that was seen before. */
  #isNew(value: string | null | undefined): boolean {
    const bits = Buffer.alloc(Math.ceil(this.#taken.length / 8))
    for (const place of this.#order) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7))
    const state = `${value === undefined ? '' : JSON.stringify(value)} ${bits.toString('latin1')}`
    const before = this.#tried.size
    return this.#tried.add(state).size > before
  }

  #remember(operation: Operation, value: string | null | undefined): void {
    const placed = this.#order.length
    if (!this.#furthest || placed > this.#furthest.placed) this.#furthest = { operation, value, placed }
  }
}

/** True for what can be placed now and leaves the register as it is. */
function isQuiet(
  { kind, outcome, value: read, expected }: Operation,
  value: string | null | undefined,
): boolean {
  if (value === undefined) return outcome === 'conflict'
  return kind === 'read' ? read === value : outcome === 'conflict' && expected !== value
}

function isPossible({ kind, outcome, expected }: Operation, value: string | null | undefined): boolean {
  if (outcome === 'conflict') return false
  if (value === undefined) return true
  return kind === 'cas' && (expected === undefined || expected === value)
}
