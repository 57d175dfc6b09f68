import assert from 'node:assert/strict'
import type { Batch } from '../../backends/backend.ts'
import { committed, meanwhile, within } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { assertOrderly, digest, fence, follow, history, watched } from '../harness/follow.ts'
import { A, B, doc, put, range, record } from '../harness/sample.ts'

/** Several watches, slow ones, and ones that end and start again. */
export const watchers: readonly Case[] = [
  {
    title: 'several watchers are each given everything',
    async run(context) {
      const { store } = context
      const followers = range(8).map(() => follow(context, store, 0n))
      for (const n of range(10)) committed(await store.commit([put(A, n), put(record(n))]))
      await fence(store, ...followers)
      const all = await history(context, store, 0n)
      assert.equal(all.length, 10)
      for (const { batches } of followers) assert.deepEqual(batches, all)
    },
  },
  {
    title: 'a watcher that stops leaves the others alone',
    async run(context) {
      const { store } = context
      const [first, second] = [follow(context, store, 0n), follow(context, store, 0n)]
      committed(await store.commit([put(A, 1)]))
      await fence(store, first, second)
      await first.stop()
      const revision = committed(await store.commit([put(A, 2)]))
      await fence(store, second)
      assert.equal(first.batches.length, 1)
      assert.deepEqual(digest(second.batches[1] ?? { revision: 0n, changes: [] }), [revision, [A, doc(2)]])
    },
  },
  {
    title: 'a slow watcher is given everything in the end and stops neither the store nor the others',
    async run(context) {
      const { store, over } = context
      const slow = watched(store, 0n, over)
      await slow.next()
      const quick = follow(context, store, 0n)
      for (const some of range(10)) {
        await Promise.all(
          range(50).map(async n => committed(await store.commit([put(record(some * 50 + n), n)]))),
        )
      }
      await fence(store, quick)
      assert.equal(quick.batches.flatMap(batch => batch.changes).length, 500)
      const keys = new Set<string>()
      for (let last = 0n; keys.size < 500; ) {
        const { value: batch } = await slow.next()
        assert.ok(batch, 'the watch ended before it was aborted')
        assert.ok(batch.changes.length === 0 || batch.revision > last, 'a batch came twice or late')
        if (batch.changes.length > 0) last = batch.revision
        for (const change of batch.changes) if (change.type === 'put') keys.add(change.entry.key)
      }
    },
  },
  {
    title: 'a watch that was aborted before it began just ends',
    async run({ store, timeoutMs }) {
      const next = store.watch(0n, AbortSignal.abort())[Symbol.asyncIterator]().next()
      assert.equal((await within(next, timeoutMs, 'the end of the watch')).done, true)
    },
  },
  {
    title: 'an abort ends a watch that waits',
    async run(context) {
      const follower = follow(context, context.store, 0n)
      await follower.until(() => follower.revisions.length > 0, 'progress')
      await follower.stop()
    },
  },
  {
    title: 'an abort ends a watch that has more to give',
    async run({ store, timeoutMs }) {
      for (const n of range(10)) committed(await store.commit([put(A, n)]))
      const end = new AbortController()
      const given = async (): Promise<number> => {
        let count = 0
        for await (const batch of watched(store, 0n, end.signal)) {
          if (batch.changes.length > 0) count++
          if (count === 3) end.abort()
        }
        return count
      }
      assert.ok((await within(given(), timeoutMs, 'the end of the watch')) < 10, 'an aborted watch went on')
    },
  },
  {
    title: 'a watch that its reader leaves is released',
    async run(context) {
      const { store, over } = context
      committed(await store.commit([put(A, 1)]))
      for await (const batch of watched(store, 0n, over)) if (batch.changes.length > 0) break
      committed(await store.commit([put(A, 2)]))
      assert.equal((await history(context, store, 0n)).length, 2)
    },
  },
  {
    title: 'a reader that leaves and resumes again and again loses nothing and is given nothing twice',
    async run(context) {
      const { store, over, timeoutMs } = context
      const writing = meanwhile(
        Promise.all(range(24).map(async n => committed(await store.commit([put(record(n), n), put(B, n)])))),
      )
      const batches: Batch[] = []
      const read = async (): Promise<void> => {
        for (let stay = 1, last = 0n; batches.length < 24 && !over.aborted; stay = (stay % 4) + 1) {
          const end = new AbortController()
          let given = 0
          for await (const batch of watched(store, last, AbortSignal.any([over, end.signal]))) {
            if (batch.changes.length === 0) continue
            batches.push(batch)
            last = batch.revision
            if (++given === stay || batches.length === 24) end.abort()
          }
        }
      }
      await within(Promise.all([read(), writing]), timeoutMs, 'all batches')
      assertOrderly(batches, 0n)
      assert.deepEqual(batches, await history(context, store, 0n))
    },
  },
  {
    title: 'a watch that comes back after commits is given what it missed, then what comes',
    async run(context) {
      const { store } = context
      const first = follow(context, store, 0n)
      const seen = committed(await store.commit([put(A, 1)]))
      await fence(store, first)
      await first.stop()
      const missed = committed(await store.commit([{ key: A, delete: true }, put(B, 2)]))
      const second = follow(context, store, seen)
      await second.until(() => second.batches.length > 0, 'what was missed')
      const live = committed(await store.commit([put(A, 3)]))
      await fence(store, second)
      assert.deepEqual(second.batches.map(digest), [
        [missed, [A, null], [B, doc(2)]],
        [live, [A, doc(3)]],
      ])
    },
  },
]
