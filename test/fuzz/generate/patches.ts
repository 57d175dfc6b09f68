import type { Random } from '../../chaos/random.ts'
import { list, size } from '../act.ts'
import { hostileText, hostileValue } from './texts.ts'

/** A JSON Patch of up to `most` operations for this value: each kind is slow in another way. */
export function patchOf(random: Random, value: unknown, most = 10_500): unknown {
  const places = pointersInto(random, value)
  const place = (): string => random.pick(places)
  const count = size(random, most)
  const make = random.pick<() => (i: number) => object>([
    () => i => ({ op: 'add', path: `/n${i}`, value: i }),
    () => () => ({ op: 'add', path: '/a/0', value: 1 }),
    () => i => ({ op: i % 2 ? 'copy' : 'add', from: '/c', path: i % 2 ? '/c/x' : `/c/y${i}`, value: i }),
    () => i => ({ op: 'copy', from: '', path: `/z${i}` }),
    () => i => ({ op: 'move', from: i % 2 ? '/a/0' : '/a/1', path: '/a/-' }),
    () => i => ({ op: 'move', from: `/b/k${i}`, path: `/b/m${i}` }),
    () => () => ({ op: 'remove', path: '/a/0' }),
    () => {
      const path = place()
      return () => ({ op: 'test', path, value: valueAt(value, path) })
    },
    () => () => ({
      op: random.pick(['add', 'replace', 'test', 'remove']),
      path: place(),
      value: hostileText(random, 20),
    }),
    () => () => ({ op: random.pick(['move', 'copy']), from: place(), path: `${place()}/x` }),
    () => () => ({ op: 'add', path: '/a'.repeat(size(random, 2_000)), value: 1 }),
    () => i => ({ op: i % 2 ? 'add' : 'remove', path: '/deep', value: { d: 1 } }),
    () => i => ({ op: 'copy', from: '/deep', path: `/deep${'/d'.repeat(i + 1)}` }),
  ])()
  const start = random.chance(0.3)
    ? [{ op: 'add', path: '/deep', value: { d: hostileValue(random, 50) } }]
    : []
  const operations: object[] = [...start]
  let left = 900_000
  for (const operation of list(count, make)) {
    left -= JSON.stringify(operation, printable).length + 1
    if (left < 0) break
    operations.push(operation)
  }
  return operations
}

const printable = (_: string, one: unknown): unknown => (typeof one === 'bigint' ? String(one) : one)

/** Pointers to some places of a value, the whole value among them. */
function pointersInto(random: Random, value: unknown): readonly string[] {
  const found = ['', '/a', '/missing']
  let [at, pointer] = [value, '']
  for (let i = 0; i < 40 && typeof at === 'object' && at !== null; i++) {
    const keys = Object.keys(at)
    if (keys.length === 0) break
    const key = random.pick(keys.slice(0, 100))
    pointer += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    at = (at as Record<string, unknown>)[key]
    found.push(pointer)
  }
  return found
}

function valueAt(value: unknown, pointer: string): unknown {
  return (
    pointer
      .split('/')
      .slice(1)
      .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>(
        (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : 0),
        value,
      ) ?? 0
  )
}
