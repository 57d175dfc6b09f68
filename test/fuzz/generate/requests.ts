import type { Random } from '../../chaos/random.ts'
import { type Act, API, jsonOf, list, REQUEST_CPU_MS, type Scenario, STOREHOUSE, size } from '../act.ts'
import { hostileText, hostileValue } from './texts.ts'

const PATHS = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/kytos/settings/openapi.json',
  `${API}`,
  `${API}/`,
  `${API}/kytos/settings`,
  `${API}/kytos/settings/history`,
  `${API}/kytos/settings/history/1`,
  `${API}/kytos/settings/schema`,
  `${API}/transaction`,
  `${API}/events`,
  `${API}/bus`,
  `${API}/status`,
  `${API}/controllers`,
  `${API}/token`,
  `${API}/dead_letter`,
  `${STOREHOUSE}/v1/net`,
  `${STOREHOUSE}/v1/net/a`,
  `${STOREHOUSE}/v1/net/search_by/owner`,
  `${STOREHOUSE}/v1/backup/net`,
] as const
const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'PROPFIND',
] as const
const PARAMETERS = [
  'scope',
  'explain',
  'fresh',
  'dry_run',
  'limit',
  'prefix',
  'napp_version',
  'digest',
  'force',
  'since',
  'names',
  'namespaces',
  'x',
] as const
const HEADERS = [
  'if-match',
  'if-none-match',
  'x-comment',
  'x-kytos-comment',
  'content-type',
  'accept',
  'last-event-id',
  'range',
  'expect',
  'x',
  'cookie',
  'origin',
  'content-encoding',
  'transfer-encoding',
] as const

/** A text that may be in a header. */
const headerText = (random: Random, most: number): string =>
  random.pick<() => string>([
    () => '"1",'.repeat(size(random, most / 4)),
    () => `"${random.between(1, 99)}.${'9'.repeat(size(random, most))}"`,
    () => 'W/"'.repeat(size(random, most / 3)),
    () => 'application/json; q=0.1,'.repeat(size(random, most / 25)),
    () => '%41'.repeat(size(random, most / 3)),
    () =>
      hostileText(random, most)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .trim(),
  ])()

/** Any request: paths, parameters, headers, ids and bodies that belong together or not. */
const ANY: Scenario = {
  name: 'requests',
  make: (random, id) => list(12, i => anyAct(random, `${id}-${i}`)),
}

function anyAct(random: Random, id: string): Act {
  let path: string = random.pick(PATHS)
  if (random.chance(0.3))
    path += `/${encodeURIComponent(hostileText(random, 1_500).toWellFormed())}`.slice(0, 6_000)
  const parameters = list(random.pick([0, 1, 2, size(random, 800)]), () => {
    const value = random.chance(0.5)
      ? random.pick(['true', 'cluster', 'controller:c1', '1', ''])
      : hostileText(random, size(random, 1_000))
    return `${random.pick(PARAMETERS)}=${encodeURIComponent(value.toWellFormed())}`
  })
  if (parameters.length > 0) path = `${path}?${parameters.join('&')}`.slice(0, 15_000)
  const method = random.pick(METHODS)
  const headers = Object.fromEntries(
    list(random.pick([0, 1, 2, 60]), i => [
      i < 3 ? random.pick(HEADERS.slice(0, -3)) : `x-${id}-${i}`,
      headerText(random, i < 3 ? 3_000 : 100),
    ]),
  )
  const hasBody = !['GET', 'HEAD', 'OPTIONS', 'PROPFIND'].includes(method)
  return {
    name: `${method} of any path`,
    role: random.pick(['reader', 'writer']),
    method,
    path,
    headers,
    limit: REQUEST_CPU_MS,
    ...(hasBody && random.chance(0.8) ? { body: jsonOf(hostileValue(random, size(random, 5_000))) } : {}),
  }
}

const COMMANDS = [
  'create',
  'retrieve',
  'update',
  'delete',
  'list',
  'describe',
  'history',
  'register',
  'transaction',
  'remove_schema',
  'status',
  'controllers',
  'ack',
  'nonsense',
] as const

/** Frames of the bus, one at a time; their connection remains open as long as the service lets it. */
const FRAMES: Scenario = {
  name: 'frames',
  make: (random, id) => list(12, i => frameAct(random, `${id}-${i}`)),
}

function frameAct(random: Random, id: string): Act {
  const act = (name: string, frame: unknown): Act => ({
    name: `frame: ${name}`,
    role: random.pick(['reader', 'writer']),
    method: 'BUS',
    path: '',
    frame: typeof frame === 'string' ? frame : jsonOf(frame),
    limit: REQUEST_CPU_MS,
  })
  const text = (most: number): string => hostileText(random, most).toWellFormed()
  return random.pick<() => Act>([
    () => act('command', { id, name: `kytos.settings.${random.pick(COMMANDS)}`, content: contentOf(random) }),
    () =>
      act('command of boxes', {
        id,
        name: `kytos.storehouse.${random.pick(COMMANDS)}`,
        content: { namespace: 'net', box_id: text(200), data: hostileValue(random, 100) },
      }),
    () => act('unknown name', { id, name: text(size(random, 900_000)) }),
    () => act('id', { id: text(size(random, 900_000)), name: 'kytos.settings.list' }),
    () =>
      act('subscribe', {
        subscribe: list(size(random, 2_000), () => `${text(300)}.*`),
        namespaces: list(size(random, 2_000), () => text(50)),
      }),
    () =>
      act('subscribe since', {
        subscribe: ['settings.*'],
        since: random.pick([text(100_000), '1.1', `0.${'9'.repeat(5_000)}`]),
      }),
    () =>
      act('publish', {
        publish: {
          name: text(size(random, 10_000)),
          content: { a: hostileValue(random, size(random, 20_000)) },
        },
      }),
    () => act('unknown members', Object.fromEntries(list(size(random, 40_000), i => [`${text(20)}${i}`, i]))),
    () => act('text', text(size(random, 1_000_000))),
    () => act('depth', `{"id":1,"name":${'['.repeat(size(random, 900_000))}`),
  ])()
}

function contentOf(random: Random): object {
  return {
    namespace: random.pick(['kytos/settings', 'fuzz/frames', hostileText(random, 5_000).toWellFormed()]),
    ...(random.chance(0.5) ? { data: { a: hostileValue(random, size(random, 20_000)) } } : {}),
    ...(random.chance(0.3) ? { schema: { properties: { a: {} } } } : {}),
    ...(random.chance(0.3) ? { operations: hostileValue(random, size(random, 5_000)) } : {}),
    ...(random.chance(0.3)
      ? { scope: random.pick(['cluster', 'controller:c9', hostileText(random, 3_000).toWellFormed()]) }
      : {}),
    ...(random.chance(0.2) ? { comment: hostileText(random, 5_000).toWellFormed() } : {}),
    ...(random.chance(0.2) ? { revision: hostileText(random, 5_000).toWellFormed() } : {}),
  }
}

export const REQUEST_SCENARIOS: readonly Scenario[] = [ANY, ANY, FRAMES, FRAMES, FRAMES]
