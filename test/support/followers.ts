import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3, IWatchResponse } from 'etcd3'
import { expect } from 'vitest'
import { createEtcdBackend, type EtcdOptions } from '../../backends/etcd/index.ts'
import type { Facts } from '../../events/map.ts'
import { compareCursors, parseCursor, START } from '../../model/cursor.ts'
import { isSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import type { SnapshotFile } from '../../src/watcher/snapshot.ts'
import { type Controller, openController } from './controller.ts'

/*
 * Controllers that follow one etcd, and their obligations. Each receives every announced change of the
 * store's history, as a plain client reads it, once and in order, and its cache equals the store.
 */

/**
 * One change of a key in the store's history: the key without the prefix, `text` undefined for a deletion.
 */
export interface Step {
  readonly revision: bigint
  readonly key: string
  readonly text: string | undefined
}

const PREFIX = '/kytos/'
const END = Buffer.from('~end')

/** Opens a controller with a short timeout on an etcd at these endpoints, below `/kytos`. */
export function openFollower(
  id: string,
  options: Partial<EtcdOptions> & Pick<EtcdOptions, 'endpoints'>,
  snapshot?: SnapshotFile,
): Promise<Controller> {
  const backend = { prefix: '/kytos', timeout: 3, ...options }
  return openController({
    id,
    backend: report => createEtcdBackend(backend, { report }),
    ...(snapshot && { snapshot }),
  })
}

/**
 * All changes below `/kytos`, read by a plain watch from revision `from` on.
 * @throws Error if that revision was compacted.
 */
export async function readSteps(client: Etcd3, from = 1n): Promise<Step[]> {
  const end = (await client.put(END).value('')).header.revision
  const stream = await client.watchClient.watch()
  const steps: Step[] = []
  try {
    const everything = Buffer.from('\0')
    stream.write({
      create_request: { key: everything, range_end: everything, start_revision: from.toString() },
    })
    // grpc-js streams are Node streams of objects; etcd3's type lists only their events.
    for await (const response of stream as unknown as AsyncIterable<IWatchResponse>) {
      if (response.canceled)
        throw new Error(
          `The plain watch was refused: ${response.cancel_reason || response.compact_revision}.`,
        )
      for (const { type, kv } of response.events) {
        if (kv.mod_revision === end) return steps
        const key = kv.key.toString()
        if (!key.startsWith(PREFIX)) continue
        const text = type === 'Delete' ? undefined : kv.value.toString()
        steps.push({ revision: BigInt(kv.mod_revision), key: key.slice(PREFIX.length), text })
      }
    }
    throw new Error('The plain watch ended.')
  } finally {
    stream.end()
    stream.cancel()
  }
}

/** The current keys below `/kytos`, each with its last change. */
export async function readEntries(client: Etcd3): Promise<(Step & { readonly text: string })[]> {
  const { kvs } = await client.kv.range({ key: Buffer.from(PREFIX), range_end: Buffer.from('/kytos0') })
  return kvs.map(({ key, value, mod_revision }) => ({
    revision: BigInt(mod_revision),
    key: key.toString().slice(PREFIX.length),
    text: value.toString(),
  }))
}

/** The facts of a controller, as `<revision> <key>`. */
export function receivedBy(controller: Controller): string[] {
  return controller.changes.map(({ content }) => {
    if ('box_id' in content) return `${content.revision} boxes/${content.namespace}/${content.box_id}`
    return `${content.revision} ${content.scope === 'cluster' ? 'settings' : content.scope}/${content.namespace}`
  })
}

/** The facts of a controller that are not from its live watch. */
export function resyncsOf(controller: Controller): string[] {
  return controller.changes.flatMap(({ content }) =>
    content.origin === 'live' ? [] : [`${content.origin} ${content.cursor}`],
  )
}

/** The states that a controller announced, in order, with their reasons. */
export function statesOf(controller: Controller): Facts['settings.state'][] {
  // The name determines the type of the content.
  return controller.facts
    .filter(({ name }) => name === 'settings.state')
    .map(({ content }) => content as Facts['settings.state'])
}

/** Resolves when all are READY and have received all changes of the store. */
export async function settled(
  client: Etcd3,
  controllers: readonly Controller[],
  timeout = 20_000,
): Promise<void> {
  const range = {
    key: Buffer.from(PREFIX),
    range_end: Buffer.from('/kytos0'),
    sort_target: 'Mod',
    sort_order: 'Descend',
    limit: 1,
  } as const
  await expect
    .poll(
      async () => {
        const newest = BigInt((await client.kv.range(range)).kvs[0]?.mod_revision ?? 0)
        return controllers
          .map(({ service }) => service.health())
          .map(({ state, revision, reason }) => (revision >= newest ? state : `${reason} behind`))
      },
      { timeout, interval: 30 },
    )
    .toEqual(controllers.map(() => 'READY'))
}

/**
 * Expects that each controller received every step once and in order, none as `resync`, and that its cache
 * equals the store. The controllers must have been open since the store was empty.
 */
export async function expectAllReceived(
  client: Etcd3,
  controllers: readonly Controller[],
): Promise<readonly Step[]> {
  await settled(client, controllers)
  const steps = await readSteps(client)
  await settled(client, controllers)
  const expected = announced(steps)
  for (const controller of controllers) {
    await expect
      .poll(() => receivedBy(controller).length, { timeout: 5_000 })
      .toBeGreaterThanOrEqual(expected.length)
    expect(receivedBy(controller)).toEqual(expected)
    expect(resyncsOf(controller)).toEqual([])
    expectForward(controller)
  }
  await expectCachesEqual(client, controllers)
  return steps
}

/**
 * Expects that the facts of a controller never go back, and that `previous` of each fact equals the data of
 * the fact before it.
 */
export function expectForward(controller: Controller): void {
  const cursors = controller.changes.map(({ content }) => parseCursor(content.cursor))
  for (const [n, cursor] of cursors.entries())
    expect(compareCursors(cursors[n - 1] ?? START, cursor)).toBeLessThan(0)
  const last = new Map<string, unknown>()
  for (const { content } of controller.changes) {
    if (!('data' in content)) continue
    expect(content.previous).toEqual(last.get(content.namespace) ?? {})
    last.set(content.namespace, content.data)
  }
}

/** Expects that each controller answers from its cache with the current content of the store. */
export async function expectCachesEqual(client: Etcd3, controllers: readonly Controller[]): Promise<void> {
  const stored = (await readEntries(client)).map(({ key, text }) => [key, text] as const)
  const documents = stored
    .filter(([key]) => key.startsWith('settings/'))
    .map(([key, text]) => [key.slice('settings/'.length), parseJson(text)] as const)
  const boxes = stored.filter(([key]) => key.startsWith('boxes/')).map(([key]) => key.split('/').slice(1))
  for (const controller of controllers) {
    for (const [namespace, overrides] of documents) {
      expect(await controller.ask('kytos.settings.retrieve', { namespace })).toMatchObject({
        overrides,
        data: overrides,
      })
    }
    const listed = (await controller.ask('kytos.settings.list', {}))
      .filter(({ overrides }) => overrides)
      .map(({ namespace }) => namespace)
    expect(listed.sort()).toEqual(documents.map(([namespace]) => namespace).sort())
    for (const namespace of new Set(boxes.map(([name = '']) => name))) {
      const ids = boxes.flatMap(([name, id = '']) => (name === namespace ? [id] : []))
      expect([...(await controller.ask('kytos.storehouse.list', { namespace }))].sort()).toEqual(ids.sort())
    }
  }
}

/** The announced steps, in the form of {@link receivedBy}. */
export function announced(steps: readonly Step[]): string[] {
  return steps
    .filter(({ key }) => /^(settings|controllers|boxes)\//.test(key))
    .sort((a, b) => (a.revision === b.revision ? (a.key < b.key ? -1 : 1) : a.revision < b.revision ? -1 : 1))
    .map(({ revision, key }) => `${revision} ${key}`)
}

/** The outcome of one change, as its caller received it. */
export interface ChangeOutcome {
  readonly id: string
  readonly outcome: 'acked' | 'refused' | 'unknown'
  readonly code: string | undefined
  /** Milliseconds until the response. */
  readonly took: number
}

export interface Load {
  readonly outcomes: readonly ChangeOutcome[]
  acked(): number
  /** Resolves when the last change has been answered. */
  stop(): Promise<readonly ChangeOutcome[]>
}

/** Changes the same few namespaces at every controller, each change with its id as comment, until stopped. */
export function startLoad(
  controllers: readonly Controller[],
  { writers = 3, pause = 5, name = 'load' } = {},
): Load {
  const over = new AbortController()
  const outcomes: ChangeOutcome[] = []
  const runs = controllers.flatMap((controller, who) =>
    Array.from({ length: writers }, async (_, n) => {
      for (let count = 1; !over.signal.aborted; count++) {
        outcomes.push(
          await change(
            controller,
            `kytos/${name}_${n}`,
            { [`from_${who}`]: count },
            `${name} ${who}.${n}.${count}`,
          ),
        )
        await delay(pause)
      }
    }),
  )
  return {
    outcomes,
    acked: () => outcomes.filter(({ outcome }) => outcome === 'acked').length,
    stop: async () => {
      over.abort()
      await Promise.all(runs)
      return outcomes
    },
  }
}

/** Sends one PATCH with its id as comment, and returns its outcome. */
export async function change(
  controller: Controller,
  namespace: string,
  data: { readonly [key: string]: number },
  id: string,
): Promise<ChangeOutcome> {
  const start = performance.now()
  const end = (outcome: ChangeOutcome['outcome'], code?: string): ChangeOutcome => ({
    id,
    outcome,
    code,
    took: performance.now() - start,
  })
  try {
    await controller.ask('kytos.settings.update', { namespace, data, comment: id })
    return end('acked')
  } catch (error) {
    if (!isSettingsError(error)) throw error
    return end(error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused', error.code)
  }
}

/** Expects acknowledged changes in the store once, rejected ones never, unknown ones at most once. */
export function expectOutcomesHold(steps: readonly Step[], outcomes: readonly ChangeOutcome[]): void {
  const found = new Map<string, number>()
  for (const { key, text } of steps) {
    const record = key.startsWith('history/') && text !== undefined ? parseJson(text) : undefined
    if (isObject(record) && typeof record.comment === 'string')
      found.set(record.comment, (found.get(record.comment) ?? 0) + 1)
  }
  const most = { acked: 1, refused: 0, unknown: 1 }
  const least = { acked: 1, refused: 0, unknown: 0 }
  const wrong = outcomes.filter(
    ({ id, outcome }) => (found.get(id) ?? 0) > most[outcome] || (found.get(id) ?? 0) < least[outcome],
  )
  expect(
    wrong.map(
      ({ id, outcome, code }) =>
        `${id} was ${outcome} (${code}), and is in the store ${found.get(id) ?? 0} times`,
    ),
  ).toEqual([])
}
