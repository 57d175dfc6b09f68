import type { Random } from '../../chaos/random.ts'
import { size } from '../act.ts'

/** Parts of hostile texts: for patterns, formats, terminals and parsers. */
const PARTS = [
  'a',
  'ab',
  'a:',
  '@',
  '.',
  '-',
  '/',
  '%41',
  '%',
  '0',
  '1',
  '::',
  '[',
  ']',
  '{',
  '}',
  '{a}',
  ' ',
  '\t',
  'é',
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '😀',
  '\ud800',
  '"',
  '\\',
  '~0',
  '~1',
  '2024-02-29',
  'T23:59:60Z',
  'xn--',
  'http://',
  'a@b.c',
  '::ffff:1.2.3.4',
  '127.0.0.1',
  '^(a+)+$',
  '__proto__',
  'constructor',
  '#',
  '?x=1&',
] as const

/** A text of up to `most` characters that repeats one or two parts, with another end. */
export function hostileText(random: Random, most: number): string {
  const unit = random.pick(PARTS) + (random.chance(0.5) ? random.pick(PARTS) : '')
  const lead = random.chance(0.3) ? random.pick(PARTS) : ''
  const end = random.chance(0.5) ? random.pick(PARTS) : '!'
  const length = size(random, most)
  return (lead + unit.repeat(Math.ceil(length / unit.length)) + end).slice(0, Math.max(1, length))
}

/** A number that is expensive or exceptional. */
export function hostileNumber(random: Random): number | bigint {
  return random.pick<() => number | bigint>([
    () => 0,
    () => -1,
    () => random.between(-1_000, 1_000),
    () => 1e308,
    () => 5e-324,
    () => 0.1,
    () => 2 ** 53,
    () => BigInt('7'.repeat(size(random, 4_300))),
    () => -BigInt(`1${'0'.repeat(size(random, 4_000))}`),
  ])()
}

/** JSON of about `budget` values. */
export function hostileValue(random: Random, budget: number, depth = 8): unknown {
  if (budget <= 1 || depth === 0)
    return random.pick<() => unknown>([
      () => null,
      () => true,
      () => hostileNumber(random),
      () => hostileText(random, 200),
    ])()
  const width = Math.min(budget, random.pick([1, 2, 5, 20, budget]))
  const each = Math.floor(budget / width)
  const items = Array.from({ length: width }, () => hostileValue(random, each - 1, depth - 1))
  if (random.chance(0.5)) return items
  return Object.fromEntries(
    items.map((item, i) => [random.chance(0.1) ? hostileText(random, 50) + i : `k${i}`, item]),
  )
}
