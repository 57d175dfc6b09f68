import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { createMemoryStore } from '../../../backends/memory/index.ts'
import { printJson } from '../../../model/json.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import type { Json } from '../../../model/value.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { type GuardedRig, openGuardedRig, watchStore } from './guarded.ts'
import { API } from './harness.ts'

export const DOCUMENT = '/api/kytos/settings/openapi.json'
export const STOREHOUSE = '/api/kytos/storehouse'

/** An operation of the document as tests look at it. */
export interface Described {
  readonly key: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly body: readonly string[]
  readonly description: string
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<Record<string, { readonly schema?: object }>>
        readonly 'x-codes'?: readonly string[]
      }
    >
  >
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Every operation that a document describes. */
export function operationsOf(document: OpenApi): readonly Described[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, operation]) => {
      const {
        parameters,
        requestBody,
        responses,
        description = '',
      } = operation as Described & { readonly requestBody?: { readonly content: object } }
      const method = name.toUpperCase()
      return {
        key: `${method} ${path}`,
        method,
        path,
        parameters,
        description,
        responses,
        body: Object.keys(requestBody?.content ?? {}),
      }
    }),
  )
}

/** Checks that what came is what the document describes, with no field more and none less. */
export function createAnswerCheck(
  document: OpenApi,
): (operation: Described, status: number, type: string, body: Json | undefined) => readonly string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // Its types are made for CommonJS.
  ;(formats as unknown as (ajv: Ajv2020) => void)(ajv)
  ajv.addSchema(close({ $id: 'api:', components: document.components }) as object)
  const checks = new Map<string, ValidateFunction>()
  return ({ key, responses }, status, type, body) => {
    const response = responses[status]
    if (!response) return [`${key} answered ${status}, which the document does not name`]
    const media = type.split(';')[0] ?? ''
    const named = Object.keys(response.content ?? {})
    if (!response.content) return body === undefined ? [] : [`${key} ${status} has a body`]
    if (!named.includes(media)) return [`${key} ${status} is ${media}, not ${named.join(', ')}`]
    const { code } = Object(body) as { readonly code?: string }
    if (media === 'application/problem+json' && !response['x-codes']?.includes(code ?? ''))
      return [`${key} ${status} has the code ${code}, which the document does not name`]
    const schema = response.content[media]?.schema
    if (schema === undefined || body === undefined) return []
    const text = JSON.stringify(close(schema)).replaceAll('"#/', '"api:#/')
    const check = checks.get(text) ?? ajv.compile(JSON.parse(text))
    checks.set(text, check)
    // What is compared is what a client of JSON sees; integers beyond 2^53 become doubles, whose type is the
    // same.
    return check(JSON.parse(printJson(body))) ? [] : [`${key} ${status}: ${ajv.errorsText(check.errors)}`]
  }
}

/** A schema that allows no members but those it names. */
function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close)
  if (typeof schema !== 'object' || schema === null) return schema
  const closed = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, close(value)]))
  const names = 'properties' in schema && 'required' in schema && !('additionalProperties' in schema)
  return names ? { ...closed, additionalProperties: false } : closed
}

/** A guarded server with something of everything in it. */
export interface World extends GuardedRig {
  /** What shows a token that administers. */
  readonly admin: Readonly<Record<string, string>>
  /** The ids of a dead letter and of a token. */
  readonly letter: string
  readonly id: string
  /** All that would not be the same if anything had been changed. */
  stored(): Promise<readonly string[]>
}

/** Opens one on a store in memory. */
export async function openWorld(): Promise<World> {
  const store = createMemoryStore()
  const rig = await openGuardedRig({}, { heartbeat: 100, grace: 60_000 }, store)
  const { headers: admin } = await rig.token(['admin'], 'admin')
  const { id } = await rig.token(['read'], 'other')
  const put = (path: string, json: unknown, method = 'PUT') =>
    rig.send(method, path, { headers: admin, body: { json } })
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer', default: 1, 'x-apply': 'live' } },
    additionalProperties: false,
  }
  await put(`${API}/me/full/schema?napp_version=1`, schema)
  await put(`${API}/me/full`, { n: 2 })
  await put(`${API}/me/hooked`, { n: 2 })
  for (const name of ['waits', 'kept', 'back']) await put(`${API}/me/${name}?confirm_within=3600`, { n: 2 })
  // A version that is no longer kept, one that the schema no longer allows, and one whose name is taken.
  for (const n of [1, 2]) await put(`${API}/me/pruned`, { n })
  store.commit([{ key: historyKey(makeKey('settings', 'me', 'pruned'), 1), delete: true }])
  for (const n of ['x', 2]) await put(`${API}/me/narrowed`, { n })
  await put(`${API}/me/narrowed/schema?napp_version=1`, schema)
  await put(`${API}/Me/Twin`, { n: 1 })
  await rig.send('DELETE', `${API}/Me/Twin`, { headers: admin })
  await put(`${API}/me/twin`, { n: 1 })
  rig.bus.view({ type: 'napp', name: 'me/hook' }).consume('me/hooked', { changing: () => 'not now' })
  for (const path of ['v2/net/a', 'v2/net/a-gone', 'v2/net/z', 'v2/backup/b', 'v2/backup/b-gone'])
    await put(`${STOREHOUSE}/${path}`, { deep: { a: null } }, 'POST')
  rig.bus.on('me/napp.said', () => {
    throw new Error('it always fails')
  })
  rig.bus.emit('me/napp.said', { a: 1 })
  while (rig.bus.deadLetters.size === 0) await new Promise(setImmediate)
  const letter = rig.bus.deadLetters.list()[0]?.id ?? ''
  const kept = await watchStore(store)
  const letters = () => rig.bus.deadLetters.list().map(one => `${one.id} ${one.event.reinjections}`)
  return { ...rig, admin, letter, id, stored: async () => [...(await kept()), ...letters()] }
}

/** A path that leads to an operation, its parameters being these. */
export function pathTo({ path }: Described, values: Readonly<Record<string, string>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? (name === 'version' ? '1' : 'me'))
}

/** The first line of an answer that does not end, or that changes what is spoken. */
export async function openLine(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly type: string }> {
  if (path.startsWith(`${API}/bus`)) {
    await openBusSocket(port, headers)
    return { status: 101, type: '' }
  }
  const stop = new AbortController()
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers, signal: stop.signal })
  stop.abort()
  return { status: answer.status, type: answer.headers.get('content-type') ?? '' }
}
