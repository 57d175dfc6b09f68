/*
 * The order of numbers by their decimal digits: a double counts as the shortest decimal text that stands for
 * it, which is how it is written in a document. So `1e23` equals `100000000000000000000000`, although the
 * nearest double is less.
 */

/** Below 0, 0 or above 0 as `a` is less than, equal to or greater than `b`. */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  const [left, right] = typeof a === typeof b ? [a, b] : [toInteger(a), toInteger(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** A double beyond the safe integers as the bigint of its decimal digits; any other number as it is. */
export function toInteger(value: number | bigint): number | bigint {
  if (typeof value === 'bigint' || !Number.isInteger(value) || Number.isSafeInteger(value)) return value
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  return BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length)
}
