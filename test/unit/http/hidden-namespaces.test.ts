import { get, type IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import '../../support/seed.ts'
import { COMMANDS, type CommandName } from '../../../events/map.ts'
import type { Permission } from '../../../model/permissions.ts'
import { type Visibility, visibilityOf } from '../../../model/rights/visibility.ts'
import { type BusSocket, openBusSocket } from '../../support/bus-socket.ts'
import { API } from './harness.ts'
import { type LimitedWorld, openLimitedWorld, type WorldLimits } from './limited-world.ts'
import { type Described, DOCUMENT, type OpenApi, operationsOf, pathTo } from './openapi-world.ts'

/*
 * Two stores that differ only in what is hidden give a limited token the same answers: texts, headers, errors,
 * facts, and here even revisions and cursors, because both stores get the same number of hidden commits. Only
 * random ids are replaced.
 */

const VISIBLE = ['kytos/a', 'kytos/b', 'acme/x1'] as const
/** Names that both stores have only if they are visible. Some are near a name that does not exist. */
const HIDDEN = ['kytoz/a', 'acme/yy', 'secret/one'] as const
const UNKNOWN = ['kytos/aa', 'acme/xy', 'kytoy/a', 'nope/nope', 'ACME/X1', 'no namespace'] as const
const VISIBLE_BOXES = ['kytos.a'] as const
const HIDDEN_BOXES = ['kytoz.a', 'Kytos.a'] as const
/** A hidden box of both stores, which gets as many commits as the hidden changes of the other store. */
const PADDING = { namespace: 'padding', box_id: 'box' }
const SCHEMA = { type: 'object', properties: { n: { type: 'integer', default: 1 } } }

type HiddenChange =
  | {
      readonly kind: 'overrides'
      readonly namespace: string
      readonly scope: string
      readonly n: number | string
    }
  | { readonly kind: 'schema'; readonly namespace: string }
  | { readonly kind: 'box'; readonly namespace: string; readonly box_id: string }

type Request =
  | {
      readonly kind: 'command'
      readonly name: CommandName
      readonly fields: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'rest'; readonly at: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'hidden'; readonly change: HiddenChange }

const anyLimits: fc.Arbitrary<WorldLimits> = fc.constantFrom(
  { namespaces: ['kytos/*', 'acme/x*'], boxes: ['kytos.*'] },
  { namespaces: ['KYTOS/A'] },
  { namespaces: ['*/a', 'acme/*'], boxes: ['k*.a'] },
  { namespaces: ['nothing/here'], boxes: ['kytos.a'] },
  { namespaces: ['*/*'] },
)
const anyRights: fc.Arbitrary<readonly Permission[]> = fc.constantFrom(['write'], ['admin'], ['read'])
const anyNamespace = fc.constantFrom<string>(...VISIBLE, ...HIDDEN, ...UNKNOWN)
const anyBoxes = fc.constantFrom<string>(...VISIBLE_BOXES, ...HIDDEN_BOXES, 'none')
const anyScope = fc.constantFrom(
  'cluster',
  'controller',
  'controller:c-both',
  'controller:c-hiddem',
  'nonsense',
)
const anyHidden: fc.Arbitrary<HiddenChange> = fc.oneof(
  fc.record({
    kind: fc.constant('overrides' as const),
    namespace: fc.constantFrom(...HIDDEN, ...VISIBLE),
    scope: fc.constantFrom('cluster', 'controller', 'controller:c-hidden', 'controller:c-both'),
    n: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('no number')),
  }),
  fc.record({ kind: fc.constant('schema' as const), namespace: fc.constantFrom(...HIDDEN, ...VISIBLE) }),
  fc.record({
    kind: fc.constant('box' as const),
    namespace: fc.constantFrom(...HIDDEN_BOXES, ...VISIBLE_BOXES),
    box_id: fc.constantFrom('one', 'two'),
  }),
)
/** A value for every field of every command; a field without one fails the test. */
const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  namespace: anyNamespace,
  scope: anyScope,
  comment: fc.constant('c'),
  schema: fc.constant(SCHEMA),
  seed: fc.constant({}),
  napp_version: fc.constant('1'),
  data: fc.record({ n: fc.integer({ min: 0, max: 9 }) }),
  explain: fc.boolean(),
  fresh: fc.boolean(),
  method: fc.constantFrom('PATCH', 'PUT'),
  revision: fc.constantFrom('1', '1.2'),
  dry_run: fc.boolean(),
  prefix: fc.constantFrom('k', 'kytoz', 'acme/'),
  include: fc.subarray(['data', 'explain', 'rejected']),
  digest: fc.constant('0'.repeat(64)),
  // A removed schema would be stored again at some time, which is no answer.
  force: fc.constant(false),
  operations: fc.array(
    fc.record(
      { namespace: anyNamespace, data: fc.constant({ n: 3 }) },
      { requiredKeys: ['namespace', 'data'] },
    ),
    { minLength: 1, maxLength: 3 },
  ),
  limit: fc.integer({ min: 1, max: 3 }),
  version: fc.integer({ min: 1, max: 3 }),
  box_id: fc.constantFrom('one', 'two', 'three'),
  owner: fc.constant('o'),
  created_at: fc.constant('2024-02-29T12:00:00.000Z'),
  at: fc.constant('2100-01-01T00:00:00.000Z'),
  from: fc.constant('2020-01-01T00:00:00.000Z'),
  after: fc.constantFrom('0', '1.2', '1.4'),
  keys: fc.constant(['/n']),
  write_id: fc.constant('no-such-write'),
  documents: fc.array(fc.record({ namespace: anyNamespace, version: fc.constantFrom(0, 1) }), {
    minLength: 1,
    maxLength: 2,
  }),
  // No time ends within the test.
  confirm_within: fc.constant(3_600),
}
const anyCommand: fc.Arbitrary<Request> = fc
  .constantFrom(...(Object.keys(COMMANDS) as CommandName[]))
  .chain(name => {
    const { fields } = COMMANDS[name]
    const required = Object.entries(fields).flatMap(([field, one]) => (one.required ? [field] : []))
    const model = Object.fromEntries(
      Object.keys(fields).map(field => {
        const value = field === 'namespace' && name.includes('storehouse') ? anyBoxes : FIELDS[field]
        if (!value) throw new Error(`The field "${field}" of ${name} has no generated value.`)
        return [field, value]
      }),
    )
    return fc.record({
      kind: fc.constant('command' as const),
      name: fc.constant(name),
      fields: fc.record(model, { requiredKeys: required }),
    })
  })
const anyRest: fc.Arbitrary<Request> = fc.record({
  kind: fc.constant('rest' as const),
  at: fc.nat(1_000),
  fields: fc.record({
    namespace: anyNamespace,
    boxes: anyBoxes,
    box_id: fc.constantFrom('one', 'two', 'backup'),
    scope: fc.option(anyScope, { nil: undefined }),
    explain: fc.boolean(),
    json: fc.oneof(
      fc.record({ n: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ operations: FIELDS.operations ?? fc.constant([]) }),
      fc.record({ namespace: anyNamespace }),
    ),
    ifMatch: fc.option(fc.constantFrom('"1.2"', '*'), { nil: undefined }),
  }),
})
const anyRequests = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: anyCommand },
    { weight: 5, arbitrary: anyRest },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('hidden' as const),
        change: anyHidden,
      }) as fc.Arbitrary<Request>,
    },
  ),
  { minLength: 25, maxLength: 60 },
)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-01-01T00:00:00.000Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Makes a change, unless it is visible. */
async function changeHidden(world: LimitedWorld, change: HiddenChange, sees: Visibility): Promise<void> {
  const { namespace } = change
  if (change.kind === 'box' ? sees.seesBoxes(namespace) : sees.seesNamespace(namespace)) return
  switch (change.kind) {
    case 'overrides':
      await world
        .ask('kytos.settings.update', { namespace, scope: change.scope, data: { n: change.n } })
        .catch(() => {})
      break
    case 'schema':
      await world.ask('kytos.settings.register', { namespace, schema: SCHEMA }).catch(() => {})
      break
    case 'box':
      await world
        .ask('kytos.storehouse.create', { namespace, box_id: change.box_id, data: { n: 1 } })
        .catch(() => {})
  }
}

/** Brings both stores to one revision by hidden commits. */
async function level(worlds: readonly LimitedWorld[]): Promise<void> {
  const most = worlds.reduce((max, { revision }) => (revision > max ? revision : max), 0n)
  for (const world of worlds)
    while (world.revision < most)
      await world.ask('kytos.storehouse.update', { ...PADDING, data: { n: Number(world.revision) } })
}

async function fill(world: LimitedWorld): Promise<void> {
  for (const namespace of VISIBLE)
    await world.ask('kytos.settings.update', { namespace, data: { n: 'text' } })
  await world.ask('kytos.settings.register', { namespace: 'kytos/a', schema: SCHEMA })
  await world.ask('kytos.settings.update', {
    namespace: 'kytos/a',
    scope: 'controller:c-both',
    data: { n: 2 },
  })
  await world.ask('kytos.storehouse.create', { namespace: 'kytos.a', box_id: 'one', data: { n: 1 } })
  await world.ask('kytos.storehouse.create', { ...PADDING, data: {} })
}

/** What a caller sees of an HTTP answer. */
async function rest(
  world: LimitedWorld,
  operation: Described,
  fields: Readonly<Record<string, unknown>>,
): Promise<string> {
  const [username = '', name = 'x'] = String(fields.namespace).split('/')
  const isStorehouse = operation.path.includes('storehouse')
  const path = pathTo(operation, {
    username,
    name: encodeURIComponent(name),
    namespace: String(fields.boxes),
    box_id: String(fields.box_id),
    option: 'box_id',
    query: 'o',
    version: '1',
  }).replaceAll(' ', '%20')
  const names = isStorehouse
    ? []
    : operation.parameters.flatMap(one => (one.in === 'query' ? [one.name] : []))
  const query = [
    ...(names.includes('scope') && fields.scope !== undefined ? [`scope=${fields.scope}`] : []),
    ...(names.includes('explain') && fields.explain ? ['explain=true'] : []),
    ...(names.includes('include') && fields.explain ? ['include=data,explain,rejected'] : []),
  ].join('&')
  const { ifMatch } = fields
  const { status, text, headers } = await world.send(operation.method, `${path}${query && `?${query}`}`, {
    headers: { ...world.headers, ...(typeof ifMatch === 'string' && { 'if-match': ifMatch }) },
    ...(operation.method !== 'GET' && { body: { json: fields.json } }),
  })
  // The length differs with the measured age; the texts are compared.
  const { date: _, 'content-length': __, ...rest } = headers
  return withoutIds(JSON.stringify({ status, text, rest }))
}

/** Random ids, and the measured age of the state. */
function withoutIds(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'UUID')
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'UUID')
    .replaceAll(/(\\?"age\\?":)[\d.e-]+/g, '$1AGE')
    .replaceAll(/"reply_to":"[^"]*"/g, '')
}

interface Reader {
  readonly world: LimitedWorld
  readonly line: BusSocket
  readonly events: () => string
  readonly frames: string[]
}

async function openReader(world: LimitedWorld): Promise<Reader> {
  let text = ''
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(
      {
        host: '127.0.0.1',
        port: world.http.port,
        path: `${API}/events?since=0`,
        headers: world.headers,
        agent: false,
      },
      resolve,
    )
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
  response.on('data', chunk => {
    text += chunk
  })
  const events = await openBusSocket(world.http.port, world.headers)
  const frames: string[] = []
  events.socket.on('message', data => frames.push(String(data)))
  events.send({ subscribe: ['settings.*', 'box.*'], since: '0' })
  return { world, line: await openBusSocket(world.http.port, world.headers), events: () => text, frames }
}

it('shows nothing hidden: two stores that differ only in it give a limited token the same answers', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyLimits,
      anyRights,
      fc.array(anyHidden, { minLength: 1, maxLength: 8 }),
      anyRequests,
      async (limits, rights, hidden, requests) => {
        const sees = visibilityOf({ boxes: [], ...limits })
        const all = [...HIDDEN, ...VISIBLE]
        const seen = all.filter(name => sees.seesNamespace(name))
        const worlds = [
          await openLimitedWorld({ limits, rights }, { napps: seen, files: seen }),
          await openLimitedWorld({ limits, rights }, { napps: all, files: all }),
        ] as const
        for (const world of worlds) await fill(world)
        for (const change of hidden) await changeHidden(worlds[1], change, sees)
        await level(worlds)
        const operations = operationsOf(
          (await worlds[0].send('GET', DOCUMENT)).json as unknown as OpenApi,
        ).filter(
          ({ path, method }) =>
            path.startsWith('/api') &&
            !/\/(events|bus|token|openapi\.json)$/.test(path) &&
            // See FIELDS.force.
            !(method === 'DELETE' && path.endsWith('/schema')),
        )
        const readers = await Promise.all(worlds.map(openReader))
        for (const request of requests) {
          if (request.kind === 'hidden') {
            await changeHidden(worlds[1], request.change, sees)
            await level(worlds)
            continue
          }
          const operation = request.kind === 'rest' ? operations[request.at % operations.length] : undefined
          const answers = []
          for (const { world, line } of readers) {
            if (operation) answers.push(await rest(world, operation, request.fields))
            else if (request.kind === 'command')
              answers.push(withoutIds(printed(await line.ask(request.name, request.fields))))
          }
          expect([operation?.key, request, answers[1]]).toEqual([operation?.key, request, answers[0]])
          expect(worlds[1].revision).toBe(worlds[0].revision)
        }
        for (const world of worlds) {
          if (sees.seesBoxes('kytos.a'))
            await world.ask('kytos.storehouse.create', { namespace: 'kytos.a', box_id: 'the-last', data: 1 })
          else await world.ask('kytos.settings.update', { namespace: 'kytos/a', data: { m: 'the-last' } })
        }
        for (const { events, frames } of readers) {
          await expect.poll(events, { timeout: 20_000 }).toContain('the-last')
          await expect.poll(() => frames.join(), { timeout: 20_000 }).toContain('the-last')
        }
        const [one, other] = readers
        expect(withoutIds(other?.events() ?? '')).toBe(withoutIds(one?.events() ?? ''))
        expect(withoutIds(other?.frames.join('\n') ?? '')).toBe(withoutIds(one?.frames.join('\n') ?? ''))
        for (const { line } of readers) line.socket.terminate()
      },
    ),
    // Without a search for a smaller case, which would take minutes.
    { numRuns: 12, endOnFailure: true },
  )
}, 120_000)

function printed(value: unknown): string {
  return JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one))
}
