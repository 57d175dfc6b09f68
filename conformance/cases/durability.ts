import assert from 'node:assert/strict'
import { absent, committed, listed, lost, present } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { follow, history } from '../harness/follow.ts'
import { A, B, C, doc, put, range, record } from '../harness/sample.ts'

/** The data that remains after the process ends. */
export const durability: readonly Case[] = [
  {
    title: 'everything is there after a restart, entry by entry',
    needs: ['durability'],
    async run({ store, reopen }) {
      committed(await store.commit([put(A, 1), put(B, 1)]))
      committed(await store.commit([put(A, 2), { key: B, delete: true }, put(record(1))]))
      const { entries } = await listed(store)
      assert.deepEqual((await listed(await reopen())).entries, entries)
    },
  },
  {
    title: 'what resolved is there after a crash at that very moment',
    needs: ['crash'],
    async run({ store, afterCrash }) {
      committed(await store.commit([put(A, 1), put(B, 1)]))
      const revision = committed(await store.commit([put(A, 2), { key: B, delete: true }]))
      const next = await afterCrash()
      assert.equal((await present(next, A)).text, doc(2))
      assert.equal((await present(next, A)).modRevision, revision)
      await absent(next, B)
    },
  },
  {
    title: 'of many commits in one tick, those that resolved before a crash are there, each whole',
    needs: ['crash'],
    async run({ store, afterCrash }) {
      const resolved = new Set<number>()
      const first = range(40).map(async n => {
        committed(await store.commit([put(record(2 * n), n), put(record(2 * n + 1), n)]))
        resolved.add(n)
      })
      await Promise.any(first)
      const sure = new Set(resolved)
      const next = await afterCrash()
      const keys = new Set((await listed(next)).entries.map(entry => entry.key))
      for (const n of range(40)) {
        assert.equal(keys.has(record(2 * n)), keys.has(record(2 * n + 1)), `commit ${n} is there by half`)
        if (sure.has(n)) assert.ok(keys.has(record(2 * n)), `commit ${n} resolved and is lost`)
      }
      await Promise.all(first)
    },
  },
  {
    title: 'the revision goes on after a restart, also when nothing is left',
    needs: ['durability'],
    async run({ store, reopen }) {
      committed(await store.commit([put(A)]))
      const last = committed(await store.commit([{ key: A, delete: true }]))
      const next = await reopen()
      assert.ok((await listed(next)).revision >= last)
      assert.ok(committed(await next.commit([put(A)])) > last)
    },
  },
  {
    title: 'guards know after a restart what they knew before',
    needs: ['durability'],
    async run({ store, reopen }) {
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([put(A, 2)]))
      const next = await reopen()
      lost(await next.commit([{ ...put(A, 3), expected: first }]))
      lost(await next.commit([{ ...put(A, 3), expected: 'absent' }]))
      committed(
        await next.commit([
          { ...put(A, 3), expected: second },
          { ...put(B), expected: 'absent' },
        ]),
      )
    },
  },
  {
    title: 'a watch resumes across a restart exactly',
    needs: ['durability'],
    async run(context) {
      const { store } = context
      for (const n of range(8))
        committed(
          await store.commit([put(record(n % 3), n), n % 2 === 0 ? put(A, n) : { key: A, delete: true }]),
        )
      const all = await history(context, store, 0n)
      const next = await context.reopen()
      for (const { revision } of all) {
        assert.deepEqual(
          await history(context, next, revision),
          all.filter(batch => batch.revision > revision),
        )
      }
      const live = committed(await next.commit([put(C)]))
      assert.deepEqual(
        (await history(context, next, 0n)).map(batch => batch.revision),
        [...all.map(batch => batch.revision), live],
      )
    },
  },
  {
    title: 'a ttl goes on across a restart, and what expired meanwhile is deleted',
    needs: ['durability'],
    async run(context) {
      const { store, ttl } = context
      const begun = performance.now()
      const revision = committed(await store.commit([{ ...put(A), ttl }, put(B)]))
      const next = await context.reopen()
      const follower = follow(context, next, revision)
      const change = await follower.change(A)
      assert.equal(change.type, 'delete')
      assert.ok(performance.now() - begun >= ttl * 1000 - 2, 'it expired early')
      await absent(next, A)
      assert.equal((await present(next, B)).modRevision, revision)
    },
  },
]
