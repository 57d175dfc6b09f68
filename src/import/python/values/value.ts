/*
 * What Python values are here. Lists, sets and dicts are mutable and shared as in Python: after `B = A`,
 * `B[k] = v` changes A too.
 */

export interface PyList {
  readonly type: 'list'
  readonly items: PyValue[]
}
export interface PyTuple {
  readonly type: 'tuple'
  readonly items: readonly PyValue[]
}
export interface PySet {
  readonly type: 'set' | 'frozenset'
  /** By {@link hashKey}, in the order of the file: Python's own order says nothing. */
  readonly items: Map<string, PyValue>
}
export interface PyDict {
  readonly type: 'dict'
  readonly entries: Map<string, readonly [PyValue, PyValue]>
}
/** Something of another module, by its dotted name: `os.environ`. */
export interface PyForeign {
  readonly type: 'foreign'
  readonly path: string
}

export type PyValue =
  | { readonly type: 'none' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'str'; readonly value: string }
  /** Each character is one byte. */
  | { readonly type: 'bytes'; readonly value: string }
  | PyList
  | PyTuple
  | PySet
  | PyDict
  | PyForeign

/** Why an expression gives no value here, as a phrase that goes on after "because". */
export class NotData extends Error {
  override readonly name = 'NotData'
}

/** Python refuses the whole file for it: a SyntaxError. */
export class NotPython extends NotData {}

export const NONE: PyValue = { type: 'none' }
export const pyInt = (value: bigint): PyValue => ({ type: 'int', value: checkSize(value) })
export const pyFloat = (value: number): PyValue => ({ type: 'float', value })
export const pyBool = (value: boolean): PyValue => ({ type: 'bool', value })
export const pyText = (type: 'str' | 'bytes', value: string): PyValue => {
  if (value.length > MOST_TEXT) throw new NotData(`it creates a string of more than ${MOST_TEXT} characters`)
  return { type, value }
}
export const pyList = (items: PyValue[]): PyList => ({ type: 'list', items: checkLength(items) })
export const pyTuple = (items: PyValue[]): PyTuple => ({ type: 'tuple', items: checkLength(items) })

/** Python itself prints no longer ones. */
const MOST_DIGITS = 4_300
const MOST_BITS = 14_284n
const LARGEST = 1n << MOST_BITS
/** No settings document holds more. */
const MOST_TEXT = 256 * 1024
const MOST_ITEMS = 65_536

/** True when an integer may be so long; asked before it is computed. */
export function refuseBits(bits: number): void {
  if (bits > Number(MOST_BITS)) throw new NotData(`it creates an integer of more than ${MOST_DIGITS} digits`)
}

export function checkLength<Items extends { readonly length: number }>(items: Items): Items {
  if (items.length > MOST_ITEMS) throw new NotData(`it creates a list of more than ${MOST_ITEMS} values`)
  return items
}

function checkSize(value: bigint): bigint {
  if (value >= LARGEST || value <= -LARGEST) refuseBits(Number.POSITIVE_INFINITY)
  return value
}

export function pySet(type: 'set' | 'frozenset', values: Iterable<PyValue>): PySet {
  const items = new Map<string, PyValue>()
  for (const value of values) {
    const key = hashKey(value)
    if (!items.has(key)) items.set(key, value)
  }
  return { type, items }
}

/** Sets a member as Python does: an equal key keeps its first spelling and place. */
export function setItem({ entries }: PyDict, key: PyValue, value: PyValue): void {
  const hash = hashKey(key)
  entries.set(hash, [entries.get(hash)?.[0] ?? key, value])
  if (entries.size > MOST_ITEMS) throw new NotData(`it creates a dict of more than ${MOST_ITEMS} members`)
}

/**
 * Equal for equal values (`1`, `1.0` and `True` are), as Python's hash and `==`.
 * @throws NotData for what Python cannot hash.
 */
export function hashKey(value: PyValue): string {
  switch (value.type) {
    case 'none':
      return 'none'
    case 'bool':
      return value.value ? 'n1' : 'n0'
    case 'int':
      return `n${value.value}`
    case 'float':
      return Number.isInteger(value.value) ? `n${BigInt(value.value)}` : `n${value.value}`
    case 'str':
      return `s${value.value}`
    case 'bytes':
      return `b${value.value}`
    case 'tuple':
      return hashAll('t', value.items.map(hashKey))
    case 'frozenset':
      return hashAll('f', [...value.items.keys()].sort())
    case 'foreign':
      throw new NotData(`"${value.path}" is not data`)
    default:
      throw new NotData(`a ${value.type} cannot be a key or a member of a set (TypeError)`)
  }
}

/**
 * Led by their lengths, so that no two lists give the same; short, because tuples of tuples of one tuple grow
 * without end.
 */
function hashAll(letter: string, keys: readonly string[]): string {
  const hash = letter + keys.map(key => `${key.length}:${key}`).join('')
  if (hash.length > MOST_TEXT) throw new NotData('a tuple is too large to be a key or a member of a set')
  return hash
}

/** Python's truth of a value. */
export function isTrue(value: PyValue): boolean {
  switch (value.type) {
    case 'none':
      return false
    case 'bool':
      return value.value
    case 'int':
      return value.value !== 0n
    case 'float':
      return value.value !== 0
    case 'foreign':
      throw new NotData(`"${value.path}" is not data`)
    default:
      return lengthOf(value) > 0
  }
}

/** Python's `len()`. @throws NotData for what has none. */
export function lengthOf(value: PyValue): number {
  switch (value.type) {
    case 'str':
      return [...value.value].length
    case 'bytes':
      return value.value.length
    case 'list':
    case 'tuple':
      return value.items.length
    case 'set':
    case 'frozenset':
      return value.items.size
    case 'dict':
      return value.entries.size
    default:
      throw new NotData(`a ${value.type} has no length (TypeError)`)
  }
}

/** The values that a `for` over it would give. @throws NotData for what cannot be gone through. */
export function iterate(value: PyValue): PyValue[] {
  switch (value.type) {
    case 'str':
      return [...value.value].map(sign => pyText('str', sign))
    case 'bytes':
      return [...value.value].map(sign => pyInt(BigInt(sign.charCodeAt(0))))
    case 'list':
    case 'tuple':
      return [...value.items]
    case 'set':
    case 'frozenset':
      return [...value.items.values()]
    case 'dict':
      return [...value.entries.values()].map(([key]) => key)
    default:
      throw new NotData(`a ${value.type} has no members (TypeError)`)
  }
}

/** Python's `==`, of what can be hashed. @throws NotData for lists, sets and dicts. */
export function equalPython(a: PyValue, b: PyValue): boolean {
  return hashKey(a) === hashKey(b)
}

export function isSet(value: PyValue): value is PySet {
  return value.type === 'set' || value.type === 'frozenset'
}

/** Every list, dict and set that a value holds, itself too. */
export function gather(value: PyValue, into: Set<PyValue>): void {
  if (into.has(value)) return
  if (value.type === 'list' || value.type === 'tuple') {
    if (value.type === 'list') into.add(value)
    for (const item of value.items) gather(item, into)
  } else if (value.type === 'set') into.add(value)
  else if (value.type === 'dict') {
    into.add(value)
    for (const [, item] of value.entries.values()) gather(item, into)
  }
}
