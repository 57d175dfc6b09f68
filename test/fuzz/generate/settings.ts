import type { Random } from '../../chaos/random.ts'
import {
  type Act,
  API,
  BOX_CPU_MS,
  jsonOf,
  list,
  named,
  REQUEST_CPU_MS,
  type Scenario,
  size,
} from '../act.ts'
import { patchOf } from './patches.ts'
import { SHAPES, type Shape } from './schema-shapes.ts'
import { hostileValue } from './texts.ts'

/** Requests of the writer, and of the reader for GET, on the settings of one namespace. */
export function settingsActs(namespace: string) {
  const path = `${API}/${namespace}`
  const act = (name: string, method: string, at = '', body?: unknown, headers = {}): Act => ({
    name,
    role: method === 'GET' ? 'reader' : 'writer',
    method,
    path: path + at,
    limit: REQUEST_CPU_MS,
    headers,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : jsonOf(body) }),
  })
  return {
    act,
    schema: (schema: unknown): Act => act('PUT schema', 'PUT', '/schema', schema),
    put: (value: unknown, at = ''): Act => act(`PUT settings${at && ' of a scope'}`, 'PUT', at, value),
    merge: (value: unknown): Act =>
      act('merge patch', 'PATCH', '', value, { 'content-type': 'application/merge-patch+json' }),
    patch: (value: unknown): Act =>
      act('JSON Patch', 'PATCH', '', value, { 'content-type': 'application/json-patch+json' }),
    reads: (): readonly Act[] => [
      act('GET settings', 'GET'),
      act('GET explain', 'GET', '?explain'),
      act('GET schema', 'GET', '/schema'),
      act('GET history', 'GET', '/history?limit=100'),
      act('GET scope', 'GET', '?scope=controller:c2'),
    ],
    end: (): readonly Act[] => [
      act('DELETE scope', 'DELETE', '?scope=controller:c2'),
      act('DELETE settings', 'DELETE'),
      act('DELETE schema', 'DELETE', '/schema?force'),
    ],
  }
}

function schemaScenario(name: string, make: (random: Random) => Shape): Scenario {
  return {
    name: `schema ${name}`,
    make: (random, id) => {
      const { schema, value } = make(random)
      const to = settingsActs(`fuzz/n${id}`)
      const other = make(random).value
      const order: readonly Act[] = random.chance(0.25)
        ? [to.put(value), to.put(other, '?scope=controller:c2'), to.schema(schema), to.put(value)]
        : [to.schema(schema), to.put(value), to.put(other, '?scope=controller:c2'), to.put(value, '?dry_run')]
      return [
        ...order,
        to.merge(random.chance(0.5) ? other : { a: null, k0: 'x' }),
        to.patch(patchOf(random, value)),
        ...to.reads(),
        ...to.end(),
      ]
    },
  }
}

const PATCHES: Scenario = {
  name: 'patches',
  make: (random, id) => {
    const to = settingsActs(`fuzz/p${id}`)
    const value = random.chance(0.5)
      ? { a: hostileValue(random, size(random, 60_000)) }
      : { a: list(size(random, 40_000), i => i), b: named(size(random, 20_000), i => i), c: {} }
    return [
      to.schema({ properties: { a: {} } }),
      to.put(value),
      ...list(3, () => to.patch(patchOf(random, value))),
      to.merge(deepMerge(random.between(1, 126), size(random, 500))),
      ...to.reads(),
      ...to.end(),
    ]
  },
}

function deepMerge(depth: number, width: number): object {
  let value: object = named(width, i => i)
  for (let i = 1; i < depth; i++) value = { ...named(Math.floor(width / depth), () => null), a: value }
  return value
}

/** Many values below long names, so that a list of their pointers is much longer than the document. */
const LONG_PATHS: Scenario = {
  name: 'long paths',
  make: (random, id) => {
    const to = settingsActs(`fuzz/q${id}`)
    const levels = random.between(1, 120)
    const name = 'n'.repeat(size(random, 240_000 / levels))
    const wide = (value: unknown): object => {
      let made: object = named(size(random, 25_000), () => value)
      for (let i = 0; i < levels; i++) made = { [name]: made }
      return made
    }
    return [
      to.schema({}),
      to.put(wide(1)),
      to.put(wide(2), '?dry_run'),
      to.put(wide(3), '?scope=controller:c1'),
      to.put(wide(4)),
      ...to.reads(),
      to.schema({ additionalProperties: { type: 'string', 'x-apply': 'restart' } }),
      to.put(wide(5)),
      ...to.reads(),
      to.act('DELETE scope', 'DELETE', '?scope=controller:c1'),
      ...to.end(),
    ]
  },
}

const TRANSACTION: Scenario = {
  name: 'transaction',
  make: (random, id) => {
    const spaces = random.pick([1, 4, 32])
    const shape = random.chance(0.5) ? SHAPES[random.pick(Object.keys(SHAPES))]?.(random) : undefined
    const to = list(spaces, i => settingsActs(`fuzz/t${id}x${i}`))
    const value = shape?.value ?? { a: list(size(random, 3_000), i => i) }
    const operations = list(128, i => {
      const namespace = `fuzz/t${id}x${i % spaces}`
      if (i < spaces || random.chance(0.3)) return { namespace, method: 'PUT', data: value }
      if (random.chance(0.5)) return { namespace, method: 'PATCH', data: { [`n${i}`]: i } }
      return { namespace, method: 'JSON_PATCH', data: patchOf(random, value, 200) }
    })
    const path = `${API}/transaction`
    const act: Act = { name: 'transaction', role: 'writer', method: 'POST', path, limit: REQUEST_CPU_MS }
    const sized = fitting(operations)
    // A list of operations is no merge patch.
    const merges = sized.flatMap(one => (Array.isArray(one.data) ? [] : [{ ...one, method: 'PATCH' }]))
    return [
      ...to.map(one => one.schema(shape?.schema ?? {})),
      { ...act, name: 'transaction, dry run', path: `${path}?dry_run`, body: jsonOf({ operations: sized }) },
      { ...act, body: jsonOf({ operations: sized }) },
      { ...act, body: jsonOf({ operations: merges }) },
      ...(to[0]?.reads() ?? []),
      ...to.flatMap(one => one.end()),
    ]
  },
}

/** Transactions that are valid, so that all of their operations are done: up to the limits of one. */
const COMMITTED: Scenario = {
  name: 'transaction that commits',
  make: (random, id) => {
    const spaces = random.pick([1, 4, 16])
    const to = list(spaces, i => settingsActs(`fuzz/u${id}x${i}`))
    const scopes = random.pick([['cluster'], ['cluster', 'controller:c1'], ['cluster', 'controller:c2']])
    const places = to.flatMap((_, i) => scopes.map(scope => ({ namespace: `fuzz/u${id}x${i}`, scope })))
    const levels = size(random, 100)
    const wide = (value: unknown): object => {
      let made: object = named(size(random, Math.min(20_000, 45_000 / places.length)), () => value)
      for (let i = 0; i < levels; i++) made = { d: made }
      return { ...made, list: list(size(random, 500), i => i), moved: {} }
    }
    const count = size(random, 9_000 / 128)
    const patch = random.pick<(i: number) => object[]>([
      i => list(count, n => ({ op: 'add', path: `/p${i}x${n}`, value: n })),
      () => list(count, n => ({ op: 'add', path: '/list/0', value: n })),
      () => list(count, () => ({ op: 'move', from: '/list/0', path: '/list/-' })),
      () => list(count, n => ({ op: n % 2 ? 'remove' : 'add', path: '/moved/x', value: n })),
      () => [{ op: 'copy', from: '/list', path: '/moved/list' }],
    ])
    const further = list(random.between(1, 128 - places.length), i => {
      const place = places[i % places.length]
      return random.chance(0.5)
        ? { ...place, method: 'PATCH', data: { [`n${i}`]: i, moved: { [`m${i}`]: null } } }
        : { ...place, method: 'JSON_PATCH', data: patch(i) }
    })
    const text = (value: unknown): string =>
      jsonOf({
        operations: fitting([
          ...places.map(one => ({ ...one, method: 'PUT', data: wide(value) })),
          ...further,
        ]),
      })
    const path = `${API}/transaction`
    const act: Act = { name: 'transaction', role: 'writer', method: 'POST', path, limit: REQUEST_CPU_MS }
    const rule = { additionalProperties: {}, properties: { list: { items: { minimum: -9 } } } }
    return [
      ...to.map(one => one.schema(random.chance(0.5) ? {} : rule)),
      { ...act, name: 'transaction, dry run', path: `${path}?dry_run`, body: text(0) },
      ...list(3, i => ({ ...act, body: text(i) })),
      ...(to[0]?.reads() ?? []),
      { ...act, body: jsonOf({ operations: places.map(one => ({ ...one, method: 'DELETE' })) }) },
      ...to.flatMap(one => one.end()),
    ]
  },
}

/** The first operations whose text has less than a body may have. */
function fitting<One>(operations: readonly One[]): readonly One[] {
  let left = 1_000_000
  return operations.filter(one => {
    left -= jsonOf(one).length + 1
    return left > 0
  })
}

const TEXTS: Scenario = {
  name: 'bodies',
  make: (random, id) => {
    const to = settingsActs(`fuzz/b${id}`)
    const text = random.pick<() => string>([
      () => '['.repeat(size(random, 1_000_000)),
      () => '{"a":'.repeat(size(random, 200_000)),
      () => `{${list(size(random, 60_000), i => `"k${i}":${i}`).join(',')}}`,
      () => `{"a":[${list(size(random, 120_000), () => '1').join(',')}]}`,
      () => `{"a":${'9'.repeat(size(random, 1_000_000))}}`,
      () => `{"a":[${list(size(random, 240), () => '9'.repeat(4_300)).join(',')}]}`,
      () => `{"a":0.${'1'.repeat(size(random, 1_000_000))}e-${random.between(1, 400)}}`,
      () => `{"a":"${'\\u0041'.repeat(size(random, 170_000))}"}`,
      () => `{"${'\\n'.repeat(size(random, 500_000))}":1}`,
      () => `{"a":1${' '.repeat(size(random, 1_000_000))}}`,
      () => `{${'"a":1,'.repeat(size(random, 160_000))}"b":1}`,
      () => jsonOf({ a: hostileValue(random, size(random, 90_000)) }).slice(0, size(random, 1_000_000)),
    ])()
    return [
      to.schema({}),
      to.put(text),
      to.merge(text),
      to.patch(text),
      to.schema(text),
      ...to.reads(),
      ...to.end(),
    ]
  },
}

/** A body above the limit of everything but boxes. */
const LARGE: Scenario = {
  name: 'too large a body',
  make: (random, id) => {
    const { put } = settingsActs(`fuzz/l${id}`)
    return [{ ...put(`{"a":"${'x'.repeat(random.between(1_048_000, 1_300_000))}"}`), limit: BOX_CPU_MS }]
  },
}

export const SETTINGS_SCENARIOS: readonly Scenario[] = [
  ...Object.entries(SHAPES).map(([name, make]) => schemaScenario(name, make)),
  PATCHES,
  PATCHES,
  LONG_PATHS,
  TRANSACTION,
  COMMITTED,
  COMMITTED,
  TEXTS,
  TEXTS,
  LARGE,
]
