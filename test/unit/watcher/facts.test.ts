import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { makeKey } from '../../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  overridesKey,
  parseNamespace,
  schemaKey,
} from '../../../model/namespace.ts'
import { factsOf } from '../../../src/watcher/facts.ts'
import { createShelf, schema, stored, written } from './shelf.ts'

const NS = parseNamespace('kytos/a')
const KEY = overridesKey(NS, CLUSTER)
const OWN = overridesKey(NS, controllerScope('one'))
const OTHER = overridesKey(NS, controllerScope('two'))
const document = schema(
  {
    a: { type: 'integer', default: 1, maximum: 9, 'x-apply': 'live' },
    b: { type: 'object', 'x-apply': 'reload' },
  },
  '1.0',
)

async function createTeller() {
  const shelf = await createShelf()
  return async (...operations: readonly Operation[]) => {
    const steps = await shelf.change(...operations)
    const occasion = {
      epoch: 7,
      revision: shelf.cache.revision,
      origin: 'live' as const,
      last: steps.at(-1),
      schema: shelf.cache.schema.bind(shelf.cache),
    }
    return steps.flatMap(step => factsOf(step, occasion))
  }
}

/** What is the same in all facts of a revision. */
const place = (revision: number, n = 1) => ({
  revision: String(revision),
  epoch: 7,
  cursor: `7.${revision}.${n}`,
  origin: 'live',
})
const ann = { type: 'user', name: 'ann' }
const changed = (content: object) => ({ name: 'settings.changed', content: { namespace: NS, ...content } })

describe('the fact of a change', () => {
  it('of a schema tells the defaults, and nobody as its author', async () => {
    const tell = await createTeller()
    const fact = { scope: 'schema', version: 0, actor: null, comment: null }
    const added = [{ path: '/a', new: 1, apply: 'live' }]
    expect(await tell(stored(schemaKey(NS, document.digest), document))).toEqual([
      changed({ ...fact, ...place(1), kind: 'created', previous: {}, data: { a: 1 }, changes: added }),
    ])
    expect(await tell(stored(schemaKey(NS, document.digest), document))).toEqual([
      changed({ ...fact, ...place(2), kind: 'updated', previous: { a: 1 }, data: { a: 1 }, changes: [] }),
    ])
    expect(await tell({ key: schemaKey(NS, document.digest), delete: true })).toEqual([
      changed({
        ...fact,
        ...place(3),
        kind: 'deleted',
        previous: { a: 1 },
        data: {},
        changes: [{ path: '/a', old: 1, apply: 'restart' }],
      }),
    ])
  })

  it('of the cluster tells what is effective before and after, who, why, and how each difference takes effect', async () => {
    const tell = await createTeller()
    await tell(stored(schemaKey(NS, document.digest), document))
    const fact = { scope: 'cluster', actor: ann }
    expect(await tell(...written(KEY, 1, { a: 5, c: 0 }))).toEqual([
      changed({
        ...fact,
        ...place(2),
        kind: 'created',
        version: 1,
        comment: 'v1',
        previous: { a: 1 },
        data: { a: 5, c: 0 },
        changes: [
          { path: '/a', old: 1, new: 5, apply: 'live' },
          { path: '/c', new: 0, apply: 'restart' },
        ],
      }),
    ])
    expect(await tell(...written(KEY, 2, { a: 5, b: { deep: { er: 1 } } }))).toEqual([
      changed({
        ...fact,
        ...place(3),
        kind: 'updated',
        version: 2,
        comment: 'v2',
        previous: { a: 5, c: 0 },
        data: { a: 5, b: { deep: { er: 1 } } },
        changes: [
          { path: '/c', old: 0, apply: 'restart' },
          { path: '/b/deep/er', new: 1, apply: 'reload' },
        ],
      }),
    ])
    expect(await tell(...written(KEY, 3, undefined))).toMatchObject([
      {
        content: {
          ...fact,
          ...place(4),
          kind: 'deleted',
          version: 3,
          comment: 'v3',
          data: { a: 1 },
          previous: { a: 5, b: { deep: { er: 1 } } },
        },
      },
    ])
    expect(await tell(...written(KEY, 4, { a: 2 }))).toMatchObject([
      { content: { ...fact, ...place(5), kind: 'created', version: 4, previous: { a: 1 } } },
    ])
  })

  it('of this controller tells its scope, and nothing changed where the cluster is hidden', async () => {
    const tell = await createTeller()
    expect(await tell(...written(OWN, 1, { a: 5 }))).toMatchObject([
      {
        content: {
          scope: 'controller:one',
          version: 1,
          previous: {},
          data: { a: 5 },
          changes: [{ path: '/a', new: 5, apply: 'restart' }],
        },
      },
    ])
    expect(await tell(...written(KEY, 1, { a: 1 }))).toMatchObject([
      { content: { scope: 'cluster', previous: { a: 5 }, data: { a: 5 }, changes: [] } },
    ])
  })

  it('of another controller is told too, and changes nothing here', async () => {
    const tell = await createTeller()
    await tell(...written(KEY, 1, { a: 1 }))
    expect(await tell(...written(OTHER, 1, { a: 8 }))).toEqual([
      changed({
        scope: 'controller:two',
        ...place(2),
        kind: 'created',
        version: 1,
        actor: ann,
        comment: 'v1',
        previous: { a: 1 },
        data: { a: 1 },
        changes: [],
      }),
    ])
  })

  it('by hand names the hand, and counts as the version that is to be recorded', async () => {
    const tell = await createTeller()
    await tell(...written(KEY, 1, { a: 1 }))
    const hand = { actor: { type: 'file', name: 'hand edit' }, comment: null }
    expect(await tell({ key: KEY, put: '{"a": 2}' })).toMatchObject([
      { content: { ...hand, kind: 'updated', version: 2, data: { a: 2 } } },
    ])
    expect(await tell({ key: KEY, put: '{"a": 3}' })).toMatchObject([
      { content: { ...hand, kind: 'updated', version: 3, data: { a: 3 } } },
    ])
    expect(await tell({ key: KEY, delete: true })).toMatchObject([
      { content: { ...hand, kind: 'deleted', version: 4, data: {} } },
    ])
  })

  it('by hand that nobody had time to record counts on all the same', async () => {
    const tell = await createTeller()
    const versions: unknown[] = []
    for (const operation of [
      { key: KEY, put: '{"a": 1}' },
      { key: KEY, delete: true },
      { key: KEY, put: '{}' },
    ] as const) {
      for (const { content } of await tell(operation))
        versions.push('version' in content && [content.kind, content.version])
    }
    expect(versions).toEqual([
      ['created', 1],
      ['deleted', 2],
      ['created', 3],
    ])
  })

  it('that is not acceptable is told, and then that it was rejected and why', async () => {
    const tell = await createTeller()
    await tell(stored(schemaKey(NS, document.digest), document))
    expect(await tell(...written(KEY, 1, { a: 10 }))).toMatchObject([
      {
        name: 'settings.changed',
        content: { kind: 'created', version: 1, data: { a: 1 }, previous: { a: 1 }, changes: [] },
      },
      {
        name: 'settings.rejected',
        content: {
          namespace: NS,
          source: KEY,
          rejected: [{ scope: 'cluster', pointer: '/a', stored: 10, counts: 1, rule: 'maximum' }],
          origin: 'live',
        },
      },
    ])
  })

  it('of several keys of one revision are told in byte order, chained', async () => {
    const tell = await createTeller()
    const facts = await tell(
      ...written(KEY, 1, { a: 1 }, 'one'),
      ...written(OWN, 1, { b: 2 }, 'another'),
      stored(schemaKey(NS, document.digest), document),
    )
    expect(facts.map(({ content }) => content)).toMatchObject([
      { scope: 'controller:one', cursor: '7.1.1', previous: {}, data: { b: 2 } },
      // The schema wants an object there.
      { scope: 'schema', cursor: '7.1.2', previous: { b: 2 } },
      { scope: 'cluster', cursor: '7.1.3' },
      { namespace: NS, rejected: [{ scope: 'controller:one', pointer: '/b', stored: 2 }] },
    ])
  })

  it('of one transaction show nothing that stood between them, also beside the commit of another', async () => {
    const tell = await createTeller()
    const facts = await tell(
      ...written(KEY, 1, { a: 1, c: 1 }, 'both'),
      ...written(OWN, 1, { b: {} }, 'both'),
      stored(schemaKey(NS, document.digest), document),
    )
    expect(facts.map(({ content }) => content)).toMatchObject([
      { scope: 'controller:one', previous: {}, data: { a: 1, b: {}, c: 1 } },
      { scope: 'schema', previous: { a: 1, b: {}, c: 1 }, data: { a: 1, b: {}, c: 1 }, changes: [] },
      { scope: 'cluster', previous: { a: 1, b: {}, c: 1 }, data: { a: 1, b: {}, c: 1 }, changes: [] },
    ])
  })

  it('that promotes a canary changes nothing where it ran, and everything at once elsewhere, told by what counts there', async () => {
    const tell = await createTeller()
    await tell(...written(KEY, 1, { a: 1 }), ...written(OWN, 1, { a: 2 }), ...written(OTHER, 1, { a: 3 }))
    const promoted = await tell(...written(KEY, 2, { a: 2 }), ...written(OWN, 2, undefined))
    expect(promoted.map(({ content }) => content)).toMatchObject([
      { scope: 'controller:one', kind: 'deleted', previous: { a: 2 }, data: { a: 2 }, changes: [] },
      { scope: 'cluster', kind: 'updated', previous: { a: 2 }, data: { a: 2 }, changes: [] },
    ])
    const elsewhere = await tell(
      ...written(KEY, 3, { a: 3 }, 'promote'),
      ...written(OTHER, 2, undefined, 'promote'),
    )
    expect(elsewhere.map(({ content }) => content)).toMatchObject([
      { scope: 'controller:two', kind: 'deleted', previous: { a: 2 }, data: { a: 2 }, changes: [] },
      { scope: 'cluster', previous: { a: 2 }, data: { a: 3 }, changes: [{ path: '/a', old: 2, new: 3 }] },
    ])
  })
})

describe('the fact of a box', () => {
  const key = makeKey('boxes', 'kytos.topology.status', 'ein/?')
  const box = (data: number) => ({
    key,
    put: `{"data":${data},"created_at":"","owner":null,"written":{"write_id":"w","actor":{"type":"napp","name":"kytos/topology"},"at":""}}`,
  })

  it('tells where and who, never the data; a deletion nobody', async () => {
    const tell = await createTeller()
    const fact = { namespace: 'kytos.topology.status', box_id: 'ein/?', origin: 'live' }
    const actor = { type: 'napp', name: 'kytos/topology' }
    expect(await tell(box(1))).toEqual([
      { name: 'box.changed', content: { ...fact, kind: 'created', revision: '1', cursor: '7.1.1', actor } },
    ])
    expect(await tell(box(2))).toEqual([
      { name: 'box.changed', content: { ...fact, kind: 'updated', revision: '2', cursor: '7.2.1', actor } },
    ])
    expect(await tell({ key, delete: true })).toEqual([
      {
        name: 'box.changed',
        content: { ...fact, kind: 'deleted', revision: '3', cursor: '7.3.1', actor: null },
      },
    ])
  })

  it('that another hand wrote names nobody', async () => {
    const tell = await createTeller()
    for (const put of ['{"written":5}', '{"written":{"actor":{"type":1,"name":"x"}}}']) {
      expect(await tell({ key, put })).toMatchObject([{ content: { actor: null } }])
    }
    for (const put of ['', '[]', '{"data":1,"data":2}', '{"data":"caf\udce9"}']) {
      expect(await tell({ key, put })).toMatchObject([
        { name: 'box.changed', content: { actor: null } },
        { name: 'settings.rejected', content: { namespace: null, source: key } },
      ])
    }
  })
})
