import { Cursor } from './cursor.ts'
import { build, call, findGlobal, newObject } from './objects.ts'
import { type Pickled, refuse } from './value.ts'

/*
 * The opcodes of pickle, protocols 0 to 5, on a stack of plain data. Nothing is imported, called or made but
 * what objects.ts knows. Every opcode goes forward in the file, so that reading ends; what it takes is
 * bounded by the number of opcodes.
 */

/** A box of the largest size has fewer values. */
const MOST_STEPS = 3_000_000
const NEWEST_PROTOCOL = 5
const NONE: Pickled = { type: 'none' }

/** @throws PickleRefused for what is broken, truncated, too large, or more than plain data and a box. */
export function readPickle(bytes: Uint8Array): Pickled {
  if (bytes.length === 0) return refuse('it is empty')
  return new Machine(bytes).run()
}

class Machine {
  readonly #cursor: Cursor
  readonly #memo = new Map<number, Pickled>()
  #stack: Pickled[] = []
  readonly #marks: Pickled[][] = []

  constructor(bytes: Uint8Array) {
    this.#cursor = new Cursor(bytes)
  }

  run(): Pickled {
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = this.#cursor.byte()
      if (code === 0x2e) {
        const [result, ...more] = this.#stack
        return result && more.length === 0 && this.#marks.length === 0
          ? result
          : refuse('it stops before its end')
      }
      const work = OPCODES[code]
      if (!work)
        return refuse(
          `its opcode 0x${code.toString(16).padStart(2, '0')} is code, not data, and was not executed`,
        )
      work(this, this.#cursor)
    }
    return refuse(`it has more than ${MOST_STEPS} opcodes`)
  }

  push(value: Pickled): void {
    this.#stack.push(value)
  }

  pop(): Pickled {
    return this.#stack.pop() ?? refuse('its stack is empty at an opcode')
  }

  top(): Pickled {
    return this.#stack.at(-1) ?? refuse('its stack is empty at an opcode')
  }

  mark(): void {
    this.#marks.push(this.#stack)
    this.#stack = []
  }

  popMark(): Pickled[] {
    const items = this.#stack
    this.#stack = this.#marks.pop() ?? refuse('a mark is missing')
    return items
  }

  /** `POP` takes a mark where nothing stands above it. */
  drop(): void {
    if (this.#stack.length > 0) this.#stack.pop()
    else this.popMark()
  }

  put(place = this.#memo.size): void {
    this.#memo.set(place, this.top())
  }

  get(place: number): void {
    this.push(this.#memo.get(place) ?? refuse('it refers to a missing memo entry'))
  }
}

type Opcode = (machine: Machine, cursor: Cursor) => void

const push =
  (make: (cursor: Cursor) => Pickled): Opcode =>
  (machine, cursor) =>
    machine.push(make(cursor))
const int = (value: bigint | number): Pickled => ({ type: 'int', value: BigInt(value) })
const text = (value: string): Pickled => ({ type: 'str', value })
const bytes = (value: Uint8Array): Pickled => ({ type: 'bytes', value })
const collect =
  (type: 'list' | 'tuple' | 'frozenset'): Opcode =>
  machine =>
    machine.push({ type, items: machine.popMark() })
const tuple =
  (length: number): Opcode =>
  machine => {
    const items = Array.from({ length }, () => machine.pop()).reverse()
    machine.push({ type: 'tuple', items })
  }

/** Puts members into the list, set or dict below them. */
function extend(machine: Machine, members: readonly Pickled[], into: 'list' | 'set' | 'dict'): void {
  const target = machine.top()
  if (target.type !== into) refuse(`it adds ${into} items to a ${target.type}`)
  if (target.type === 'dict') {
    if (members.length % 2 === 1) refuse('a key in it has no value')
    for (let i = 0; i < members.length; i += 2)
      target.entries.push([members[i] ?? NONE, members[i + 1] ?? NONE])
  } else if (target.type === 'list' || target.type === 'set')
    for (const member of members) target.items.push(member)
}

function readFloat(line: string): Pickled {
  const special: Readonly<Record<string, number>> = {
    inf: Number.POSITIVE_INFINITY,
    '-inf': Number.NEGATIVE_INFINITY,
    nan: Number.NaN,
  }
  const value =
    special[line] ??
    (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(line)
      ? Number(line)
      : refuse('a number in it is invalid'))
  return { type: 'float', value }
}

/** Python's raw-unicode-escape: behind an odd number of backslashes, `u` makes an escape. */
function readEscaped(line: string): string {
  // A run of backslashes is matched as a whole, so that no run is scanned twice.
  const found = line.replace(
    /(\\+)(?:u([\da-fA-F]{4})|U([\da-fA-F]{8}))?/g,
    (whole, run: string, four?: string, eight?: string) => {
      if (run.length % 2 === 0 || (four ?? eight) === undefined) return whole
      const code = Number.parseInt(four ?? eight ?? '', 16)
      return code > 0x10ffff
        ? refuse('a string in it is not valid Unicode')
        : run.slice(1) + String.fromCodePoint(code)
    },
  )
  return found.isWellFormed() ? found : refuse('a string in it contains half a surrogate pair')
}

const OPCODES: Readonly<Record<number, Opcode>> = {
  128: (_, cursor) => {
    const protocol = cursor.byte()
    if (protocol > NEWEST_PROTOCOL)
      refuse(`its pickle protocol is ${protocol}; protocols up to ${NEWEST_PROTOCOL} are supported`)
  },
  // The length of what follows: it only helps to read ahead.
  149: (_, cursor) => void cursor.uint64(),
  40: machine => machine.mark(), // (
  48: machine => machine.drop(), // 0
  49: machine => void machine.popMark(), // 1
  50: machine => machine.push(machine.top()), // 2
  78: push(() => NONE), // N
  136: push(() => ({ type: 'bool', value: true })),
  137: push(() => ({ type: 'bool', value: false })),
  // I: a line; 00 and 01 are False and True.
  73: push(cursor => {
    const from = cursor.line()
    if (from === '00' || from === '01') return { type: 'bool', value: from === '01' }
    return /^[+-]?\d{1,4300}$/.test(from) ? int(BigInt(from)) : refuse('a number in it is invalid')
  }),
  74: push(cursor => int(cursor.int32())), // J
  75: push(cursor => int(cursor.byte())), // K
  77: push(cursor => int(cursor.uint16())), // M
  76: push(cursor => int(cursor.decimal(/^[+-]?\d+L?$/))), // L
  138: push(cursor => int(cursor.integer(cursor.byte()))),
  139: push(cursor => int(cursor.integer(cursor.int32()))),
  70: push(cursor => readFloat(cursor.line())), // F
  71: push(cursor => ({ type: 'float', value: cursor.double() })), // G
  86: push(cursor => text(readEscaped(cursor.line()))), // V
  88: push(cursor => text(cursor.text(cursor.uint32()))), // X
  140: push(cursor => text(cursor.text(cursor.byte()))),
  141: push(cursor => text(cursor.text(cursor.uint64()))),
  66: push(cursor => bytes(cursor.bytes(cursor.uint32()))), // B
  67: push(cursor => bytes(cursor.bytes(cursor.byte()))), // C
  142: push(cursor => bytes(cursor.bytes(cursor.uint64()))),
  93: push(() => ({ type: 'list', items: [] })), // ]
  41: push(() => ({ type: 'tuple', items: [] })), // )
  125: push(() => ({ type: 'dict', entries: [] })), // }
  143: push(() => ({ type: 'set', items: [] })),
  108: collect('list'), // l
  116: collect('tuple'), // t
  145: collect('frozenset'),
  133: tuple(1),
  134: tuple(2),
  135: tuple(3),
  // d
  100: machine => {
    const members = machine.popMark()
    machine.push({ type: 'dict', entries: [] })
    extend(machine, members, 'dict')
  },
  // a
  97: machine => {
    const member = machine.pop()
    extend(machine, [member], 'list')
  },
  101: machine => extend(machine, machine.popMark(), 'list'), // e
  // s
  115: machine => {
    const value = machine.pop()
    const key = machine.pop()
    extend(machine, [key, value], 'dict')
  },
  117: machine => extend(machine, machine.popMark(), 'dict'), // u
  144: machine => extend(machine, machine.popMark(), 'set'),
  112: (machine, cursor) => machine.put(Number(cursor.decimal(/^\d{1,9}$/))), // p
  113: (machine, cursor) => machine.put(cursor.byte()), // q
  114: (machine, cursor) => machine.put(cursor.uint32()), // r
  148: machine => machine.put(),
  103: (machine, cursor) => machine.get(Number(cursor.decimal(/^\d{1,9}$/))), // g
  104: (machine, cursor) => machine.get(cursor.byte()), // h
  106: (machine, cursor) => machine.get(cursor.uint32()), // j
  99: push(cursor => findGlobal(cursor.line(), cursor.line())), // c
  147: machine => {
    const name = machine.pop()
    const module = machine.pop()
    if (name.type !== 'str' || module.type !== 'str') refuse('a name in it is not a string')
    else machine.push(findGlobal(module.value, name.value))
  },
  // R
  82: machine => {
    const args = machine.pop()
    machine.push(call(machine.pop(), args))
  },
  129: machine => {
    const args = machine.pop()
    machine.push(newObject(machine.pop(), args))
  },
  // b
  98: machine => {
    const state = machine.pop()
    build(machine.top(), state)
  },
}
