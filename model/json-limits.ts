/** The most digits of an integer: the limit of Python, where the time is also quadratic in the digits. */
export const INTEGER_DIGITS = 4_300
/** The most values (members and items) of a JSON text or value from outside. */
export const OUTSIDE_VALUES = 100_000
/** The most members of one object in it, because members of larger objects cost several times as much. */
export const OBJECT_MEMBERS = 50_000
/** The square of the digits that count as one value, because the time of a long integer is quadratic. */
const DIGITS_SQUARED = 65_536

/** The number of values that an integer with these digits counts as. */
export function weighDigits(digits: number): number {
  return 1 + Math.floor((digits * digits) / DIGITS_SQUARED)
}
