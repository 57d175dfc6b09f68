import assert from 'node:assert/strict'
import { absent, committed, listed, lost, meanwhile, refused } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { assertOrderly, digest, fence, follow, history } from '../harness/follow.ts'
import { A, B, C, doc, put, range, record } from '../harness/sample.ts'

/** A single watch: every revision once, as a whole, in order. */
export const watch: readonly Case[] = [
  {
    title: 'a put is announced with its text, its revision and the one that created it',
    async run(context) {
      const { store } = context
      const follower = follow(context, store, 0n)
      const created = committed(await store.commit([put(A, 1)]))
      const revision = committed(await store.commit([put(A, 2)]))
      await fence(store, follower)
      assert.deepEqual(follower.batches, [
        {
          revision: created,
          changes: [
            { type: 'put', entry: { key: A, text: doc(1), modRevision: created, createRevision: created } },
          ],
        },
        {
          revision,
          changes: [
            { type: 'put', entry: { key: A, text: doc(2), modRevision: revision, createRevision: created } },
          ],
        },
      ])
    },
  },
  {
    title: 'a delete is announced with its key and its revision',
    async run(context) {
      const { store } = context
      const since = committed(await store.commit([put(A), put(B)]))
      const follower = follow(context, store, since)
      const revision = committed(await store.commit([{ key: A, delete: true }]))
      await fence(store, follower)
      assert.deepEqual(follower.batches, [{ revision, changes: [{ type: 'delete', key: A, revision }] }])
    },
  },
  {
    title: 'a key that is deleted and put again is announced as created anew',
    async run(context) {
      const { store } = context
      const follower = follow(context, store, 0n)
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([{ key: A, delete: true }]))
      const third = committed(await store.commit([put(A, 2)]))
      await fence(store, follower)
      assert.deepEqual(
        follower.batches.flatMap(batch => batch.changes),
        [
          { type: 'put', entry: { key: A, text: doc(1), modRevision: first, createRevision: first } },
          { type: 'delete', key: A, revision: second },
          { type: 'put', entry: { key: A, text: doc(2), modRevision: third, createRevision: third } },
        ],
      )
    },
  },
  {
    title: 'a commit of many keys is one batch, in byte order of the keys',
    async run(context) {
      const { store } = context
      committed(await store.commit([put(B, 0)]))
      const follower = follow(context, store, 0n)
      const revision = committed(
        await store.commit([put(record(2)), put(C), { key: B, delete: true }, put(A), put(record(1))]),
      )
      await fence(store, follower)
      const expected = [
        revision,
        [record(1), doc(1)],
        [record(2), doc(1)],
        [A, doc(1)],
        [B, null],
        [C, doc(1)],
      ]
      assert.deepEqual(follower.batches.slice(1).map(digest), [expected])
    },
  },
  {
    title: 'a commit of 64 keys is one batch, live and replayed',
    async run(context) {
      const { store } = context
      const follower = follow(context, store, 0n)
      const revision = committed(await store.commit(range(64).map(n => put(record(n), n))))
      await fence(store, follower)
      const expected = [[revision, ...range(64).map(n => [record(n), doc(n)])]]
      assert.deepEqual(follower.batches.map(digest), expected)
      assert.deepEqual((await history(context, store, 0n)).map(digest), expected)
    },
  },
  {
    title: 'the start is exclusive: the batch of that revision is not given again',
    async run(context) {
      const { store } = context
      const first = committed(await store.commit([put(A, 1)]))
      const second = committed(await store.commit([put(A, 2)]))
      assert.deepEqual(
        (await history(context, store, first)).map(batch => batch.revision),
        [second],
      )
      assert.deepEqual(await history(context, store, second), [])
    },
  },
  {
    title: 'a watch replays exactly what came after its start, from every revision there was',
    async run(context) {
      const { store } = context
      for (const n of range(12)) {
        committed(
          await store.commit(
            n % 4 === 3 ? [{ key: record(n - 1), delete: true }, put(A, n)] : [put(record(n), n), put(B, n)],
          ),
        )
      }
      const all = await history(context, store, 0n)
      assert.equal(all.length, 12)
      for (const { revision } of all) {
        assert.deepEqual(
          await history(context, store, revision),
          all.filter(batch => batch.revision > revision),
        )
      }
    },
  },
  {
    title: 'a watch from before the first commit gives everything',
    async run(context) {
      const { store } = context
      const revisions = []
      for (const n of range(5)) revisions.push(committed(await store.commit([put(A, n)])))
      assert.deepEqual(
        (await history(context, store, 0n)).map(batch => batch.revision),
        revisions,
      )
    },
  },
  {
    title: 'replayed and live batches join without a gap or a repetition while commits go on',
    async run(context) {
      const { store } = context
      const commits = async (caller: number): Promise<void> => {
        for (const n of range(15)) committed(await store.commit([put(record(caller), n)]))
      }
      const writing = meanwhile(Promise.all(range(4).map(commits)))
      const followers = []
      for (const _ of range(6)) {
        followers.push(follow(context, store, 0n))
        await new Promise(setImmediate)
      }
      await writing
      await fence(store, ...followers)
      for (const { batches } of followers) {
        assertOrderly(batches, 0n)
        assert.equal(batches.flatMap(batch => batch.changes).length, 60)
        assert.deepEqual(batches, followers[0]?.batches)
      }
    },
  },
  {
    title: 'losers, checks and deletes of absent keys are not announced',
    async run(context) {
      const { store } = context
      const revision = committed(await store.commit([put(A)]))
      const follower = follow(context, store, 0n)
      lost(await store.commit([{ ...put(A, 2), expected: 'absent' }, put(B)]))
      committed(await store.commit([{ key: A, check: true, expected: revision }]))
      committed(await store.commit([{ key: B, delete: true }]))
      await absent(store, B)
      await fence(store, follower)
      assert.deepEqual(follower.batches.map(digest), [[revision, [A, doc(1)]]])
    },
  },
  {
    title: 'a watch with nothing to replay soon says that it is alive and caught up',
    async run(context) {
      const { store } = context
      const revision = committed(await store.commit([put(A)]))
      const follower = follow(context, store, revision)
      await follower.until(() => follower.revisions.some(given => given >= revision), 'progress')
      assert.deepEqual(follower.batches, [])
    },
  },
  {
    title: 'a watch of a store without a commit soon says that it is alive',
    async run(context) {
      const follower = follow(context, context.store, 0n)
      await follower.until(() => follower.revisions.length > 0, 'progress')
    },
  },
  {
    title:
      'a watch that has replayed everything has come to the revision that the store had when it was made',
    async run(context) {
      const { store } = context
      const revisions = []
      for (const n of range(30)) revisions.push(committed(await store.commit([put(record(n))])))
      const { revision } = await listed(store)
      const follower = follow(context, store, 0n)
      await follower.until(() => follower.revisions.some(given => given >= revision), `revision ${revision}`)
      await fence(store, follower)
      assert.deepEqual(
        follower.batches.map(batch => batch.revision),
        revisions,
      )
    },
  },
  {
    title: 'a watch from a revision that is yet to come ends with HISTORY_LOST',
    async run({ store, over, timeoutMs }) {
      const revision = committed(await store.commit([put(A)]))
      const iterator = store
        .watch(revision + 1_000_000n, AbortSignal.any([over, AbortSignal.timeout(timeoutMs)]))
        [Symbol.asyncIterator]()
      await refused(iterator.next(), 'HISTORY_LOST')
    },
  },
]
