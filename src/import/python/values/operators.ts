import { calculate, isNumeric, toBigInt } from './numbers.ts'
import {
  equalPython,
  isSet,
  isTrue,
  iterate,
  NONE,
  NotData,
  type PyDict,
  type PyValue,
  pyBool,
  pyFloat,
  pyInt,
  pyList,
  pySet,
  pyText,
  pyTuple,
  refuseBits,
  setItem,
} from './value.ts'

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '//', '%', '**'])
/** No settings have longer lists; asked before anything is repeated. */
const MOST_REPEATS = 65_536n

/**
 * A binary operator that looks at both sides.
 * @throws NotData where Python raises, or we do not follow it.
 */
export function operate(sign: string, a: PyValue, b: PyValue): PyValue {
  if (isNumeric(a) && isNumeric(b)) return ARITHMETIC.has(sign) ? calculate(sign, a, b) : bits(sign, a, b)
  if (sign === '+') return concatenate(a, b)
  if (sign === '*')
    return isNumeric(a)
      ? repeat(b, toBigInt(a))
      : isNumeric(b)
        ? repeat(a, toBigInt(b))
        : mismatch(sign, a, b)
  if (sign === '%' && (a.type === 'str' || a.type === 'bytes'))
    throw new NotData('formatting with % is not supported')
  if (isSet(a) && isSet(b)) return sets(sign, a, b)
  if (sign === '|' && a.type === 'dict' && b.type === 'dict') return mergeDicts(a, b)
  return mismatch(sign, a, b)
}

/** `- + ~ not` of one value. */
export function operateUnary(sign: string, value: PyValue): PyValue {
  if (sign === 'not') return pyBool(!isTrue(value))
  if (!isNumeric(value)) throw new NotData(`${sign} is applied to a ${value.type} (TypeError)`)
  if (sign === '~') return pyInt(~toBigInt(value))
  if (value.type === 'float') return pyFloat(sign === '-' ? -value.value : value.value)
  return pyInt(sign === '-' ? -toBigInt(value) : toBigInt(value))
}

/** `== != < <= > >= in`, `not in`, `is`, `is not`. */
export function compare(sign: string, a: PyValue, b: PyValue): PyValue {
  switch (sign) {
    case '==':
      return pyBool(equalPython(a, b))
    case '!=':
      return pyBool(!equalPython(a, b))
    case 'in':
      return pyBool(contains(a, b))
    case 'not in':
      return pyBool(!contains(a, b))
    case 'is':
    case 'is not':
      if (a.type !== 'none' && b.type !== 'none') throw new NotData('"is" is supported only with None')
      return pyBool((a.type === b.type) === (sign === 'is'))
    default:
      return pyBool(ordered(sign, order(a, b)))
  }
}

/** Below zero, zero or above it; of two numbers or two texts, exactly. NaN for a NaN. */
export function order(a: PyValue, b: PyValue): number {
  if (isNumeric(a) && isNumeric(b)) {
    const one = a.type === 'float' ? a.value : toBigInt(a)
    const other = b.type === 'float' ? b.value : toBigInt(b)
    // JS compares a bigint with a number exactly, as Python does.
    return one < other
      ? -1
      : one > other
        ? 1
        : Number.isNaN(Number(one)) || Number.isNaN(Number(other))
          ? Number.NaN
          : 0
  }
  if ((a.type !== 'str' && a.type !== 'bytes') || a.type !== b.type)
    throw new NotData(`a ${a.type} and a ${b.type} are compared`)
  const [one, other] = [[...a.value], [...b.value]]
  for (let i = 0; i < Math.min(one.length, other.length); i++) {
    const difference = (one[i]?.codePointAt(0) ?? 0) - (other[i]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return one.length - other.length
}

function ordered(sign: string, difference: number): boolean {
  if (sign === '<') return difference < 0
  if (sign === '<=') return difference <= 0
  if (sign === '>') return difference > 0
  if (sign === '>=') return difference >= 0
  throw new NotData(`the operator ${sign} is not supported`)
}

function contains(member: PyValue, whole: PyValue): boolean {
  if (whole.type === 'str' || whole.type === 'bytes') {
    if (member.type !== whole.type)
      throw new NotData(`"in" searches a ${member.type} in a ${whole.type} (TypeError)`)
    return whole.value.includes(member.value)
  }
  return iterate(whole).some(one => equalPython(one, member))
}

function bits(sign: string, a: Extract<PyValue, { type: 'int' | 'float' | 'bool' }>, b: typeof a): PyValue {
  const [one, other] = [toBigInt(a), toBigInt(b)]
  const wrap = (value: bigint): PyValue =>
    a.type === 'bool' && b.type === 'bool' ? pyBool(value !== 0n) : pyInt(value)
  switch (sign) {
    case '&':
      return wrap(one & other)
    case '|':
      return wrap(one | other)
    case '^':
      return wrap(one ^ other)
    case '<<':
    case '>>':
      if (other < 0n) throw new NotData('it shifts by a negative count (ValueError)')
      if (sign === '>>') return pyInt(one >> (other > 65_536n ? 65_536n : other))
      refuseBits(one === 0n ? 0 : Number(other))
      return pyInt(one === 0n ? 0n : one << other)
    default:
      return mismatch(sign, a, b)
  }
}

function concatenate(a: PyValue, b: PyValue): PyValue {
  if (a.type === 'list' && b.type === 'list') return pyList([...a.items, ...b.items])
  if (a.type === 'tuple' && b.type === 'tuple') return pyTuple([...a.items, ...b.items])
  if ((a.type === 'str' || a.type === 'bytes') && a.type === b.type) return pyText(a.type, a.value + b.value)
  return mismatch('+', a, b)
}

function repeat(value: PyValue, times: bigint): PyValue {
  const count = times < 0n ? 0 : Number(times > MOST_REPEATS ? MOST_REPEATS : times)
  if (times > MOST_REPEATS && iterateable(value)) throw new NotData(`it repeats a value ${times} times`)
  if (value.type === 'str' || value.type === 'bytes') {
    // Asked first: what is too long is never made.
    return pyText(
      value.type,
      value.value.length * count > 2 ** 20 ? 'x'.repeat(2 ** 20) : value.value.repeat(count),
    )
  }
  if (value.type !== 'list' && value.type !== 'tuple') return mismatch('*', value, pyInt(times))
  const length = value.items.length * count
  const items = Array.from(
    { length: Math.min(length, Number(MOST_REPEATS) + 1) },
    (_, i) => value.items[i % value.items.length] ?? NONE,
  )
  return value.type === 'list' ? pyList(items) : pyTuple(items)
}

function iterateable({ type }: PyValue): boolean {
  return type === 'str' || type === 'bytes' || type === 'list' || type === 'tuple'
}

function sets(sign: string, a: Extract<PyValue, { type: 'set' | 'frozenset' }>, b: typeof a): PyValue {
  const [one, other] = [[...a.items.values()], [...b.items.values()]]
  const has = (set: typeof a, keys: PyValue[], wanted: boolean): PyValue[] =>
    keys.filter(value => [...pySet('set', [value]).items.keys()].every(key => set.items.has(key) === wanted))
  switch (sign) {
    case '|':
      return pySet(a.type, [...one, ...other])
    case '&':
      // Of equal members (`1` and `True`) those of the smaller set stay, as in CPython.
      return pySet(a.type, other.length > one.length ? has(b, one, true) : has(a, other, true))
    case '-':
      return pySet(a.type, has(b, one, false))
    case '^':
      return pySet(a.type, [...has(b, one, false), ...has(a, other, false)])
    default:
      return mismatch(sign, a, b)
  }
}

function mergeDicts(a: PyDict, b: PyDict): PyDict {
  const result: PyDict = { type: 'dict', entries: new Map(a.entries) }
  for (const [key, value] of b.entries.values()) setItem(result, key, value)
  return result
}

function mismatch(sign: string, a: PyValue, b: PyValue): never {
  throw new NotData(`${sign} of a ${a.type} and a ${b.type} is not supported`)
}
