import type { Operation } from '../../backends/backend.ts'
import { type Key, makeKey } from '../../model/key.ts'

/** Keys for cases: overrides of NApps, which a backend may show to people as files. */
export const A: Key = makeKey('settings', 'kytos', 'alpha')
export const B: Key = makeKey('settings', 'kytos', 'beta')
export const C: Key = makeKey('settings', 'kytos', 'gamma')

/** The key of the n-th record of a history, in the order of n. */
export function record(n: number): Key {
  return makeKey('history', 'settings', 'kytos', 'many', String(n).padStart(12, '0'))
}

/** A small document with a number. */
export function doc(n: number | string): string {
  return `{"n":${JSON.stringify(n)}}`
}

/** A put of {@link doc} n. */
export function put(key: Key, n: number | string = 1): Operation & { readonly put: string } {
  return { key, put: doc(n) }
}

/** The numbers from 0 to `count`, exclusive. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Splits a list into chunks of at most `size`. */
export function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return range(Math.ceil(items.length / size)).map(n => items.slice(n * size, (n + 1) * size))
}
