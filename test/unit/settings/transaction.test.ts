import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TransactionOperation } from '../../../events/nouns.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { makeKey } from '../../../model/key.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, holdable, open, readDocument } from './stores.ts'

const A = 'kytos/a'
const B = 'kytos/b'
const key = (namespace: string) => makeKey('settings', ...namespace.split('/'))
const transact = (one: Controller, operations: readonly TransactionOperation[], more: object = {}) =>
  one.ask('kytos.settings.transaction', { operations, ...more })

describe('a transaction', () => {
  it('is one commit, told by one fact for each document, and answers with each in the order of its operations', async () => {
    const store = createStore()
    const one = await open(store)
    const { revision } = store
    const { settings } = await transact(
      one,
      [
        { namespace: B, data: { b: 1 } },
        { namespace: A, method: 'PUT', data: { a: 1 } },
      ],
      { comment: 'both' },
    )
    expect(store.revision).toBe(revision + 1n)
    expect(settings).toMatchObject([
      { namespace: B, scope: 'cluster', data: { b: 1 }, version: 1, revision: String(store.revision) },
      { namespace: A, scope: 'cluster', data: { a: 1 }, version: 1, revision: String(store.revision) },
    ])
    expect(one.changes.map(({ content }) => content)).toMatchObject([
      { namespace: A, kind: 'created', comment: 'both', cursor: expect.stringMatching(/\.1$/) },
      { namespace: B, kind: 'created', comment: 'both', cursor: expect.stringMatching(/\.2$/) },
    ])
    const [first, second] = [readDocument(store, key(A)).history[0], readDocument(store, key(B)).history[0]]
    expect(first?.write_id).toBe(second?.write_id)
  })

  it('takes several operations of one document one after the other, as one version', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.update', { namespace: A, data: { old: 1 } })
    const { settings } = await transact(one, [
      { namespace: A, method: 'DELETE' },
      { namespace: A, data: { a: 1, b: 1 } },
      {
        namespace: A,
        method: 'JSON_PATCH',
        data: [
          { op: 'test', path: '/b', value: 1 },
          { op: 'remove', path: '/b' },
        ],
      },
    ])
    expect(settings).toMatchObject([{ overrides: { a: 1 }, version: 2 }])
    expect(readDocument(store, key(A)).history).toHaveLength(2)
  })

  it('makes a namespace that stands in it several times, in whichever scopes, and again after a deletion', async () => {
    const one = await open(createStore())
    const twice = (n: number): TransactionOperation[] => [
      { namespace: A, data: { [`a${n}`]: 1 } },
      { namespace: A, data: { [`b${n}`]: 1 }, scope: 'controller' },
      { namespace: A, data: { [`c${n}`]: 1 } },
    ]
    await Promise.all([1, 2, 3].map(n => transact(one, twice(n))))
    await transact(one, [
      { namespace: A, method: 'DELETE' },
      { namespace: A, method: 'DELETE', scope: 'controller' },
    ])
    expect((await transact(one, twice(4))).settings).toMatchObject([
      { overrides: { a4: 1, c4: 1 } },
      { overrides: { b4: 1 } },
    ])
  })

  it('tells all that is wrong in any of its documents, each with its place', async () => {
    const one = await open(createStore())
    for (const namespace of [A, B])
      await one.ask('kytos.settings.register', {
        namespace,
        schema: { properties: { n: { type: 'integer' } } },
      })
    const wrong = transact(one, [
      { namespace: A, data: { n: 'x' } },
      { namespace: B, data: { n: 'y' }, scope: 'controller:other' },
    ])
    await expect(wrong).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('"kytos/a" and "kytos/b" in scope controller:other'),
      details: {
        errors: [
          { pointer: '/n', namespace: A, scope: 'cluster', got: 'x' },
          { pointer: '/n', namespace: B, scope: 'controller:other', got: 'y' },
        ],
      },
    })
  })

  it('is validated as a whole: what is wrong alone may be right together, and the other way round', async () => {
    const store = createStore()
    const one = await open(store)
    await one.ask('kytos.settings.register', {
      namespace: A,
      schema: {
        properties: { min: { type: 'integer', default: 1 }, ok: { type: 'boolean' } },
        if: { properties: { min: { minimum: 10 } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: ['ok'] },
      },
    })
    const before = fingerprint(store)
    const alone = transact(one, [{ namespace: A, scope: 'controller', data: { min: 20 } }])
    await expect(alone).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      details: { errors: [{ rule: 'required' }] },
    })
    const together = [
      { namespace: A, scope: 'controller', data: { min: 20 } },
      { namespace: B, data: { b: 1 } },
    ]
    await expect(transact(one, together)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('scope controller:controller-1'),
    })
    expect(fingerprint(store)).toBe(before)
    expect((await transact(one, [...together, { namespace: A, data: { ok: true } }])).settings).toMatchObject(
      [
        { scope: 'controller:controller-1', data: { min: 20, ok: true } },
        { namespace: B },
        { scope: 'cluster', data: { min: 20, ok: true }, overrides: { ok: true } },
      ],
    )
  })

  it('promotes a canary in one commit, under the revision that was looked at, and nobody sees it flap', async () => {
    const store = createStore()
    const [canary, other] = [await open(store, 'canary'), await open(store, 'other')]
    await canary.ask('kytos.settings.register', {
      namespace: A,
      schema: { properties: { rate: { type: 'integer', default: 1, 'x-apply': 'live' } } },
    })
    await canary.ask('kytos.settings.update', { namespace: A, data: { rate: 2 } })
    await other.ask('kytos.settings.update', {
      namespace: A,
      data: { rate: 5 },
      scope: 'controller:canary',
      comment: 'try it there',
    })
    const tried = await canary.ask('kytos.settings.retrieve', {
      namespace: A,
      scope: 'controller:canary',
      fresh: true,
    })
    expect(tried).toMatchObject({ data: { rate: 5 }, overrides: { rate: 5 } })
    const promote: TransactionOperation[] = [
      { namespace: A, data: tried.overrides, revision: tried.revision },
      { namespace: A, method: 'DELETE', scope: 'controller:canary' },
    ]
    await transact(canary, promote)
    expect(canary.changes.slice(-2).map(({ content }) => content)).toMatchObject([
      { scope: 'controller:canary', kind: 'deleted', changes: [] },
      { scope: 'cluster', changes: [], data: { rate: 5 } },
    ])
    expect(await other.ask('kytos.settings.retrieve', { namespace: A, fresh: true })).toMatchObject({
      data: { rate: 5 },
    })
    expect(
      other.changes.flatMap(({ content }) =>
        'changes' in content ? content.changes.map(change => change.new) : [],
      ),
    ).toEqual([1, 2, 5])
    await expect(transact(canary, promote)).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
      details: { namespace: A },
    })
  })

  it('abandons a canary by deleting its overrides', async () => {
    const one = await open(createStore(), 'canary')
    await transact(one, [
      { namespace: A, data: { rate: 2 } },
      { namespace: A, data: { rate: 5 }, scope: 'controller' },
    ])
    expect(await one.ask('kytos.settings.delete', { namespace: A, scope: 'controller' })).toMatchObject({
      data: { rate: 2 },
    })
  })

  it('with a guard is refused by one other change, in whichever of its documents', async () => {
    const store = createStore()
    const [one, two] = [await open(store, 'a'), await open(store, 'b')]
    const [a, b] = [
      await one.ask('kytos.settings.update', { namespace: A, data: { n: 1 } }),
      await one.ask('kytos.settings.update', { namespace: B, data: { n: 1 } }),
    ]
    await two.ask('kytos.settings.update', { namespace: B, data: { n: 2 } })
    const before = fingerprint(store)
    const both = [
      { namespace: A, data: { n: 3 }, revision: a.revision },
      { namespace: B, data: { n: 3 }, revision: b.revision },
    ]
    await expect(transact(one, both)).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
      details: { namespace: B, got: b.revision },
    })
    expect(fingerprint(store)).toBe(before)
    const now = (await one.ask('kytos.settings.retrieve', { namespace: B, fresh: true })).revision
    expect(
      (
        await transact(one, [
          both[0] as TransactionOperation,
          { namespace: B, data: { n: 3 }, revision: now },
        ])
      ).settings,
    ).toHaveLength(2)
  })

  it('guards what it does not write but has looked at, in the store', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'a')
    const behind = await open(store, 'b', { backend: () => line.backend })
    const { revision } = await behind.ask('kytos.settings.update', { namespace: A, data: { n: 1 } })
    line.hold()
    await one.ask('kytos.settings.update', { namespace: A, data: { n: 2 }, scope: 'controller:b' })
    await expect(
      transact(behind, [
        { namespace: A, data: { n: 3 }, revision },
        { namespace: B, data: { n: 3 } },
      ]),
    ).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
    })
    line.release()
    expect(readDocument(store, key(B)).text).toBeUndefined()
  })

  it.each<[string, unknown, object]>([
    ['no list', {}, { code: 'CONTENT_MALFORMED' }],
    ['nothing', [], { code: 'CONTENT_MALFORMED' }],
    ['no object', [1], { code: 'CONTENT_MALFORMED', message: expect.stringContaining('Operation 0') }],
    [
      'no namespace',
      [{ data: {} }],
      { code: 'CONTENT_MALFORMED', message: expect.stringContaining('requires the field "namespace"') },
    ],
    [
      'a bad namespace',
      [
        { namespace: A, data: {} },
        { namespace: 'x', data: {} },
      ],
      { code: 'NAMESPACE_MALFORMED', details: { transaction_operation: 1 } },
    ],
    ['a bad scope', [{ namespace: A, data: {}, scope: 'me' }], { code: 'SCOPE_MALFORMED' }],
    ['a bad method', [{ namespace: A, data: {}, method: 'MERGE' }], { code: 'METHOD_NOT_FOUND' }],
    ['data for DELETE', [{ namespace: A, data: {}, method: 'DELETE' }], { code: 'CONTENT_MALFORMED' }],
    [
      'no data',
      [{ namespace: A }],
      { code: 'CONTENT_MALFORMED', message: expect.stringContaining('PATCH requires "data"') },
    ],
    ['a scalar', [{ namespace: A, data: 5 }], { code: 'CONTENT_MALFORMED' }],
    [
      'an unknown field',
      [{ namespace: A, data: {}, revison: '1' }],
      { code: 'CONTENT_MALFORMED', details: { nearest: 'revision' } },
    ],
    [
      'a deletion of nothing',
      [
        { namespace: A, data: {} },
        { namespace: B, method: 'DELETE' },
      ],
      { code: 'NAMESPACE_NOT_FOUND' },
    ],
    [
      'a test that fails',
      [{ namespace: A, data: [{ op: 'test', path: '/x', value: 1 }], method: 'JSON_PATCH' }],
      { code: 'PATCH_CONFLICT' },
    ],
    [
      '33 documents',
      Array.from({ length: 33 }, (_, i) => ({ namespace: `kytos/n${i}`, data: {} })),
      { code: 'DOCUMENT_TOO_LARGE' },
    ],
    [
      '129 operations',
      Array.from({ length: 129 }, () => ({ namespace: A, data: {} })),
      { code: 'DOCUMENT_TOO_LARGE' },
    ],
    [
      'twins in another case',
      [
        { namespace: 'kytos/Twin', data: {} },
        { namespace: 'kytos/twin', data: {} },
      ],
      { code: 'NAMESPACE_CONFLICT' },
    ],
  ])('with %s is refused, and nothing of it is written', async (_, operations, refusal) => {
    const store = createStore()
    const one = await open(store)
    const before = fingerprint(store)
    await expect(transact(one, operations as TransactionOperation[])).rejects.toMatchObject(refusal)
    expect(fingerprint(store)).toBe(before)
  })

  it('holds 32 documents and 640 KiB, and not a byte more', async () => {
    const store = createStore()
    const one = await open(store)
    const of = (sizes: readonly number[]) =>
      sizes.map((size, i) => ({
        namespace: `kytos/n${i}`,
        method: 'PUT' as const,
        data: { a: 'x'.repeat(size - 8) },
      }))
    const full = of([256 * 1024, 256 * 1024, 128 * 1024 - 29 * 9, ...Array.from({ length: 29 }, () => 9)])
    expect(full).toHaveLength(32)
    const over = full.map((one, i) => (i === 31 ? { ...one, data: { a: 'xx' } } : one))
    const before = fingerprint(store)
    await expect(transact(one, over)).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      details: { got: 640 * 1024 + 1, limit: 640 * 1024 },
    })
    expect(fingerprint(store)).toBe(before)
    expect((await transact(one, full)).settings).toHaveLength(32)
  })

  it('that changes nothing commits nothing', async () => {
    const store = createStore()
    const one = await open(store)
    await transact(one, [
      { namespace: A, data: { a: 1 } },
      { namespace: B, data: { b: 1 } },
    ])
    const before = fingerprint(store)
    const { settings } = await transact(one, [
      { namespace: A, data: { a: 1 } },
      { namespace: B, data: { b: 1 } },
    ])
    expect(settings.map(({ version }) => version)).toEqual([1, 1])
    expect(fingerprint(store)).toBe(before)
    await transact(one, [
      { namespace: A, data: { a: 1 } },
      { namespace: B, data: { b: 2 } },
    ])
    expect(readDocument(store, key(A)).history).toHaveLength(1)
    expect(readDocument(store, key(B)).history).toHaveLength(2)
  })

  it('does not wait for ever for another that takes the same documents in another order', async () => {
    const one = await open(createStore())
    const names = Array.from({ length: 6 }, (_, i) => `kytos/n${i}`)
    const forth = names.map(namespace => ({ namespace, data: { a: 1 } }))
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        transact(
          one,
          (i % 2 ? [...forth].reverse() : forth).map(op => ({ ...op, data: { [`k${i}`]: i } })),
        ),
      ),
    )
    expect(results).toHaveLength(20)
    for (const namespace of names) {
      const { overrides, version } = await one.ask('kytos.settings.retrieve', { namespace })
      expect([Object.keys(overrides).length, version]).toEqual([20, 20])
    }
  })
})

describe('what an update sets', () => {
  it('is named where its schema calls it deprecated, in the answer and in the log', async () => {
    const one = await open(createStore())
    const schema = {
      properties: {
        old: { deprecated: true, properties: { x: {} } },
        fresh: {},
        ref: { $ref: '#/$defs/gone' },
      },
      $defs: { gone: { deprecated: true } },
    }
    await one.ask('kytos.settings.register', { namespace: A, schema })
    const answer = await one.ask('kytos.settings.update', {
      namespace: A,
      data: { old: { x: 1 }, fresh: 1, ref: 2 },
    })
    expect(answer.deprecated).toEqual(['/old', '/ref'])
    expect(one.log.lines.filter(line => line.includes('deprecated'))).toEqual([
      expect.stringMatching(/kytos\/test changed deprecated settings of "kytos\/a": \/old, \/ref/),
    ])
    expect(
      await one.ask('kytos.settings.update', { namespace: A, data: { old: null, fresh: 2 } }),
    ).not.toHaveProperty('deprecated')
    await one.ask('kytos.settings.register', {
      namespace: A,
      schema: { properties: { fresh: { deprecated: true } } },
    })
    expect(one.log.lines.at(-1)).toMatch(
      /overrides of "kytos\/a" \(cluster\) set deprecated settings: \/fresh/,
    )
  })
})

describe('a dry run', () => {
  it('writes nothing and answers what the change then does: data, overrides, changes, refusals', async () => {
    const value = fc.constantFrom<Json>(1, 5, 20, 'x', null, { x: 1 }, { y: 20 })
    const data = fc.dictionary(fc.constantFrom('a', 'b'), value, { maxKeys: 2 })
    const operation = fc.record({
      namespace: fc.constantFrom(A, B),
      scope: fc.constantFrom('cluster', 'controller', 'controller:other'),
      method: fc.constantFrom('PATCH' as const, 'PUT' as const, 'DELETE' as const),
      data,
    })
    const schema = {
      properties: { a: { maximum: 10 }, b: { default: { y: 1 }, properties: { y: { maximum: 10 } } } },
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
        async transactions => {
          const store = createStore()
          const one = await open(store)
          await one.ask('kytos.settings.register', { namespace: A, schema })
          one.bus.consume(A, { changing: ({ data: next }) => (next.a === 5 ? 'five' : undefined) })
          for (const operations of transactions) {
            const cleaned = operations.map(({ data: given, ...one }) =>
              one.method === 'DELETE' ? one : { ...one, data: given },
            )
            const before = fingerprint(store)
            const seen = one.facts.length
            const told = new Map(
              [A, B].map(namespace => [
                namespace,
                one.changes.filter(({ content }) => content.namespace === namespace).length,
              ]),
            )
            const rehearsed = await transact(one, cleaned, { dry_run: true }).catch(error => error)
            expect([fingerprint(store), one.facts.length]).toEqual([before, seen])
            const real = await transact(one, cleaned).catch(error => error)
            expect(rehearsed).not.toMatchObject({ code: 'CHANGE_VETOED' })
            if (isSettingsError(rehearsed)) {
              expect(real).toMatchObject({ code: rehearsed.code, message: rehearsed.message })
              continue
            }
            const verdicts = rehearsed.settings.flatMap(
              (settings: { preview: { consumers: { verdict: string }[] } }) => settings.preview.consumers,
            )
            if (verdicts.some(({ verdict }: { verdict: string }) => verdict === 'refused'))
              expect(real).toMatchObject({ code: 'CHANGE_VETOED' })
            else {
              const brief = ({ data, overrides, namespace, scope, shadowed }: Record<string, unknown>) => ({
                data,
                overrides,
                namespace,
                scope,
                shadowed,
              })
              expect(real.settings.map(brief)).toEqual(rehearsed.settings.map(brief))
              for (const { namespace, scope, preview } of rehearsed.settings) {
                // The preview in the scope of another controller is the effect there.
                if (scope === 'controller:other') continue
                const facts = one.changes
                  .filter(({ content }) => 'changes' in content && content.namespace === namespace)
                  .slice(told.get(namespace) ?? 0)
                expect(facts.flatMap(({ content }) => ('changes' in content ? content.changes : []))).toEqual(
                  preview.changes,
                )
              }
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of an update tells how each change takes effect, who is concerned and what they say', async () => {
    const store = createStore()
    const one = await open(store)
    const schema = {
      properties: {
        live: { default: 1, 'x-apply': 'live' },
        cold: { default: 1 },
        warm: { 'x-apply': 'reload' },
      },
    }
    const { revision } = await one.ask('kytos.settings.register', { namespace: A, schema })
    one.bus.consume(A)
    const preview = async (data: JsonObject) =>
      (await one.ask('kytos.settings.update', { namespace: A, data, dry_run: true })).preview
    expect(await preview({ live: 2, warm: 1 })).toEqual({
      changes: [
        { path: '/live', old: 1, new: 2, apply: 'live' },
        { path: '/warm', new: 1, apply: 'reload' },
      ],
      consumers: [
        {
          controller: 'controller-1',
          napp: 'kytos/test',
          apply: 'reload',
          verdict: 'accepted',
          reason: null,
        },
      ],
      rejected: [],
    })
    expect(await preview({ live: 1 })).toEqual({ changes: [], consumers: [], rejected: [] })
    expect(
      await one.ask('kytos.settings.update', { namespace: A, data: { cold: 2 }, dry_run: true }),
    ).toMatchObject({
      data: { live: 1, cold: 2 },
      overrides: { cold: 2 },
      revision,
      version: 0,
      updated_by: null,
    })
    expect(await one.ask('kytos.settings.retrieve', { namespace: A })).toMatchObject({
      data: { live: 1, cold: 1 },
      version: 0,
    })
  })

  it('looks at the store, not at what a controller that is behind knows, and makes no new name', async () => {
    const store = createStore()
    const line = holdable(store)
    const one = await open(store, 'a')
    const behind = await open(store, 'b', { backend: () => line.backend })
    await one.ask('kytos.settings.update', { namespace: A, data: { n: 1 } })
    await expect.poll(() => behind.changes.length).toBe(1)
    line.hold()
    await one.ask('kytos.settings.update', { namespace: A, data: { n: 2, m: 2 } })
    const rehearsal = behind.ask('kytos.settings.update', { namespace: A, data: { n: 3 }, dry_run: true })
    setTimeout(line.release, 20)
    expect(await rehearsal).toMatchObject({
      overrides: { n: 3, m: 2 },
      preview: { changes: [{ path: '/n', old: 2, new: 3 }] },
    })
    await one.ask('kytos.settings.update', { namespace: 'kytos/never', data: {}, dry_run: true })
    const twin = one.ask('kytos.settings.update', { namespace: 'kytos/A', data: {}, dry_run: true })
    await expect(twin).rejects.toMatchObject({ code: 'NAMESPACE_CONFLICT', details: { nearest: A } })
    await expect(one.ask('kytos.settings.retrieve', { namespace: 'kytos/never' })).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
  })
})
