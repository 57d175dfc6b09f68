import assert from 'node:assert/strict'
import type { Expected } from '../../backends/backend.ts'
import { absent, committed, listed, lost, present } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { history } from '../harness/follow.ts'
import { A, B, C, doc, put, record } from '../harness/sample.ts'

/** The commits that guards allow and reject, and the entries that a rejected commit finds. */
export const guards: readonly Case[] = [
  {
    title: 'a put that expects absence creates once and loses the second time',
    async run({ store }) {
      const revision = committed(await store.commit([{ ...put(A, 1), expected: 'absent' }]))
      const found = lost(await store.commit([{ ...put(A, 2), expected: 'absent' }]))
      assert.deepEqual(found.get(A), {
        key: A,
        text: doc(1),
        modRevision: revision,
        createRevision: revision,
      })
      assert.equal((await present(store, A)).text, doc(1))
    },
  },
  {
    title: 'a put that expects a revision succeeds at exactly that one',
    async run({ store }) {
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([{ ...put(A, 2), expected: first }]))
      const found = lost(await store.commit([{ ...put(A, 3), expected: first }]))
      assert.equal(found.get(A)?.modRevision, second)
      lost(await store.commit([{ ...put(A, 3), expected: second + 1_000_000n }]))
      assert.equal((await present(store, A)).text, doc(2))
    },
  },
  {
    title: 'a put that expects a revision of an absent key loses and finds nothing',
    async run({ store }) {
      const first = committed(await store.commit([put(A)]))
      committed(await store.commit([{ key: A, delete: true }]))
      assert.equal(lost(await store.commit([{ ...put(A, 2), expected: first }])).size, 0)
      await absent(store, A)
    },
  },
  {
    title: 'a key that was deleted is absent to a guard',
    async run({ store }) {
      committed(await store.commit([put(A, 1)]))
      committed(await store.commit([{ key: A, delete: true }]))
      committed(await store.commit([{ ...put(A, 2), expected: 'absent' }]))
      assert.equal((await present(store, A)).text, doc(2))
    },
  },
  {
    title: 'a guard knows a key that was deleted and put again by its new revision only',
    async run({ store }) {
      const first = committed(await store.commit([put(A)]))
      committed(await store.commit([{ key: A, delete: true }]))
      const second = committed(await store.commit([put(A)]))
      lost(await store.commit([{ ...put(A, 2), expected: first }]))
      committed(await store.commit([{ ...put(A, 2), expected: second }]))
    },
  },
  {
    title: 'a put that expects anything always succeeds',
    async run({ store }) {
      committed(await store.commit([{ ...put(A, 1), expected: 'any' }]))
      committed(await store.commit([{ ...put(A, 2), expected: 'any' }]))
      assert.equal((await present(store, A)).text, doc(2))
    },
  },
  {
    title: 'a delete is guarded as a put is',
    async run({ store }) {
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([put(A, 2)]))
      for (const expected of [first, 'absent'] satisfies Expected[]) {
        assert.equal(
          lost(await store.commit([{ key: A, delete: true, expected }])).get(A)?.modRevision,
          second,
        )
      }
      assert.equal((await present(store, A)).text, doc(2))
      committed(await store.commit([{ key: A, delete: true, expected: second }]))
      await absent(store, A)
    },
  },
  {
    title: 'the delete of an absent key with a revision expected loses',
    async run({ store }) {
      assert.equal(lost(await store.commit([{ key: A, delete: true, expected: 1n }])).size, 0)
      committed(await store.commit([{ key: A, delete: true, expected: 'absent' }]))
    },
  },
  {
    title: 'a check guards a key that is not written',
    async run(context) {
      const { store } = context
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([{ key: A, check: true, expected: first }, put(B, 2)]))
      assert.equal((await present(store, A)).modRevision, first)
      const third = committed(await store.commit([put(A, 3)]))
      const found = lost(await store.commit([{ key: A, check: true, expected: first }, put(B, 4)]))
      assert.equal(found.get(A)?.modRevision, third)
      assert.equal((await present(store, B)).modRevision, second)
      assert.deepEqual(
        (await history(context, store, first)).map(batch => batch.revision),
        [second, third],
      )
    },
  },
  {
    title: 'a check for absence holds while the key is absent',
    async run({ store }) {
      committed(await store.commit([{ key: A, check: true, expected: 'absent' }, put(B, 1)]))
      committed(await store.commit([put(A)]))
      lost(await store.commit([{ key: A, check: true, expected: 'absent' }, put(B, 2)]))
      assert.equal((await present(store, B)).text, doc(1))
    },
  },
  {
    title: 'one failing guard undoes the whole commit, wherever it stands',
    async run(context) {
      const { store } = context
      const before = committed(await store.commit([put(A, 1), put(B, 1)]))
      const failing = { ...put(C, 2), expected: before }
      const others = [put(A, 2), { key: B, delete: true as const }]
      for (const at of [0, 1, 2]) lost(await store.commit(others.toSpliced(at, 0, failing)))
      assert.deepEqual(
        (await listed(store)).entries.map(entry => [entry.key, entry.text]),
        [
          [A, doc(1)],
          [B, doc(1)],
        ],
      )
      assert.deepEqual(await history(context, store, before), [])
    },
  },
  {
    title: 'a loser finds every guarded key that is there, and no other',
    async run({ store }) {
      const revision = committed(await store.commit([put(A, 1), put(B, 1), put(C, 1), put(record(1), 1)]))
      const found = lost(
        await store.commit([
          { ...put(A, 2), expected: 'absent' },
          { key: B, check: true, expected: revision },
          { ...put(C, 2), expected: 'any' },
          { ...put(record(2), 2), expected: 'absent' },
        ]),
      )
      assert.deepEqual(
        [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
        [A, B].map(key => ({ key, text: doc(1), modRevision: revision, createRevision: revision })),
      )
    },
  },
  {
    title: 'a loser does not move the revision of anything',
    async run({ store }) {
      const before = committed(await store.commit([put(A)]))
      lost(await store.commit([put(B), { ...put(A), expected: 'absent' }]))
      assert.equal((await present(store, A)).modRevision, before)
      await absent(store, B)
    },
  },
]
