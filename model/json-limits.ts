/** The most digits of an integer: as many as Python reads, which takes time quadratic in them as well. */
export const INTEGER_DIGITS = 4_300
/** The most values (members and items) of a JSON text or value that comes from outside. */
export const OUTSIDE_VALUES = 100_000
/** The most members of one object of it: each costs several times as much as one in a smaller object. */
export const OBJECT_MEMBERS = 50_000
/** A long integer counts for as many values as it costs: this is the square of the digits of one. */
const DIGITS_SQUARED = 65_536

/** What a value of this many digits counts as. */
export function weighDigits(digits: number): number {
  return 1 + Math.floor((digits * digits) / DIGITS_SQUARED)
}
