/** The level of each binary operator: a higher one binds tighter. Unary operators and `**` bind tighter still. */
export const LEVELS: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  in: 4,
  not: 4,
  is: 4,
  '<': 4,
  '>': 4,
  '<=': 4,
  '>=': 4,
  '==': 4,
  '!=': 4,
  '|': 5,
  '^': 6,
  '&': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '//': 10,
  '%': 10,
  '@': 10,
}
/** The level of `not` with one side. */
export const NOT = 3
/** The level of the operands of a comparison. */
export const BIT_OR = 5
