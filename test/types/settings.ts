/*
 * What the compiler must accept and refuse. Checked by `tsc --noEmit`: a line marked `@ts-expect-error` that
 * compiles is an error. Nothing here is run.
 */
import type {
  Json,
  JsonObject,
  LiveSettings,
  NAppContext,
  OpenSettings,
  PatchOf,
  SettingsOf,
} from '../../src/public.ts'
import { openMemorySettings } from '../../src/public.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only when both types are the same. */
declare function same<A, B>(..._same: Equal<A, B> extends true ? [] : [never]): void

declare const context: NAppContext

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['address'],
  properties: {
    address: { type: 'string' },
    polling_time: { type: 'number', default: 3, 'x-apply': 'live' },
    cookie: { type: 'integer', maximum: 18446744073709551615n, default: 7 },
    vlans: { type: 'array', items: { type: 'integer' }, default: [] },
    actions: { type: 'array', items: { enum: ['log', 'disable'] }, default: ['log'] },
    mode: { enum: ['fast', 'safe', null], default: 'safe' },
    kind: { const: 'poller', default: 'poller' },
    limit: { type: ['integer', 'null'], default: null },
    liveness: {
      type: 'object',
      properties: { min_hellos: { type: 'integer', default: 2 }, note: { type: 'string' } },
      required: ['note'],
    },
    proxy: {
      type: 'object',
      properties: { host: { type: 'string' }, port: { type: 'integer' } },
      required: ['host'],
      additionalProperties: false,
    },
    loops: {
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
      default: {},
    },
    timeout: { $ref: '#/$defs/seconds' },
    endpoint: {
      oneOf: [
        { type: 'string' },
        { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] },
      ],
      default: '',
    },
    anything: { default: 1 },
  },
  $defs: { seconds: { type: 'number', default: 1 } },
} as const

interface Expected {
  readonly address?: string
  readonly polling_time: number
  readonly cookie: number | bigint
  readonly vlans: readonly number[]
  readonly actions: readonly ('log' | 'disable')[]
  readonly mode: 'fast' | 'safe' | null
  readonly kind: 'poller'
  readonly limit: number | null
  readonly liveness: { readonly min_hellos: number; readonly note?: string }
  readonly proxy?: { readonly host: string; readonly port?: number }
  readonly loops: { readonly [key: string]: readonly (readonly number[])[] }
  readonly timeout: number
  readonly endpoint: string | { readonly url: string }
  readonly anything: Json
}

export function inference(): void {
  same<SettingsOf<typeof SCHEMA>, Expected>()
  // @ts-expect-error: so that `same` is seen to fail.
  same<SettingsOf<typeof SCHEMA>, Omit<Expected, 'kind'>>()
  same<SettingsOf<JsonObject>, JsonObject>()
  same<SettingsOf<{ readonly type: 'object' }>, JsonObject>()
}

/** A node of a tree refers to its own schema. */
const TREE = {
  type: 'object',
  properties: { root: { $ref: '#/$defs/node' } },
  $defs: {
    node: {
      type: 'object',
      properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } },
      required: ['name'],
      default: { name: '' },
    },
  },
} as const

export async function reading(): Promise<void> {
  const { values } = await context.openSettings(SCHEMA)
  const seconds: number = values.polling_time + values.timeout
  const hellos: number = values.liveness.min_hellos
  // @ts-expect-error: nobody may have set it yet.
  const address: string = values.address
  // @ts-expect-error: an undeclared key.
  values.pollling_time
  // @ts-expect-error: an undeclared nested key.
  values.liveness.max_hellos
  // @ts-expect-error: settings are changed by update() only.
  values.polling_time = 4
  // @ts-expect-error: at no depth.
  values.vlans.push(3)
  const tree = await context.openSettings(TREE)
  const name: string | undefined = tree.values.root.next?.next?.name
  void [seconds, hellos, address, name]
}

export async function listening(): Promise<void> {
  const settings = await context.openSettings(SCHEMA)
  settings.on('polling_time', (now, before) => same<[typeof now, typeof before], [number, number]>())
  settings.on('address', now => same<typeof now, string | undefined>())
  settings.on('/liveness/min_hellos', now => same<typeof now, number>())
  settings.on('/proxy/host', now => same<typeof now, string | undefined>())
  settings.on('/vlans/0', now => same<typeof now, number | undefined>())
  settings.onChange((now, before, changes) =>
    same<[typeof now, typeof before, (typeof changes)[number]['path']], [Expected, Expected, string]>(),
  )
  // @ts-expect-error: an undeclared key.
  settings.on('pollling_time', () => {})
  // @ts-expect-error: an undeclared pointer.
  settings.on('/liveness/max_hellos', () => {})
  // @ts-expect-error: an undeclared first step.
  settings.on('/livenes/min_hellos', () => {})
  // @ts-expect-error: below a number there is nothing.
  settings.on('/polling_time/x', () => {})
  // @ts-expect-error: a listener of another type.
  settings.on('polling_time', (now: string) => now)
}

export async function updating(): Promise<void> {
  const settings = await context.openSettings(SCHEMA)
  await settings.update(
    { polling_time: 1, liveness: { min_hellos: 3 } },
    { comment: 'why', scope: 'controller', revision: settings.revision },
  )
  await settings.update({
    polling_time: null,
    liveness: { note: null },
    proxy: { port: 1 },
    loops: { a: [[1, 2]] },
    cookie: 2n ** 63n,
  })
  // @ts-expect-error: a wrong type.
  await settings.update({ polling_time: '1' })
  // @ts-expect-error: a wrong nested type.
  await settings.update({ liveness: { min_hellos: true } })
  // @ts-expect-error: an undeclared key.
  await settings.update({ pollling_time: 1 })
  // @ts-expect-error: an undeclared nested key.
  await settings.update({ liveness: { max_hellos: 1 } })
  // @ts-expect-error: not one of the enumeration.
  await settings.update({ actions: ['explode'] })
  // @ts-expect-error: an option that there is not.
  await settings.update({ polling_time: 1 }, { why: 'because' })
  same<
    PatchOf<{ readonly a: { readonly b?: number } }>,
    { readonly a?: { readonly b?: number | null } | null }
  >()
}

export async function transacting(): Promise<void> {
  const settings = await context.openSettings(SCHEMA)
  settings.changing((next, now, { changes, signal }) => {
    same<
      [typeof next, typeof now, typeof signal, (typeof changes)[number]['path']],
      [Expected, Expected, AbortSignal, string]
    >()
    return next.polling_time < now.polling_time ? 'slower, please' : undefined
  })
  settings.changing(async () => undefined)
  // @ts-expect-error: an undeclared key.
  settings.changing(next => (next.pollling_time ? 'no' : undefined))
  // @ts-expect-error: a reason is a text.
  settings.changing(() => false)
  await settings.transaction([
    { data: { polling_time: 1 } },
    { scope: 'controller', data: { cookie: null }, revision: settings.revision },
    { namespace: 'kytos/other', method: 'PUT', data: { anything: 1 } },
    { method: 'DELETE', scope: 'controller' },
  ])
  // @ts-expect-error: a wrong type in the NApp's own settings.
  await settings.transaction([{ data: { polling_time: '1' } }])
  // @ts-expect-error: an undeclared key in them.
  await settings.transaction([{ data: { pollling_time: 1 } }])
  // @ts-expect-error: no such method.
  await settings.transaction([{ namespace: 'kytos/other', method: 'MERGE', data: {} }])
}

export async function opening(open: OpenSettings): Promise<void> {
  // A declaration in place needs no `as const`.
  const inline = await open({
    type: 'object',
    properties: { level: { enum: ['low', 'high'], default: 'low' } },
  })
  same<typeof inline.values.level, 'low' | 'high'>()
  // The schema is a file: its author writes the type.
  const byFile: LiveSettings<{ readonly polling_time: number }> = await open<{
    readonly polling_time: number
  }>()
  byFile.on('polling_time', now => same<typeof now, number>())
  // @ts-expect-error: no such type in JSON Schema.
  await open({ type: 'object', properties: { level: { type: 'strng' } } })
  // @ts-expect-error: no such way to apply a change.
  await open({ type: 'object', properties: { level: { type: 'string', 'x-apply': 'soon' } } })
  const memory = await openMemorySettings(SCHEMA, { polling_time: 0.1 })
  same<typeof memory.values, Expected>()
  // @ts-expect-error: overrides are checked too.
  await openMemorySettings(SCHEMA, { polling_time: 'often' })
}
