import { expect, it } from 'vitest'
import type { JsonObject } from '../../../model/value.ts'
import { createStore, open } from './stores.ts'

/*
 * What many values below long names, or at many places, can cost: a change and an explanation have a JSON
 * Pointer for each of them. In CPU seconds of this process; limits are several times what is needed.
 */

const NS = 'kytos/of_lldp'
const members = (count: number, value: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]))
/** Members below this many levels of a name of this length. */
function below(levels: number, length: number, inner: JsonObject): JsonObject {
  let made = inner
  for (let i = 0; i < levels; i++) made = { ['n'.repeat(length)]: made }
  return made
}

async function cpu<Result>(work: () => Promise<Result>) {
  const before = process.cpuUsage()
  const result = await work().catch((error: unknown) => error)
  const { user, system } = process.cpuUsage(before)
  return { seconds: (user + system) / 1e6, result }
}

it('a change whose JSON Pointers would be very long is refused, and one within the limit costs little', async () => {
  const one = await open(createStore())
  const put = (data: JsonObject, dry_run = false) =>
    cpu(() => one.ask('kytos.settings.update', { namespace: NS, method: 'PUT', data, dry_run }))
  await one.ask('kytos.settings.register', { namespace: NS, schema: {}, napp_version: '1' })
  for (const [levels, length] of [
    [1, 10_000],
    [95, 1_000],
  ] as const) {
    const { seconds, result } = await put(below(levels, length, members(5_000, 1)))
    expect(result).toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      message: expect.stringContaining('JSON Pointers of all members'),
    })
    expect(seconds).toBeLessThan(0.5)
  }
  for (const dry_run of [false, true]) {
    const { seconds, result } = await put(below(95, 1, members(9_000, dry_run ? 2 : 1)), dry_run)
    expect(result).not.toBeInstanceOf(Error)
    expect(seconds).toBeLessThan(1)
  }
})

it('defaults whose JSON Pointers would be very long are refused', async () => {
  const one = await open(createStore())
  const schema = { default: below(1, 10_000, members(5_000, 1)) }
  await expect(
    one.ask('kytos.settings.register', { namespace: NS, schema, napp_version: '1' }),
  ).rejects.toMatchObject({ code: 'SCHEMA_TOO_COSTLY' })
})

it('the explanation of very many values costs little for each of them', async () => {
  const one = await open(createStore())
  const schema = { default: below(95, 1, members(10, 0)) }
  await one.ask('kytos.settings.register', { namespace: NS, schema, napp_version: '1' })
  await one.ask('kytos.settings.update', {
    namespace: NS,
    method: 'PUT',
    data: below(95, 1, members(9_000, 1)),
  })
  const { seconds, result } = await cpu(() =>
    one.ask('kytos.settings.retrieve', { namespace: NS, explain: true }),
  )
  expect(result).toMatchObject({
    explain: { [`${'/n'.repeat(95)}/k77`]: { layer: 'cluster', revision: expect.any(String) } },
  })
  expect(seconds).toBeLessThan(1)
})
