import { describe, expect, it } from 'vitest'
import type { Json } from '../../model/value.ts'
import { type Call, overRest, PLACES, type Verb } from './storehouse-callers.ts'
import { openHome } from './storehouse-home.ts'

/*
 * The call patterns that distinguish the public NApps which use storehouse 1.3.2, each named for its user.
 * The `storehouse.py` of most NApps is one class: list, create or retrieve, then an update with the whole
 * object. It is tested with its variants in storehouse-users.test.ts. These patterns differ from it in the
 * order of the calls, in the namespaces, or in the part of the answer that is read.
 */

/** The id of the box that the first creation of the pattern returned. */
const BOX = '<box>'
/** Sent at once with the step before it, without waiting for that answer. */
const AT_ONCE = true
const NO_BOX = { data: expect.toSatisfy(data => data === false), error: null }
const REFUSED = { error: { code: expect.any(String) } }
const NOT_FOUND = { error: { code: 'BOX_NOT_FOUND' } }

type Answer = Readonly<Record<string, unknown>>
type Step = readonly [verb: Verb, content: object, answer: Answer, atOnce?: typeof AT_ONCE]
interface Pattern {
  readonly user: string
  readonly steps: readonly Step[]
  /** True when REST has other answers, such as 404 for a box that is absent. */
  readonly eventsOnly?: true
}

const box = (data: Json) => ({ data: { data }, error: null })
const ids = (...list: string[]) => ({ data: list, error: null })
const saves = (namespace: string, data: Json, more: object = {}): Step => [
  'update',
  { namespace, box_id: BOX, data, ...more },
  { data: { box_id: BOX }, error: null },
]

/** Topology, before it had a class for storehouse: a box in memory for each kind of entity. */
const metadataOf = (entities: string): Pattern => {
  const namespace = `kytos.topology.${entities}.metadata`
  return {
    user: `early topology, metadata of ${entities}`,
    steps: [
      ['list', { namespace }, ids()],
      ['create', { namespace, data: {} }, box({})],
      saves(namespace, { '00:01': { owner: 'ampath' } }),
      saves(namespace, { '00:01': { owner: 'ampath', gps: null }, '00:02': {} }),
      ['list', { namespace }, ids(BOX)],
      [
        'retrieve',
        { namespace, box_id: BOX, data: {} },
        box({ '00:01': { owner: 'ampath', gps: null }, '00:02': {} }),
      ],
    ],
  }
}

const SDX = 'kytos.sdx.storehouse.version'
const EVCS = 'kytos.mef_eline.circuits'
const FLOWS = 'kytos.flow.persistence'
const USERS = 'kytos.core.auth.users'
const ADA = { username: 'ada', email: 'ada@example.org', password: '00' }
const EVE = { username: 'eve', email: 'eve@example.org', password: '11' }
const flows = (count: number): Json =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`00:0${n}`, { id: `00:0${n}`, flow_list: [] }]))

const PATTERNS: readonly Pattern[] = [
  metadataOf('switches'),
  {
    user: 'early topology, which updates interfaces in a misspelt namespace',
    eventsOnly: true,
    steps: [
      ['create', { namespace: 'kytos.topology.interfaces.metadata', data: {} }, box({})],
      ['update', { namespace: 'kytos.topology.iterfaces.metadata', box_id: BOX, data: { a: {} } }, NOT_FOUND],
      ['list', { namespace: 'kytos.topology.iterfaces.metadata' }, ids()],
      ['retrieve', { namespace: 'kytos.topology.interfaces.metadata', box_id: BOX, data: {} }, box({})],
    ],
  },
  {
    user: 'early mef_eline, which retrieves the box without waiting for its creation',
    eventsOnly: true,
    steps: [
      ['list', { namespace: EVCS }, ids()],
      ['create', { namespace: EVCS, data: {} }, box({})],
      ['retrieve', { namespace: EVCS, box_id: null, data: {} }, REFUSED, AT_ONCE],
      ['retrieve', { namespace: EVCS, box_id: BOX, data: {} }, box({})],
    ],
  },
  {
    user: 'early mef_eline, a PATCH of one circuit at a time',
    steps: [
      ['create', { namespace: EVCS, data: {} }, box({})],
      saves(EVCS, { a: { id: 'a', uni_a: { tag: { value: 1 } } } }, { method: 'PATCH', evc: { id: 'a' } }),
      saves(EVCS, { b: { id: 'b' } }, { method: 'PATCH', evc: { id: 'b' } }),
      // A circuit is replaced, not merged.
      saves(EVCS, { a: { id: 'a', uni_a: {} } }, { method: 'PATCH', evc: { id: 'a' } }),
      [
        'retrieve',
        { namespace: EVCS, box_id: BOX, data: {} },
        box({ a: { id: 'a', uni_a: {} }, b: { id: 'b' } }),
      ],
    ],
  },
  {
    user: 'sdx, single members and the whole object in turn, each read again',
    steps: [
      [
        'create',
        { namespace: SDX, data: { version: 0, oxp_name: '', oxp_url: '' } },
        box({ version: 0, oxp_name: '', oxp_url: '' }),
      ],
      saves(SDX, { version: 1 }),
      ['retrieve', { namespace: SDX, box_id: BOX, data: {} }, box({ version: 1, oxp_name: '', oxp_url: '' })],
      saves(SDX, { version: 1, oxp_name: 'ampath', oxp_url: '' }),
      saves(SDX, { version: 2 }),
      [
        'retrieve',
        { namespace: SDX, box_id: BOX, data: {} },
        box({ version: 2, oxp_name: 'ampath', oxp_url: '' }),
      ],
    ],
  },
  {
    user: 'sdx_topology, members that the box did not have',
    steps: [
      ['create', { namespace: SDX, data: { version: 0 } }, box({ version: 0 })],
      saves(SDX, { time_stamp: '2022-05-01T00:00:00Z' }),
      saves(SDX, { version: 1 }),
      [
        'retrieve',
        { namespace: SDX, box_id: BOX, data: {} },
        box({ version: 1, time_stamp: '2022-05-01T00:00:00Z' }),
      ],
    ],
  },
  {
    user: 'flow_manager, which saves a growing object without waiting for the answers',
    eventsOnly: true,
    steps: [
      ['create', { namespace: FLOWS, data: {} }, box({})],
      saves(FLOWS, flows(1)),
      ...[2, 3, 4, 5, 6].map((count): Step => {
        const [verb, content, answer] = saves(FLOWS, flows(count))
        return [verb, content, answer, AT_ONCE]
      }),
      ['retrieve', { namespace: FLOWS, box_id: BOX, data: {} }, box(flows(6))],
    ],
  },
  {
    user: 'any start that finds more than one box, and takes the oldest',
    steps: [
      ['create', { namespace: FLOWS, box_id: 'z', data: { first: true } }, box({ first: true })],
      ['create', { namespace: FLOWS, box_id: 'a', data: {} }, box({})],
      saves(FLOWS, { first: true, a: 1 }),
      ['list', { namespace: FLOWS }, ids('z', 'a')],
    ],
  },
  {
    user: 'core auth 2021.1, a box for each user',
    steps: [
      ['create', { namespace: USERS, box_id: 'ada', data: ADA }, box(ADA)],
      ['create', { namespace: USERS, box_id: 'eve', data: EVE }, box(EVE)],
      ['create', { namespace: USERS, box_id: 'ada', data: EVE }, REFUSED],
      ['list', { namespace: USERS }, ids('ada', 'eve')],
      [
        'update',
        { namespace: USERS, box_id: 'eve', data: { password: '22' } },
        box({ ...EVE, password: '22' }),
      ],
      ['delete', { namespace: USERS, box_id: 'ada' }, { data: true, error: null }],
      ['list', { namespace: USERS }, ids('eve')],
      ['create', { namespace: USERS, box_id: 'ada', data: ADA }, box(ADA)],
      ['list', { namespace: USERS }, ids('eve', 'ada')],
    ],
  },
  {
    user: 'core auth 2021.1, a user that does not exist: "error or not box"',
    eventsOnly: true,
    steps: [
      ['retrieve', { namespace: USERS, box_id: 'none' }, NO_BOX],
      ['update', { namespace: USERS, box_id: 'none', data: { email: 'x' } }, NOT_FOUND],
      ['delete', { namespace: USERS, box_id: 'none' }, NO_BOX],
      ['list', { namespace: USERS }, ids()],
    ],
  },
]

/** A list or the members of an object, with the id of the box in its place. */
function withId(value: unknown, id: string): unknown {
  if (Array.isArray(value)) return value.map(one => (one === BOX ? id : one))
  if (!isObject(value) || !Object.values(value).includes(BOX)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, one === BOX ? id : one]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** Sends the steps of a pattern; each is answered once, as it expects. */
async function replay(call: Call, steps: readonly Step[]): Promise<void> {
  let id = BOX
  let open: Promise<void>[] = []
  for (const [index, [verb, content, expected, atOnce]] of steps.entries()) {
    if (!atOnce) {
      await Promise.all(open)
      open = []
    }
    const check = async (): Promise<void> => {
      const got = await call(verb, withId(content, id) as object)
      if (verb === 'create' && id === BOX) id = (got.data as { readonly box_id: string }).box_id
      const { data, ...rest } = expected
      const wanted = data === undefined ? expected : { ...rest, data: withId(data, id) }
      expect(got, `step ${index + 1}: ${verb}`).toMatchObject(wanted)
      // toMatchObject would accept members that are too many.
      const whole = isObject(data) ? data.data : undefined
      if (whole !== undefined) expect((got.data as { readonly data: Json }).data).toEqual(whole)
    }
    open.push(check())
  }
  await Promise.all(open)
}

describe.each(Object.entries(PLACES))('a call pattern of storehouse %s', (_place, openCall) => {
  it.each(PATTERNS)('$user', async ({ steps }) => {
    await replay(await openCall(await openHome('filesystem')), steps)
  })
})

describe('a call pattern of storehouse over REST', () => {
  it.each(PATTERNS.filter(({ eventsOnly }) => !eventsOnly))('$user', async ({ steps }) => {
    await replay(overRest(await openHome('filesystem')), steps)
  })
})
