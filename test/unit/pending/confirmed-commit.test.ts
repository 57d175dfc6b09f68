import { describe, expect, it, vi } from 'vitest'
import type { TransactionOperation } from '../../../events/nouns.ts'
import { armedKey, EVERYTHING, historyKey, pendingKey } from '../../../model/key.ts'
import { pruneHistory } from '../../../src/settings/housekeeper.ts'
import { META_KEY } from '../../../src/watcher/epoch.ts'
import { createStore, fingerprint, open, openHand, readDocument } from '../settings/stores.ts'
import { A, B, editByHand, expire, keeps, key, LONG, reaches, SOON, stateOf, stored, told } from './stage.ts'

const update = { namespace: A, data: { a: 2 }, confirm_within: LONG }

/** A store with version 1 of both namespaces, and two controllers on it. */
async function begin() {
  const store = createStore()
  const one = await open(store)
  const two = await open(store, 'controller-2')
  await one.ask('kytos.settings.update', { namespace: A, data: { a: 1 } })
  await one.ask('kytos.settings.update', { namespace: B, data: { b: 1 } })
  return { store, one, two }
}

describe('a change with confirm_within', () => {
  it('waits: settings, list and status show it, and the fact comes before that of the change', async () => {
    const { store, one, two } = await begin()
    one.facts.length = 0
    const settings = await one.ask('kytos.settings.update', { ...update, comment: 'try' })
    const pending = {
      documents: [{ namespace: A, scope: 'cluster', version: 2, baseline: 1 }],
      actor: { type: 'napp', name: 'kytos/test' },
      comment: 'try',
      confirm_within: LONG,
    }
    expect(settings).toMatchObject({ data: { a: 2 }, version: 2, pending })
    expect(settings.pending?.remaining).toBeUndefined()
    await vi.waitFor(() => expect(told(two)).toEqual([`${A} armed`]), SOON)
    const fresh = await two.ask('kytos.settings.retrieve', { namespace: A, fresh: true })
    expect(fresh.pending).toMatchObject(pending)
    expect(fresh.pending?.remaining).toBeGreaterThan(LONG - 60)
    expect(fresh.pending?.remaining).toBeLessThanOrEqual(LONG)
    const listed = await two.ask('kytos.settings.list', {})
    expect(listed.map(one => [one.namespace, one.pending])).toEqual([
      [A, true],
      [B, false],
    ])
    expect((await two.ask('kytos.settings.status', {})).pending).toMatchObject([pending])
    const { revision } = store
    expect(one.facts.map(({ name, content }) => [name, content])).toMatchObject([
      [
        'settings.pending',
        {
          ...{ namespace: A, scope: 'cluster', kind: 'armed', version: 2, baseline: 1, comment: 'try' },
          confirm_within: LONG,
          revision: String(revision),
          cursor: expect.stringMatching(/\.1$/),
          origin: 'live',
        },
      ],
      ['settings.changed', { namespace: A, cursor: expect.stringMatching(/\.2$/) }],
    ])
  })

  it('is rolled back when its time has passed, also by a controller that did not make it', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.update', update)
    await one.close()
    expire(store, A)
    await reaches(store, A, 'expired')
    expect(stored(store, A)).toEqual({ a: 1 })
    await vi.waitFor(() => expect(told(two)).toEqual([`${A} armed`, `${A} expired`]), SOON)
    expect(readDocument(store, key(A)).history.at(-1)).toMatchObject({
      version: 3,
      actor: { type: 'system' },
      comment: `The change was not confirmed within ${LONG} s.`,
    })
    const settings = await two.ask('kytos.settings.retrieve', { namespace: A, fresh: true })
    expect(settings).toMatchObject({ data: { a: 1 }, version: 3 })
    expect(settings.pending).toBeUndefined()
  })

  it('is rolled back by the time of the store alone', async () => {
    const { store, one } = await begin()
    const begun = performance.now()
    await one.ask('kytos.settings.update', { ...update, confirm_within: 2 })
    await reaches(store, A, 'expired')
    expect(performance.now() - begun).toBeGreaterThan(1_995)
    expect(stored(store, A)).toEqual({ a: 1 })
  })

  it('is rolled back after a restart of every controller, before and after its time', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.update', update)
    await Promise.all([one.close(), two.close()])
    const three = await open(store, 'controller-3')
    expect((await three.ask('kytos.settings.retrieve', { namespace: A })).pending).toBeDefined()
    await three.close()
    expire(store, A)
    await open(store, 'controller-4')
    await reaches(store, A, 'expired')
    expect(stored(store, A)).toEqual({ a: 1 })
  })

  it('stays when it is confirmed from any controller, and no time ends it any more', async () => {
    const { store, one, two } = await begin()
    const { pending } = await one.ask('kytos.settings.update', update)
    const ended = await two.ask('kytos.settings.confirm', { namespace: A, comment: 'good' })
    expect(ended).toMatchObject({
      kind: 'confirmed',
      write_id: pending?.write_id,
      documents: [{ namespace: A, scope: 'cluster', version: 2 }],
    })
    expect(store.get(armedKey(key(A)))).toBeUndefined()
    expect(stateOf(store, A)).toBe('confirmed')
    await expect(one.ask('kytos.settings.confirm', { namespace: A })).rejects.toMatchObject({
      code: 'NOT_PENDING',
      details: { ended: 'confirmed', version: 2 },
    })
    await expect(one.ask('kytos.settings.cancel', { namespace: A })).rejects.toMatchObject({
      code: 'NOT_PENDING',
    })
    await one.ask('kytos.settings.update', { namespace: A, data: { a: 3 } })
    expect(told(two)).toEqual([`${A} armed`, `${A} confirmed`])
    expect(stored(store, A)).toEqual({ a: 3 })
  })

  it('is rolled back at once by cancel, as the caller', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.update', update)
    const ended = await two.ask('kytos.settings.cancel', { namespace: A, comment: 'bad' })
    expect(ended).toMatchObject({ kind: 'cancelled', documents: [{ namespace: A, version: 3 }] })
    expect(stored(store, A)).toEqual({ a: 1 })
    expect(readDocument(store, key(A)).history.at(-1)).toMatchObject({
      actor: { type: 'napp', name: 'kytos/test' },
      comment: 'bad',
    })
    expect(store.get(armedKey(key(A)))).toBeUndefined()
    await vi.waitFor(() => expect(told(one)).toEqual([`${A} armed`, `${A} cancelled`]), SOON)
  })

  it('returns to nothing where nothing was, and brings a deleted document back', async () => {
    const { store, one } = await begin()
    await one.ask('kytos.settings.update', { ...update, namespace: 'kytos/new' })
    await one.ask('kytos.settings.delete', { namespace: A, confirm_within: LONG })
    expect(stored(store, A)).toBeUndefined()
    await expect(one.ask('kytos.settings.create', { namespace: A, data: {} })).rejects.toMatchObject({
      code: 'PENDING',
    })
    expire(store, 'kytos/new', A)
    await reaches(store, 'kytos/new', 'expired')
    await reaches(store, A, 'expired')
    expect(stored(store, 'kytos/new')).toBeUndefined()
    expect(stored(store, A)).toEqual({ a: 1 })
  })

  it('arms the documents of a transaction together, in every scope, and ends them together', async () => {
    const { store, one, two } = await begin()
    const operations: TransactionOperation[] = [
      { namespace: B, data: { b: 2 } },
      { namespace: A, data: { a: 2 } },
      { namespace: A, scope: 'controller:controller-2', data: { own: 1 } },
    ]
    await one.ask('kytos.settings.transaction', { operations, confirm_within: LONG })
    const { pending } = await one.ask('kytos.settings.retrieve', { namespace: B })
    expect(pending?.documents.map(({ namespace, scope }) => `${namespace} ${scope}`)).toEqual([
      `${A} controller:controller-2`,
      `${A} cluster`,
      `${B} cluster`,
    ])
    expect((await two.ask('kytos.settings.status', { namespace: B })).pending).toHaveLength(1)
    const own = { namespace: A, scope: 'controller:controller-2' }
    expect((await one.ask('kytos.settings.cancel', own)).documents).toHaveLength(3)
    expect([stored(store, A), stored(store, B)]).toEqual([{ a: 1 }, { b: 1 }])
    expect((await two.ask('kytos.settings.retrieve', { ...own, fresh: true })).overrides).toEqual({})
  })

  it('arms 16 documents, and refuses 17 before anything is written', async () => {
    const { store, one } = await begin()
    const operations = (count: number): TransactionOperation[] =>
      Array.from({ length: count }, (_, i) => ({ namespace: `kytos/n${i}`, data: { n: 1 } }))
    const before = fingerprint(store)
    await expect(
      one.ask('kytos.settings.transaction', { operations: operations(17), confirm_within: LONG }),
    ).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE', details: { got: 17, limit: 16 } })
    expect(fingerprint(store)).toBe(before)
    await one.ask('kytos.settings.transaction', { operations: operations(16), confirm_within: LONG })
    // An extension by one more document would make 17.
    await expect(
      one.ask('kytos.settings.transaction', {
        operations: [
          { namespace: 'kytos/n3', data: { n: 2 } },
          { namespace: A, data: { a: 2 } },
        ],
        confirm_within: LONG,
      }),
    ).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    expire(store, ...operations(16).map(({ namespace }) => namespace))
    await reaches(store, 'kytos/n15', 'expired')
    expect(
      operations(16)
        .map(({ namespace }) => stored(store, namespace))
        .every(one => one === undefined),
    ).toBe(true)
  })

  it('is refused when its baselines could not be restored in one commit, however small it is itself', async () => {
    const { store, one } = await begin()
    const big = Array.from({ length: 4 }, (_, i) => `kytos/big${i}`)
    for (const namespace of big)
      await one.ask('kytos.settings.update', { namespace, data: { text: 'x'.repeat(200_000) } })
    const dropped = (namespaces: readonly string[]): TransactionOperation[] =>
      namespaces.map(namespace => ({ namespace, method: 'DELETE' }))
    const before = fingerprint(store)
    const arm = (operations: TransactionOperation[]) =>
      one.ask('kytos.settings.transaction', { operations, confirm_within: LONG })
    await expect(arm(dropped(big))).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    expect(fingerprint(store)).toBe(before)
    await arm(dropped(big.slice(0, 3)))
    // The baselines of the documents that wait already count too.
    const extension: TransactionOperation[] = [
      { namespace: big[0] ?? '', data: { a: 1 } },
      { namespace: big[3] ?? '', data: { text: '' } },
    ]
    await expect(arm(extension)).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    await one.ask('kytos.settings.cancel', { namespace: 'kytos/big0' })
    expect(stored(store, 'kytos/big2')).toEqual({ text: 'x'.repeat(200_000) })
  })

  it('arms nothing when it is refused: by the schema, a revision, a NApp, or its time', async () => {
    const { store, one } = await begin()
    await one.ask('kytos.settings.register', {
      namespace: A,
      schema: { type: 'object', properties: { a: { type: 'number' } } },
    })
    const stop = one.bus.consume(A, { changing: () => 'not now' })
    const before = fingerprint(store)
    const refused = [
      [{ data: { a: 'x' } }, 'SETTINGS_INVALID'],
      [{ revision: '1' }, 'REVISION_MISMATCH'],
      [{}, 'CHANGE_VETOED'],
      [{ confirm_within: 1 }, 'CONTENT_MALFORMED'],
      [{ confirm_within: 86_401 }, 'CONTENT_MALFORMED'],
      [{ confirm_within: 2.5 }, 'CONTENT_MALFORMED'],
    ] as const
    for (const [more, code] of refused)
      await expect(one.ask('kytos.settings.update', { ...update, ...more })).rejects.toMatchObject({ code })
    await one.ask('kytos.settings.update', { ...update, dry_run: true })
    // A change of nothing.
    await one.ask('kytos.settings.update', { ...update, data: { a: 1 } })
    expect(fingerprint(store)).toBe(before)
    stop()
  })
})

describe('while a change waits', () => {
  it('other changes of its documents are refused, with the actor and the time that is left', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.transaction', {
      operations: [
        { namespace: A, data: { a: 2 } },
        { namespace: B, data: { b: 2 } },
      ],
      confirm_within: LONG,
    })
    const before = fingerprint(store)
    for (const change of [
      two.ask('kytos.settings.update', { namespace: B, data: { b: 3 } }),
      two.ask('kytos.settings.delete', { namespace: A }),
      two.ask('kytos.settings.update', { namespace: A, data: { a: 3 }, dry_run: true }),
      one.ask('kytos.settings.transaction', {
        operations: [
          { namespace: 'kytos/c', data: { c: 1 } },
          { namespace: A, data: { a: 3 } },
        ],
      }),
    ])
      await expect(change).rejects.toMatchObject({
        code: 'PENDING',
        details: { actor: { name: 'kytos/test' }, confirm_within: LONG, remaining: expect.any(Number) },
      })
    expect(fingerprint(store)).toBe(before)
    // Another scope of the namespace is another document.
    await two.ask('kytos.settings.update', { namespace: A, scope: 'controller', data: { a: 9 } })
  })

  it('a change with confirm_within keeps the first baseline and restarts the time for all documents', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.transaction', {
      operations: [
        { namespace: A, data: { a: 2 } },
        { namespace: B, data: { b: 2 } },
      ],
      confirm_within: 5,
    })
    const extended = await two.ask('kytos.settings.update', {
      namespace: A,
      data: { a: 3 },
      confirm_within: LONG,
    })
    expect(extended.pending).toMatchObject({
      confirm_within: LONG,
      documents: [
        { namespace: A, version: 3, baseline: 1 },
        { namespace: B, version: 2, baseline: 1 },
      ],
    })
    const { pending } = await one.ask('kytos.settings.retrieve', { namespace: B, fresh: true })
    expect(pending?.remaining).toBeGreaterThan(5)
    await one.ask('kytos.settings.update', { namespace: 'kytos/c', data: { c: 1 }, confirm_within: LONG })
    // A document that joins has its own baseline; two commits that wait become one.
    await one.ask('kytos.settings.transaction', {
      operations: [
        { namespace: B, data: { b: 3 } },
        { namespace: 'kytos/c', data: { c: 2 } },
        { namespace: 'kytos/d', data: { d: 1 } },
      ],
      confirm_within: LONG,
    })
    expect(told(one).slice(-4)).toEqual([
      `${A} extended`,
      `${B} extended`,
      'kytos/c extended',
      'kytos/d armed',
    ])
    expire(store, A, B, 'kytos/c', 'kytos/d')
    await reaches(store, A, 'expired')
    expect([A, B, 'kytos/c', 'kytos/d'].map(one => stored(store, one))).toEqual([
      { a: 1 },
      { b: 1 },
      undefined,
      undefined,
    ])
  })

  it('a change of nothing with confirm_within restarts the time', async () => {
    const { store, one } = await begin()
    await one.ask('kytos.settings.update', { ...update, confirm_within: 5 })
    await one.ask('kytos.settings.update', update)
    expect(told(one)).toEqual([`${A} armed`, `${A} extended`])
    expect(readDocument(store, key(A)).history).toHaveLength(2)
    await one.ask('kytos.settings.confirm', { namespace: A })
    expect(stored(store, A)).toEqual({ a: 2 })
  })

  it('a manual edit ends it for all documents, without a rollback', async () => {
    for (const text of ['{"a":"by hand"}', undefined, 'no json']) {
      const { store, one } = await begin()
      await one.ask('kytos.settings.transaction', {
        operations: [
          { namespace: A, data: { a: 2 } },
          { namespace: B, data: { b: 2 } },
        ],
        confirm_within: LONG,
      })
      editByHand(store, A, text)
      await reaches(store, A, 'overtaken')
      expect(stateOf(store, B)).toBe('overtaken')
      expect(readDocument(store, key(A)).text).toBe(text)
      expect(stored(store, B)).toEqual({ b: 2 })
      await expect(one.ask('kytos.settings.confirm', { namespace: B })).rejects.toMatchObject({
        code: 'NOT_PENDING',
        details: { ended: 'overtaken' },
      })
      await one.ask('kytos.settings.update', { namespace: B, data: { b: 3 } })
    }
  })

  it('a manual edit in the moment of the end is not overwritten, recorded or not', async () => {
    for (let round = 0; round < 20; round++) {
      const { store, one } = await begin()
      await one.ask('kytos.settings.update', update)
      // Both reach the controller before it can record the edit.
      editByHand(store, A, '{"a":"by hand"}')
      if (round % 2 === 0) expire(store, A)
      else await one.ask('kytos.settings.cancel', { namespace: A }).catch(() => {})
      await reaches(store, A, 'overtaken')
      expect(stored(store, A)).toEqual({ a: 'by hand' })
      await one.close()
    }
  })

  it('a state that another program took from one of its documents ends it without a rollback', async () => {
    const { store, one } = await begin()
    await one.ask('kytos.settings.transaction', {
      operations: [
        { namespace: A, data: { a: 2 } },
        { namespace: B, data: { b: 2 } },
      ],
      confirm_within: LONG,
    })
    store.commit([{ key: pendingKey(key(A)), delete: true }])
    await reaches(store, B, 'overtaken')
    expect([stored(store, A), stored(store, B)]).toEqual([{ a: 2 }, { b: 2 }])
    await one.ask('kytos.settings.update', { namespace: A, data: { a: 3 } })
  })

  it('a new version of the NApp does not keep the baseline from coming back; what does not fit is rejected', async () => {
    const { store, one } = await begin()
    const register = (napp_version: string, type: string) =>
      one.ask('kytos.settings.register', {
        ...{ namespace: A, napp_version },
        schema: { type: 'object', properties: { a: { type } } },
      })
    await register('1', 'number')
    await one.ask('kytos.settings.update', { ...update, data: { a: null } })
    await register('2', 'string')
    const stop = one.bus.consume(A, { changing: () => 'not now' })
    expire(store, A)
    await reaches(store, A, 'expired')
    expect(stored(store, A)).toEqual({ a: 1 })
    const { rejected } = await one.ask('kytos.settings.retrieve', { namespace: A, fresh: true })
    expect(rejected).toMatchObject([{ pointer: '/a', stored: 1 }])
    stop()
  })
})

describe('the history of a document that waits', () => {
  it('keeps the baseline beyond the newest 50 versions until the end', async () => {
    const { store, one } = await begin()
    for (let a = 2; a < 60; a++)
      await one.ask('kytos.settings.update', { namespace: A, data: { a }, confirm_within: LONG })
    const hand = await openHand(store)
    await pruneHistory(hand, key(A), { newest: 50, youngest: Date.now() + 1 })
    expect([keeps(store, A, 1), keeps(store, A, 2)]).toEqual([true, false])
    await one.ask('kytos.settings.cancel', { namespace: A })
    expect(stored(store, A)).toEqual({ a: 1 })
    await pruneHistory(hand, key(A), { newest: 50, youngest: Date.now() + 1 })
    expect(keeps(store, A, 2)).toBe(false)
  })

  it('without its baseline ends the wait without a rollback', async () => {
    const { store, one } = await begin()
    await one.ask('kytos.settings.update', update)
    // By another program, together with a newer one: a deletion of the newest record would be a wipe.
    store.commit([{ key: historyKey(key(A), 1), delete: true }])
    expire(store, A)
    await reaches(store, A, 'overtaken')
    expect(stored(store, A)).toEqual({ a: 2 })
  })

  it('loses an end after a day, which no fact announces', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.update', update)
    await one.ask('kytos.settings.confirm', { namespace: A })
    await one.ask('kytos.settings.update', { ...update, namespace: B })
    await one.ask('kytos.settings.confirm', { namespace: B })
    const text = store.get(pendingKey(key(A)))?.text ?? ''
    const old = text.replace(/"at":"[^"]+"/, '"at":"2020-01-01T00:00:00.000Z"')
    store.commit([{ key: pendingKey(key(A)), put: old }])
    await Promise.all([one.close(), two.close()])
    const three = await open(store, 'controller-3')
    await vi.waitFor(() => expect(stateOf(store, A)).toBeUndefined(), SOON)
    expect(stateOf(store, B)).toBe('confirmed')
    expect(told(three)).toEqual([])
  })
})

describe('a store that was wiped while a change waits', () => {
  it('has nothing to roll back; one that was filled from it is rolled back at once', async () => {
    const { store, one, two } = await begin()
    await one.ask('kytos.settings.update', update)
    const kept = store.list(EVERYTHING).filter(({ key }) => !key.startsWith('armed/') && key !== META_KEY)
    store.commit(store.list(EVERYTHING).map(({ key }) => ({ key, delete: true })))
    for (const controller of [one, two])
      await vi.waitFor(async () => {
        const { pending, state } = await controller.ask('kytos.settings.status', {})
        expect([pending, state]).toEqual([undefined, 'READY'])
      }, SOON)
    await two.ask('kytos.settings.update', { namespace: A, data: { a: 7 } })
    await expect(one.ask('kytos.settings.confirm', { namespace: A })).rejects.toMatchObject({
      code: 'NOT_PENDING',
    })
    const other = createStore()
    other.commit(kept.map(({ key, text }) => ({ key, put: text })))
    await open(other, 'controller-3')
    await reaches(other, A, 'expired')
    expect(stored(other, A)).toEqual({ a: 1 })
  })
})

describe('confirm and the end of the time', () => {
  it('race 200 times: exactly one outcome, and the answer tells it', async () => {
    const { store, one, two } = await begin()
    const outcomes = { confirmed: 0, expired: 0 }
    for (let round = 0; round < 200; round++) {
      await one.ask('kytos.settings.update', { ...update, data: { a: 2, round } })
      const confirm = two.ask('kytos.settings.confirm', { namespace: A }).then(
        ({ kind }) => kind,
        error => error.code,
      )
      for (let turn = 0; turn < round % 20; turn++) await Promise.resolve()
      expire(store, A)
      const answer = await confirm
      await vi.waitFor(() => expect(stateOf(store, A)).not.toBe('waits'), SOON)
      const ended = stateOf(store, A)
      expect([answer, ended, stored(store, A)]).toEqual(
        ended === 'confirmed'
          ? ['confirmed', 'confirmed', { a: 2, round }]
          : ['NOT_PENDING', 'expired', { a: 1 }],
      )
      outcomes[ended === 'confirmed' ? 'confirmed' : 'expired']++
      if (ended === 'confirmed')
        await one.ask('kytos.settings.update', { namespace: A, method: 'PUT', data: { a: 1 } })
      await vi.waitFor(async () => {
        expect((await two.ask('kytos.settings.retrieve', { namespace: A, fresh: true })).data).toEqual({
          a: 1,
        })
      }, SOON)
    }
    // The race has both ends.
    expect(Math.min(outcomes.confirmed, outcomes.expired)).toBeGreaterThan(0)
  })

  it('two confirms and a cancel at once have one winner', async () => {
    const { store, one, two } = await begin()
    for (let round = 0; round < 20; round++) {
      await one.ask('kytos.settings.update', { ...update, data: { a: 2, round } })
      const answers = await Promise.all(
        [
          one.ask('kytos.settings.confirm', { namespace: A }),
          two.ask('kytos.settings.cancel', { namespace: A }),
          two.ask('kytos.settings.confirm', { namespace: A }),
        ].map(one => one.then(({ kind }) => kind as string).catch(error => error.code as string)),
      )
      expect(answers.filter(one => one !== 'NOT_PENDING')).toEqual([stateOf(store, A)])
      await one.ask('kytos.settings.update', { namespace: A, method: 'PUT', data: { a: 1, round } })
    }
  })
})
