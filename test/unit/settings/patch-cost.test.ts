import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../../model/value.ts'
import { jsonPatch } from '../../../src/settings/write/patch.ts'
import { PATCH_OPERATIONS } from '../../../src/settings/write/patch-budget.ts'
import { createStore, fingerprint, open } from './stores.ts'

const NS = 'kytos/of_lldp'
const list = <Item>(count: number, item: (i: number) => Item): Item[] =>
  Array.from({ length: count }, (_, i) => item(i))

/** The CPU seconds that work takes, and its result or error. */
async function cpu(work: () => unknown): Promise<{ readonly seconds: number; readonly result: unknown }> {
  const before = process.cpuUsage()
  const result = await Promise.resolve()
    .then(work)
    .catch((error: unknown) => error)
  const { user, system } = process.cpuUsage(before)
  return { seconds: (user + system) / 1e6, result }
}

// Each is cut so that it ends, after 2 s or more, where a container is copied for each operation.
describe('a JSON Patch takes time in proportion to its operations', () => {
  const members: JsonObject = Object.fromEntries(list(4_400, i => [`member-${i}`, i]))
  it.each<[string, Json, (i: number) => JsonObject]>([
    ['4,000 additions to an object', {}, i => ({ op: 'add', path: `/member-${i}`, value: i })],
    ['4,000 replacements', members, i => ({ op: 'replace', path: `/member-${i}`, value: -i })],
    ['4,000 moves', members, i => ({ op: 'move', from: `/member-${i}`, path: `/moved-${i}` })],
    ['4,000 removals', members, i => ({ op: 'remove', path: `/member-${i}` })],
    ['4,000 copies', { ...members, to: {} }, i => ({ op: 'copy', from: `/member-${i}`, path: `/to/${i}` })],
  ])(
    '%s',
    async (_, target, operation) => {
      const before = JSON.stringify(target)
      const { seconds, result } = await cpu(() => jsonPatch(target, list(4_000, operation)))
      expect(result).not.toBeInstanceOf(Error)
      expect(JSON.stringify(target)).toBe(before)
      expect(seconds).toBeLessThan(1)
    },
    120_000,
  )

  it.each<[string, Json, (i: number) => JsonObject]>([
    ['operations without end', {}, i => ({ op: 'add', path: `/m-${i}`, value: i })],
    ['tests of a long value', { members }, () => ({ op: 'test', path: '/members', value: members })],
    [
      'moves in a long array',
      { a: list(100_000, i => i) },
      () => ({ op: 'move', from: '/a/0', path: '/a/-' }),
    ],
    [
      'levels of long pointers',
      list(99, i => i).reduce<Json>(inner => ({ a: inner }), { b: 0 }),
      i => ({ op: 'replace', path: `${'/a'.repeat(99)}/b`, value: i }),
    ],
    [
      'copies of what is changed',
      { members },
      i =>
        i % 2 ? { op: 'add', path: '/members/x', value: i } : { op: 'copy', from: '/members', path: '/copy' },
    ],
  ])(
    'or is refused: %s',
    async (_, target, operation) => {
      const { seconds, result } = await cpu(() =>
        jsonPatch(target, list(PATCH_OPERATIONS + 1, operation).slice(_.startsWith('operations') ? 0 : 1)),
      )
      expect(result).toMatchObject({
        code: 'DOCUMENT_TOO_LARGE',
        message: expect.stringContaining('Split it'),
      })
      expect(seconds).toBeLessThan(1)
    },
    120_000,
  )

  it('or is refused for all operations of a transaction together, and nothing is written', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.create', {
      namespace: NS,
      data: Object.fromEntries(list(190, i => [`m${i}`, 0])),
    })
    const before = fingerprint(store)
    const patch = (k: number) => list(190, i => ({ op: 'replace', path: `/m${i}`, value: k }))
    const operations = (count: number) =>
      list(count, k => ({ namespace: NS, method: 'JSON_PATCH' as const, data: patch(k) }))
    const { seconds, result } = await cpu(() =>
      one.ask('kytos.settings.transaction', { operations: operations(128) }),
    )
    expect(result).toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    expect(fingerprint(store)).toBe(before)
    const accepted = await cpu(() => one.ask('kytos.settings.transaction', { operations: operations(50) }))
    expect(accepted.result).toMatchObject({ settings: [{ data: { m0: 49 } }] })
    expect(seconds + accepted.seconds).toBeLessThan(4)
  }, 120_000)
})

// 128 patches that copy a number took 3 s, because the whole document was measured after each.
it('many patches with copies of a large document are refused, and few are applied', async () => {
  const one = await open(createStore())
  const members = Object.fromEntries(list(12_000, i => [`m${i}`, i]))
  await one.ask('kytos.settings.create', { namespace: NS, data: members })
  const operations = (count: number) =>
    list(count, k => ({
      namespace: NS,
      method: 'JSON_PATCH' as const,
      data: [{ op: 'copy', from: `/m${k}`, path: '/copied' }],
    }))
  const change = (count: number) => one.ask('kytos.settings.transaction', { operations: operations(count) })
  await expect(change(128)).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
  expect(await change(4)).toMatchObject({ settings: [{ data: { copied: 3 } }] })
}, 120_000)

it('a JSON Patch that changes one of two copies leaves the other as it is', () => {
  const patch: Json = [
    { op: 'add', path: '/a/b/x', value: 1 },
    { op: 'copy', from: '/a', path: '/c' },
    { op: 'add', path: '/c/b/y', value: 2 },
    { op: 'add', path: '/a/b/z', value: 3 },
    { op: 'move', from: '/c', path: '/d' },
    { op: 'add', path: '/d/b/w', value: [] },
    { op: 'copy', from: '/d/b/w', path: '/e' },
    { op: 'add', path: '/e/-', value: 4 },
  ]
  expect(jsonPatch({ a: { b: {} } }, patch)).toEqual({
    a: { b: { x: 1, z: 3 } },
    d: { b: { x: 1, y: 2, w: [] } },
    e: [4],
  })
})
