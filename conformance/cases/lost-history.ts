import assert from 'node:assert/strict'
import { committed, listed, present, refused } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { history } from '../harness/follow.ts'
import { A, doc, put, range, record } from '../harness/sample.ts'

/** A store without the revisions of the past reports that, and loses nothing else. */
export const lostHistory: readonly Case[] = [
  {
    title: 'a watch from before what is kept ends with HISTORY_LOST, without a batch',
    needs: ['forget'],
    async run({ store, forget, over }) {
      const revisions = []
      for (const n of range(6)) revisions.push(committed(await store.commit([put(A, n)])))
      await forget()
      for (const since of [0n, ...revisions.slice(0, 5).map(revision => revision - 1n)]) {
        await refused(firstChange(store.watch(since, over)), 'HISTORY_LOST')
      }
    },
  },
  {
    title: 'a store without its past still has its present, and a watch from there goes on',
    needs: ['forget'],
    async run(context) {
      const { store, forget } = context
      const created = committed(await store.commit([put(A, 1), put(record(1))]))
      const revision = committed(await store.commit([put(A, 2), { key: record(1), delete: true }]))
      await forget()
      assert.deepEqual(await store.get(A), {
        key: A,
        text: doc(2),
        modRevision: revision,
        createRevision: created,
      })
      const { revision: at, entries } = await listed(store)
      assert.equal(entries.length, 1)
      const next = committed(await store.commit([{ ...put(A, 3), expected: revision }]))
      assert.deepEqual(
        (await history(context, store, at)).map(batch => batch.revision),
        [next],
      )
      assert.equal((await present(store, A)).createRevision, created)
    },
  },
]

async function firstChange(batches: AsyncIterable<{ readonly changes: readonly unknown[] }>): Promise<void> {
  for await (const { changes } of batches) if (changes.length > 0) return
}
