import assert from 'node:assert/strict'
import type { Operation } from '../../backends/backend.ts'
import { absent, committed, listed, lost, present } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { history } from '../harness/follow.ts'
import { A, B, C, doc, put, range, record } from '../harness/sample.ts'

/** The effects of a single commit. */
export const commit: readonly Case[] = [
  {
    title: 'a put is there when its commit resolves, at the revision of the commit',
    async run({ store }) {
      const revision = committed(await store.commit([put(A)]))
      assert.deepEqual(await store.get(A), {
        key: A,
        text: doc(1),
        modRevision: revision,
        createRevision: revision,
      })
    },
  },
  {
    title: 'an absent key is undefined',
    async run({ store }) {
      assert.equal(await store.get(A), undefined)
    },
  },
  {
    title: 'every commit that changes something gets a revision above all earlier ones',
    async run({ store }) {
      let last = 0n
      for (const n of range(20)) {
        const revision = committed(await store.commit(n % 3 === 2 ? [{ key: A, delete: true }] : [put(A, n)]))
        assert.ok(revision > last, `revision ${revision} came after ${last}`)
        last = revision
      }
    },
  },
  {
    title: 'an overwritten key keeps the revision that created it',
    async run({ store }) {
      const created = committed(await store.commit([put(A, 1)]))
      const revision = committed(await store.commit([put(A, 2)]))
      assert.deepEqual(await store.get(A), {
        key: A,
        text: doc(2),
        modRevision: revision,
        createRevision: created,
      })
    },
  },
  {
    title: 'a deleted key is gone, and created anew when it is put again',
    async run({ store }) {
      const first = committed(await store.commit([put(A, 1)]))
      const deleted = committed(await store.commit([{ key: A, delete: true }]))
      assert.ok(deleted > first)
      await absent(store, A)
      const revision = committed(await store.commit([put(A, 2)]))
      assert.ok(revision > deleted)
      assert.deepEqual(await store.get(A), {
        key: A,
        text: doc(2),
        modRevision: revision,
        createRevision: revision,
      })
    },
  },
  {
    title: 'all operations of a commit happen at one revision',
    async run({ store }) {
      committed(await store.commit([put(C, 0)]))
      const revision = committed(await store.commit([put(B), put(A), { key: C, delete: true }]))
      assert.equal((await present(store, A)).modRevision, revision)
      assert.equal((await present(store, B)).modRevision, revision)
      await absent(store, C)
    },
  },
  {
    title: 'a commit of 64 operations is applied whole',
    async run({ store }) {
      const operations: Operation[] = range(64).map(n => put(record(n), n))
      const revision = committed(await store.commit(operations))
      const { entries } = await listed(store)
      assert.deepEqual(
        entries.map(entry => [entry.text, entry.modRevision]),
        range(64).map(n => [doc(n), revision]),
      )
    },
  },
  {
    title: 'a commit of 64 operations with one failing guard writes none of them',
    async run({ store }) {
      const operations = range(64).map(n => ({
        ...put(record(n), n),
        ...(n === 63 ? { expected: 1_000_000n } : {}),
      }))
      lost(await store.commit(operations))
      assert.deepEqual((await listed(store)).entries, [])
    },
  },
  {
    title: 'a put of the text that is there already is a change like any other',
    async run(context) {
      const { store } = context
      const first = committed(await store.commit([put(A)]))
      const second = committed(await store.commit([put(A)]))
      assert.ok(second > first)
      assert.equal((await present(store, A)).modRevision, second)
      assert.equal((await history(context, store, first)).length, 1)
    },
  },
  {
    title: 'a commit with nothing to do succeeds, announces nothing and is not behind what it saw',
    async run(context) {
      const { store } = context
      const before = committed(await store.commit([put(A)]))
      const deleted = committed(await store.commit([{ key: B, delete: true }]))
      const checked = committed(await store.commit([{ key: A, check: true, expected: before }]))
      assert.ok(deleted >= before && checked >= before)
      assert.equal((await present(store, A)).modRevision, before)
      assert.deepEqual(await history(context, store, before), [])
    },
  },
  {
    title: 'the delete of an absent key beside a put announces only the put',
    async run(context) {
      const { store } = context
      const revision = committed(await store.commit([{ key: B, delete: true }, put(A)]))
      const entry = { key: A, text: doc(1), modRevision: revision, createRevision: revision }
      assert.deepEqual(await history(context, store, 0n), [{ revision, changes: [{ type: 'put', entry }] }])
    },
  },
  {
    title: 'a marker is stored like any other put',
    async run({ store }) {
      const marker: Operation = { key: record(1), put: doc('unique'), expected: 'absent', marker: true }
      const revision = committed(await store.commit([put(A), marker]))
      assert.deepEqual(await store.get(record(1)), {
        key: record(1),
        text: doc('unique'),
        modRevision: revision,
        createRevision: revision,
      })
    },
  },
]
