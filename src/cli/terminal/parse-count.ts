import { InvalidArgumentError } from 'commander'

/** Parses a typed integer of at least 1. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Use an integer of at least 1.')
}
