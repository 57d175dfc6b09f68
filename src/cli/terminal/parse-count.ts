import { InvalidArgumentError } from 'commander'

/** A whole number from 1 on that a person typed. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1 on.')
}
