import assert from 'node:assert/strict'
import { absent, committed, listed, lost, present } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { fence, follow, history, replay } from '../harness/follow.ts'
import { A, B, doc, put, range, record } from '../harness/sample.ts'

/** Several backends on one store, like those of several controllers. */
export const sharing: readonly Case[] = [
  {
    title: 'what one backend committed, another gets and lists at once',
    needs: ['sharing'],
    async run({ store, second }) {
      const other = await second()
      for (const n of range(20)) {
        const revision = committed(await store.commit([put(A, n), put(record(n))]))
        assert.equal((await present(other, A)).modRevision, revision)
        assert.equal((await listed(other)).entries.length, n + 2)
      }
      committed(await other.commit([{ key: A, delete: true }]))
      await absent(store, A)
    },
  },
  {
    title: 'guards hold between backends: of two that create a key one wins',
    needs: ['sharing'],
    async run({ store, second }) {
      const other = await second()
      for (const n of range(20)) {
        const guarded = { expected: 'absent' as const }
        const outcomes = await Promise.all([
          store.commit([{ ...put(record(n), 'one'), ...guarded }]),
          other.commit([{ ...put(record(n), 'two'), ...guarded }]),
        ])
        assert.equal(outcomes.filter(outcome => outcome.committed).length, 1)
        const loser = outcomes.find(outcome => !outcome.committed)
        assert.ok(loser)
        assert.deepEqual(lost(loser).get(record(n)), await store.get(record(n)))
      }
    },
  },
  {
    title: 'a counter raised through two backends counts every raise once',
    needs: ['sharing'],
    async run({ store, second }) {
      const stores = [store, await second()]
      committed(await store.commit([put(A, 0)]))
      const raise = async (n: number): Promise<void> => {
        const backend = stores[n % 2] ?? store
        for (let done = 0; done < 4; ) {
          const { text, modRevision: revision } = await present(backend, A)
          if (
            (await backend.commit([{ ...put(A, Number(/\d+/.exec(text)?.[0]) + 1), expected: revision }]))
              .committed
          )
            done++
        }
      }
      await Promise.all(range(8).map(raise))
      assert.equal((await present(store, A)).text, doc(32))
    },
  },
  {
    title: 'watches of both backends are given the same batches',
    needs: ['sharing'],
    async run(context) {
      const { store } = context
      const other = await context.second()
      const followers = [follow(context, store, 0n), follow(context, other, 0n)]
      await Promise.all(
        range(60).map(async n =>
          committed(
            await (n % 2 === 0 ? store : other).commit([
              put(record(n % 7), n),
              n % 3 === 0 ? put(B, n) : put(A, n),
            ]),
          ),
        ),
      )
      await fence(other, ...followers)
      assert.deepEqual(followers[0]?.batches, followers[1]?.batches)
      assert.deepEqual(replay([], followers[0]?.batches ?? []), (await listed(other)).entries)
      assert.deepEqual(await history(context, store, 0n), followers[1]?.batches)
    },
  },
  {
    title: 'one backend closed leaves the other as it was',
    needs: ['sharing'],
    async run(context) {
      const { store } = context
      const other = await context.second()
      const follower = follow(context, other, 0n)
      const revision = committed(await store.commit([put(A)]))
      await store.close()
      committed(await other.commit([{ ...put(A, 2), expected: revision }]))
      await fence(other, follower)
      assert.equal(follower.batches.length, 2)
    },
  },
  {
    title:
      'a ttl belongs to the store: it goes on, not earlier and not later, when the backend that began it is closed',
    needs: ['sharing'],
    async run(context) {
      const { store, ttl } = context
      const other = await context.second()
      const follower = follow(context, other, 0n)
      const begun = performance.now()
      committed(await store.commit([{ ...put(A), ttl }]))
      await store.close()
      assert.equal((await follower.change(A)).type, 'put')
      assert.equal((await present(other, A)).text, doc(1))
      assert.equal((await follower.change(A)).type, 'delete')
      assert.ok(performance.now() - begun >= ttl * 1000 - 2, 'it expired early')
    },
  },
]
