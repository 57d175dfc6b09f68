import { expect, it } from 'vitest'
import { API, openBareRig, type Rig, type SendOptions } from './harness.ts'

const DEAD_LETTER = `${API}/dead_letter`

/** A rig whose listener fails until it is told to recover, and what it heard since. */
async function openWithFailing() {
  const rig = await openBareRig()
  const heard: unknown[] = []
  let failing = true
  const leave = rig.bus.on(
    /topology\..*/,
    event => {
      if (failing) throw Object.assign(new Error(`cannot take ${event.name}`), { code: 'TOPOLOGY_BUSY' })
      heard.push([event.name, event.reinjections])
    },
    { name: 'kytos/topology' },
  )
  const recover = (): void => {
    failing = false
  }
  return { ...rig, heard, leave, recover }
}

async function lettersOf(
  { send }: Pick<Rig, 'send'>,
  query = '',
): Promise<readonly { readonly id: string; readonly event: { readonly name: string } }[]> {
  const { status, json } = await send('GET', `${DEAD_LETTER}${query}`)
  expect(status).toBe(200)
  return json as never // What the route answers, looked into by the tests.
}

/** With its length, which node does not add to a DELETE as others do. */
const json = (value: unknown): SendOptions => ({
  body: { json: value },
  headers: {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(JSON.stringify(value))),
  },
})

it('GET lists what listeners failed on, oldest first, as JSON whatever the events hold', async () => {
  const rig = await openWithFailing()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  rig.bus.emit('topology.up', {
    dpid: 2n ** 64n,
    callback: () => 'secret',
    circle,
    bare: Object.assign(Object.create(null), { f: () => 1 }),
    gone: undefined,
  })
  rig.bus.emit('topology.down')
  await expect.poll(() => lettersOf(rig)).toHaveLength(2)
  expect(await lettersOf(rig)).toMatchObject([
    {
      id: expect.any(String),
      listener: 'kytos/topology',
      event: { id: expect.any(String), name: 'topology.up', reinjections: 0, priority: 0 },
      error: { message: 'cannot take topology.up', code: 'TOPOLOGY_BUSY' },
      at: expect.stringMatching(/Z$/),
    },
    { event: { name: 'topology.down', content: {} } },
  ])
  const { text } = await rig.send('GET', DEAD_LETTER)
  expect(text).toContain(
    '"content":{"dpid":18446744073709551616,"circle":"a object that JSON cannot represent","bare":"a object that JSON cannot represent"}',
  )
  expect((await lettersOf(rig, '?event_name=topology.down')).map(({ event }) => event.name)).toEqual([
    'topology.down',
  ])
  expect((await lettersOf(rig, '?limit=1')).map(({ event }) => event.name)).toEqual(['topology.down'])
  expect(await lettersOf(rig, '?event_name=other')).toEqual([])
})

it('PATCH hands them out again to the listener that failed', async () => {
  const rig = await openWithFailing()
  for (const name of ['topology.up', 'topology.down', 'topology.up']) rig.bus.emit(name)
  await expect.poll(() => lettersOf(rig)).toHaveLength(3)
  const [first, second, third] = (await lettersOf(rig)).map(({ id }) => id)
  rig.recover()
  expect(await rig.send('PATCH', DEAD_LETTER, json({ ids: [second] }))).toMatchObject({
    status: 200,
    json: { reinjected: [second], kept: [] },
  })
  expect(await rig.send('PATCH', `${DEAD_LETTER}/`, json({ event_name: 'topology.up' }))).toMatchObject({
    json: { reinjected: [first, third] },
  })
  await expect
    .poll(() => rig.heard)
    .toEqual([
      ['topology.down', 1],
      ['topology.up', 1],
      ['topology.up', 1],
    ])
  expect(await lettersOf(rig)).toEqual([])
})

it('one whose listener is gone is kept, with the reason', async () => {
  const rig = await openWithFailing()
  rig.bus.emit('topology.up')
  await expect.poll(() => lettersOf(rig)).toHaveLength(1)
  rig.leave()
  const [letter] = await lettersOf(rig)
  const answer = await rig.send('PATCH', DEAD_LETTER, json({ ids: [letter?.id] }))
  expect(answer).toMatchObject({
    status: 200,
    json: {
      reinjected: [],
      kept: [{ id: letter?.id, reason: expect.stringContaining('is no longer registered') }],
    },
  })
  expect(await lettersOf(rig)).toHaveLength(1)
})

it('DELETE drops them', async () => {
  const rig = await openWithFailing()
  for (const name of ['topology.up', 'topology.down', 'topology.up']) rig.bus.emit(name)
  await expect.poll(() => lettersOf(rig)).toHaveLength(3)
  const [first, second, third] = (await lettersOf(rig)).map(({ id }) => id)
  expect(
    await rig.send('DELETE', DEAD_LETTER, json({ ids: [first], event_name: 'topology.up' })),
  ).toMatchObject({
    status: 200,
    json: { dropped: [first] },
  })
  expect(await rig.send('DELETE', DEAD_LETTER, json({ event_name: 'topology.up' }))).toMatchObject({
    json: { dropped: [third] },
  })
  expect((await lettersOf(rig)).map(({ id }) => id)).toEqual([second])
})

it('an unknown id, or one of another name, is 404 and nothing is done', async () => {
  const rig = await openWithFailing()
  rig.bus.emit('topology.up')
  await expect.poll(() => lettersOf(rig)).toHaveLength(1)
  const ids = (await lettersOf(rig)).map(({ id }) => id)
  for (const method of ['PATCH', 'DELETE']) {
    expect(await rig.send(method, DEAD_LETTER, json({ ids: [...ids, 'x'] }))).toMatchObject({
      status: 404,
      json: { code: 'DEAD_LETTER_NOT_FOUND', unknown: ['x'] },
    })
    expect(await rig.send(method, DEAD_LETTER, json({ ids, event_name: 'topology.down' }))).toMatchObject({
      status: 404,
    })
  }
  expect((await lettersOf(rig)).map(({ id }) => id)).toEqual(ids)
})

it.each([
  {},
  { ids: [] },
  { ids: 'a' },
  { ids: [1] },
  { event_name: 7 },
  { event_name: 'a', all: true },
  { ids: Array(1_001).fill('a') },
  [],
])('the body %j is refused: nothing goes by accident', async body => {
  const rig = await openWithFailing()
  rig.bus.emit('topology.up')
  await expect.poll(() => lettersOf(rig)).toHaveLength(1)
  for (const method of ['PATCH', 'DELETE'])
    expect(await rig.send(method, DEAD_LETTER, json(body))).toMatchObject({ status: 400 })
  for (const method of ['PATCH', 'DELETE'])
    expect(await rig.send(method, DEAD_LETTER)).toMatchObject({ status: 400 })
  expect(await lettersOf(rig)).toHaveLength(1)
})

it.each(['?limit=0', '?limit=1001', '?event=x', '?limit=1&limit=2'])(
  'GET with %s is refused',
  async query => {
    const { send } = await openBareRig()
    expect(await send('GET', `${DEAD_LETTER}${query}`)).toMatchObject({
      status: 400,
      json: { code: 'CONTENT_MALFORMED' },
    })
  },
)
