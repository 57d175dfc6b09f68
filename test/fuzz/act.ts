import { printJson } from '../../model/json.ts'
import type { Json } from '../../model/value.ts'
import type { Random } from '../chaos/random.ts'
import type { Role } from './fuzzed-service.ts'

/** The first parts of all paths. */
export const API = '/api/kytos/settings/v1'
export const STOREHOUSE = '/api/kytos/storehouse'

/** CPU milliseconds of the service that one request may take. */
export const REQUEST_CPU_MS = 200
/** CPU milliseconds of the service for a request or an answer that is larger by the size of a box. */
export const BOX_CPU_MS = 1_000

/** One request, or one command on the bus when `frame` is present. */
export interface Act {
  /** A short name of the kind, for findings. */
  readonly name: string
  readonly role: Role
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** A text frame for the bus in place of a request. */
  readonly frame?: string
  readonly limit: number
}

/** A generator of one scenario: requests in their order, on names of their own. */
export interface Scenario {
  readonly name: string
  readonly make: (random: Random, id: string) => readonly Act[]
}

/** Integers of any size are printed exactly. */
// The cast is unchecked, because generated values are JSON.
export const jsonOf = (value: unknown): string => printJson(value as Json)

export const list = <Item>(count: number, item: (i: number) => Item): Item[] =>
  Array.from({ length: count }, (_, i) => item(i))

/** An object with `count` members of about the same name. */
export const named = <Value>(count: number, value: (i: number) => Value, lead = 'k'): Record<string, Value> =>
  Object.fromEntries(list(count, i => [`${lead}${i}`, value(i)]))

/** A whole number whose size is evenly spread over the orders of magnitude from 1 to `most`. */
export function size(random: Random, most: number): number {
  return Math.max(1, Math.floor(most ** random.next()))
}
