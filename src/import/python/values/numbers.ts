import { NotData, type PyValue, pyFloat, pyInt, refuseBits } from './value.ts'

/*
 * Python's arithmetic bit by bit: integers of any size, `/` of integers correctly rounded, `//` and `%`
 * towards minus infinity.
 */

type Numeric = Extract<PyValue, { readonly type: 'int' | 'float' | 'bool' }>

const INTEGER = /^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*|[1-9](?:_?\d)*)$/
const FLOAT = /^(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?$/

/**
 * A number as it is written, or undefined for what Python refuses.
 * @throws NotData for an imaginary one, or one too long.
 */
export function readNumber(text: string): PyValue | undefined {
  if (/[jJ]$/.test(text)) {
    if (FLOAT.test(text.slice(0, -1))) throw new NotData('an imaginary number is not data')
    return undefined
  }
  const digits = text.replaceAll('_', '')
  if (INTEGER.test(text)) {
    refuseBits(
      digits.length *
        (/^0[xX]/.test(digits) ? 4 : /^0[bB]/.test(digits) ? 1 : /^0[oO]/.test(digits) ? 3 : 3.3) -
        16,
    )
    return pyInt(BigInt(digits.toLowerCase()))
  }
  if (!FLOAT.test(text) || /^\d+$/.test(digits)) return undefined
  return pyFloat(Number(digits))
}

export function isNumeric(value: PyValue): value is Numeric {
  return value.type === 'int' || value.type === 'float' || value.type === 'bool'
}

/** A bool counts as 0 or 1. */
export function toBigInt({ type, value }: Numeric): bigint {
  if (type === 'float') throw new NotData('a float is used where Python requires an integer (TypeError)')
  return BigInt(value)
}

/**
 * `+ - * / // % **` of two numbers.
 * @throws NotData where Python raises, or where the last bits would depend on the machine.
 */
export function calculate(sign: string, a: Numeric, b: Numeric): PyValue {
  if (a.type === 'float' || b.type === 'float') return pyFloat(floats(sign, toFloat(a), toFloat(b)))
  return integers(sign, toBigInt(a), toBigInt(b))
}

function integers(sign: string, a: bigint, b: bigint): PyValue {
  switch (sign) {
    case '+':
      return pyInt(a + b)
    case '-':
      return pyInt(a - b)
    case '*':
      return pyInt(a * b)
    case '/':
      if (b === 0n) throw divisionByZero()
      return pyFloat(ratio(a, b))
    case '//':
      return pyInt(floorDivide(a, b))
    case '%':
      return pyInt(a - floorDivide(a, b) * b)
    default:
      if (b < 0n)
        return pyFloat(power(toFloat({ type: 'int', value: a }), toFloat({ type: 'int', value: b })))
      if (a !== 0n && a !== 1n && a !== -1n) refuseBits((bitsOf(a) - 1) * Number(b))
      // With such a base only the parity of the exponent counts, and BigInt refuses large ones.
      return pyInt(a === -1n ? a ** (b % 2n) : a === 0n || a === 1n ? a ** (b > 0n ? 1n : 0n) : a ** b)
  }
}

function floats(sign: string, a: number, b: number): number {
  switch (sign) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      if (b === 0) throw divisionByZero()
      return a / b
    case '//':
      return floorFloats(a, b)
    case '%':
      return moduloFloats(a, b)
    default:
      return power(a, b)
  }
}

/** As CPython's float_divmod. */
function floorFloats(a: number, b: number): number {
  const modulo = moduloFloats(a, b)
  const quotient = (a - (modulo === 0 ? a % b : modulo)) / b
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

function moduloFloats(a: number, b: number): number {
  if (b === 0) throw divisionByZero()
  const modulo = a % b
  if (modulo === 0) return Object.is(b, -0) || b < 0 ? -0 : 0
  return modulo < 0 !== b < 0 ? modulo + b : modulo
}

function power(base: number, exponent: number): number {
  if (base === 0 && exponent < 0) throw new NotData('it raises 0 to a negative power (ZeroDivisionError)')
  if (exponent === 0) return 1
  if (!Number.isFinite(base) || !Number.isInteger(exponent) || Math.abs(exponent) > 1_100) {
    throw new NotData('a power with such an exponent differs between machines')
  }
  const { numerator, denominator } = fraction(base)
  const size = BigInt(Math.abs(exponent))
  refuseBits((Math.max(bitsOf(numerator), bitsOf(denominator)) * Number(size)) / 8)
  const [top, bottom] = [numerator ** size, denominator ** size]
  return exponent > 0 ? ratio(top, bottom) : ratio(bottom, top)
}

function fraction(value: number): { readonly numerator: bigint; readonly denominator: bigint } {
  let scaled = value
  let shift = 0n
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    shift++
  }
  return { numerator: BigInt(scaled), denominator: 1n << shift }
}

/**
 * a / b, correctly rounded.
 * @throws NotData for what is larger than any double, or smaller than a normal one.
 */
function ratio(a: bigint, b: bigint): number {
  if (a === 0n) return b < 0n ? -0 : 0
  const negative = a < 0n !== b < 0n
  const top = a < 0n ? -a : a
  const bottom = b < 0n ? -b : b
  // 66 bits of quotient and one that stands for all that follow: more than rounding looks at.
  const shift = 66 - (bitsOf(top) - bitsOf(bottom))
  const [scaledTop, scaledBottom] =
    shift > 0 ? [top << BigInt(shift), bottom] : [top, bottom << BigInt(-shift)]
  const quotient = scaledTop / scaledBottom
  const sticky = quotient * scaledBottom === scaledTop ? quotient << 1n : (quotient << 1n) | 1n
  const result = scale(Number(sticky), -shift - 1)
  if (!Number.isFinite(result)) throw new NotData('the result is larger than any float (OverflowError)')
  if (result < 2 ** -1022) throw new NotData('the result is too small for an exact float')
  return negative ? -result : result
}

function scale(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2)
  return value * 2 ** half * 2 ** (exponent - half)
}

function floorDivide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw divisionByZero()
  const quotient = a / b
  return quotient * b !== a && a < 0n !== b < 0n ? quotient - 1n : quotient
}

/** The float of a number. @throws NotData for an integer larger than any. */
export function toFloat({ type, value }: Numeric): number {
  const float = Number(value)
  if (type !== 'float' && !Number.isFinite(float))
    throw new NotData('an integer is too large for a float (OverflowError)')
  return float
}

function bitsOf(value: bigint): number {
  return (value < 0n ? -value : value).toString(16).length * 4
}

function divisionByZero(): NotData {
  return new NotData('it divides by zero (ZeroDivisionError)')
}
