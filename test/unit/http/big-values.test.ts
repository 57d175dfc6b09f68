import { expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { INTEGER_DIGITS, OBJECT_MEMBERS, OUTSIDE_VALUES } from '../../../model/json-limits.ts'
import { makeKey } from '../../../model/key.ts'
import { openRealRig } from './harness.ts'

/*
 * What a large value costs, in CPU seconds of this process; limits are several times what is needed, and a
 * third or less of what it took before values were bounded.
 */

const V1 = '/api/kytos/storehouse/v1'
const V2 = '/api/kytos/storehouse/v2'
const headers = { 'content-type': 'application/json' }
const list = (count: number, item: (i: number) => string): string =>
  `[${Array.from({ length: count }, (_, i) => item(i)).join(',')}]`
const members = (count: number): string => `{${list(count, i => `"k${i}":${i}`).slice(1, -1)}}`

it.each([
  ['a million members', members(1_000_000), 'an object has more than 50000 members'],
  ['7 million items', list(7_000_000, () => '1'), 'more than 100000 members and items'],
  ['15 MiB of digits', list(3_600, () => '7'.repeat(INTEGER_DIGITS)), 'more than 100000 members and items'],
  [
    'an integer of a million digits',
    list(16, () => '7'.repeat(1_000_000)),
    'an integer has 1000000 digits; 4300 are allowed',
  ],
])(
  'a body of %s is refused early',
  async (_, body, why) => {
    const { send } = await openRealRig()
    const before = process.cpuUsage()
    const answer = await send('POST', `${V2}/net/a`, { body, headers })
    const { user } = process.cpuUsage(before)
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'JSON_MALFORMED', detail: expect.stringContaining(why) },
    })
    expect(user / 1e6).toBeLessThan(2)
    expect((await send('GET', `${V1}/net/a`)).status).toBe(404)
  },
  120_000,
)

it('the largest values that are accepted are written and read within a second or two', async () => {
  const { send } = await openRealRig()
  for (const [id, body] of [
    ['members', members(OBJECT_MEMBERS)],
    ['items', list(OUTSIDE_VALUES - 1, () => '1')],
    ['digits', list(350, () => '7'.repeat(INTEGER_DIGITS))],
    ['text', `"${'x'.repeat(15 * 1024 * 1024)}"`],
  ] as const) {
    const before = process.cpuUsage()
    expect(await send('POST', `${V2}/net/${id}`, { body, headers })).toMatchObject({ status: 201 })
    const read = await send('GET', `${V1}/net/${id}`)
    expect(read.text === body, id).toBe(true)
    expect(process.cpuUsage(before).user / 1e6, id).toBeLessThan(4)
  }
}, 120_000)

it('a long box is sent as it is stored, without being parsed and printed', async () => {
  const store = createMemoryStore()
  const hand = createMemoryBackend({ report: () => {} }, store)
  await hand.open()
  // Our own printer writes no spaces: they come through only as they are.
  const data = list(40_000, i => ` ${i} `)
  const envelope = `"created_at":"2024-02-29T12:00:00.000Z","owner":"\\",\\"created_at\\":\\"x","written":{"write_id":"w"}`
  await hand.commit([{ key: makeKey('boxes', 'net', 'long'), put: `{"data":${data},${envelope}}` }])
  await hand.commit([{ key: makeKey('boxes', 'net', 'short'), put: `{"data":[ 1 ],${envelope}}` }])
  await hand.commit([
    {
      key: makeKey('boxes', 'net', 'other'),
      put: `{"data":${data},"by":${data},"created_at":"","owner":null,"written":{}}`,
    },
  ])
  const { send, bus } = await openRealRig(createMemoryBackend({ report: () => {} }, store))
  expect((await send('GET', `${V1}/net/long`)).text === data).toBe(true)
  expect((await send('GET', `${V1}/net/short`)).text).toBe('[1]')
  // Another program wrote it, with more members.
  expect((await send('GET', `${V1}/net/other`)).json).toHaveLength(40_000)
  const { ask } = await import('../../../events/ask.ts')
  const box = await ask(bus, 'kytos.storehouse.retrieve', { namespace: 'net', box_id: 'long' })
  expect(box && { ...box, data: (box.data as readonly unknown[]).length }).toMatchObject({
    box_id: 'long',
    created_at: '2024-02-29T12:00:00.000Z',
    owner: '","created_at":"x',
    epoch: expect.any(Number),
    write_id: 'w',
    data: 40_000,
  })
  await hand.close()
})
