import type { Random } from '../../chaos/random.ts'
import { list, named, size } from '../act.ts'
import { hostileNumber, hostileValue } from './texts.ts'

/** The keyword is not written as a member, because an object with one looks like a promise. */
export const THEN = 'then'
export const FORMATS = [
  'date',
  'time',
  'date-time',
  'iso-time',
  'iso-date-time',
  'duration',
  'uri',
  'uri-reference',
  'uri-template',
  'url',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'regex',
  'uuid',
  'json-pointer',
  'json-pointer-uri-fragment',
  'relative-json-pointer',
  'byte',
  'int32',
  'int64',
  'float',
  'double',
  'password',
  'binary',
] as const
/** Patterns by their size. */
export const PATTERNS: readonly ((n: number) => string)[] = [
  () => '^(a+)+$',
  n => `^[ab]*a[ab]{${n}}[cd]`,
  n => `(${list(n, i => `a${i}`).join('|')})$`,
  n => `^(a?){${n}}a{${n}}$`,
  n => `(?:${'(a|b)*'.repeat(Math.ceil(n / 10))})c$`,
  n => `\\p{L}{1,${n}}\\p{N}$`,
  n => `([^a]|a[^b]|ab[^c]){${Math.ceil(n / 8)}}$`,
  n => '('.repeat(n) + ')'.repeat(n),
  n => `(?i:${'ſk'.repeat(n)})`,
]

/** Any schema of about `budget` rules. */
export function randomSchema(random: Random, budget: number, depth: number): object {
  const inner = (): object => randomSchema(random, Math.floor(budget / 3), depth - 1)
  const rules: Record<string, () => unknown> = {
    type: () => random.pick(['string', 'integer', 'object', ['array', 'object', 'null']]),
    minimum: () => hostileNumber(random),
    maxLength: () => random.between(0, 100),
    pattern: () => random.pick(PATTERNS)(size(random, 100)),
    format: () => random.pick(FORMATS),
    enum: () => [hostileValue(random, 5), 1],
    uniqueItems: () => true,
    required: () => list(random.between(1, 20), i => `k${i}`),
    default: () => hostileValue(random, 20),
  }
  const deeper: Record<string, () => unknown> = {
    properties: () => named(random.between(1, 5), inner),
    patternProperties: () => ({ '^k': inner() }),
    additionalProperties: inner,
    unevaluatedProperties: inner,
    unevaluatedItems: inner,
    items: inner,
    contains: inner,
    prefixItems: () => [inner(), inner()],
    allOf: () => [inner(), inner()],
    anyOf: () => [inner(), inner()],
    oneOf: () => [inner(), inner()],
    not: inner,
    if: inner,
    [THEN]: inner,
    else: inner,
    propertyNames: inner,
    $ref: () => '#',
  }
  const from = budget > 3 && depth > 0 ? { ...rules, ...deeper } : rules
  return Object.fromEntries(
    list(random.between(1, 4), () => {
      const keyword = random.pick(Object.keys(from))
      return [keyword, from[keyword]?.()]
    }),
  )
}
