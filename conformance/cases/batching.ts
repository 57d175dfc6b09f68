import assert from 'node:assert/strict'
import type { Backend } from '../../backends/backend.ts'
import { accepted, committed, listed, lost, meanwhile, present, refused } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { digest, history } from '../harness/follow.ts'
import { A, B, doc, put, range, record } from '../harness/sample.ts'

/** Commits in flight at the same time share a round trip; each has its own outcome. */
export const batching: readonly Case[] = [
  {
    title: 'of 200 commits made in one tick each has its own outcome, and losers hurt no neighbour',
    async run(context) {
      const { store } = context
      const outcomes = await Promise.all(
        range(200).map(n =>
          store.commit([
            { ...put(record(n), n), ...(n % 2 === 0 ? { expected: 'absent' } : { expected: 7_000_000n }) },
          ]),
        ),
      )
      const winners = range(200).filter(n => n % 2 === 0)
      for (const n of range(200)) {
        const outcome = outcomes[n]
        assert.ok(outcome)
        if (n % 2 === 0) assert.equal((await present(store, record(n))).modRevision, committed(outcome))
        else assert.equal(lost(outcome).size, 0)
      }
      assert.deepEqual(
        (await listed(store)).entries.map(entry => entry.text),
        winners.map(n => doc(n)),
      )
      const announced = (await history(context, store, 0n)).flatMap(batch => batch.changes.length)
      assert.equal(
        announced.reduce((a, b) => a + b, 0),
        winners.length,
      )
    },
  },
  {
    title: 'of 40 creations of one key in one tick exactly one wins, and every loser finds the winner',
    async run({ store }) {
      const outcomes = await Promise.all(
        range(40).map(n => store.commit([{ ...put(A, n), expected: 'absent' }])),
      )
      const winners = range(40).filter(n => outcomes[n]?.committed)
      assert.equal(winners.length, 1)
      for (const outcome of outcomes.filter(({ committed }) => !committed)) {
        assert.equal(lost(outcome).get(A)?.text, doc(winners[0] ?? -1))
      }
    },
  },
  {
    title: 'a counter that 8 callers raise by compare and set counts every raise once',
    async run({ store }) {
      committed(await store.commit([put(A, 0)]))
      const raise = async (caller: number): Promise<void> => {
        for (let done = 0; done < 4; ) {
          const { text, modRevision: revision } = await present(store, A)
          const next = Number(/\d+/.exec(text)?.[0]) + 1
          const outcome = await store.commit([
            { ...put(A, next), expected: revision },
            { ...put(record(caller * 100 + done)), expected: 'absent' },
          ])
          if (outcome.committed) done++
        }
      }
      await Promise.all(range(8).map(raise))
      assert.equal((await present(store, A)).text, doc(32))
      assert.equal((await listed(store)).entries.length, 33)
    },
  },
  {
    title: 'a key changes at most once in a revision, even when many write it in one tick',
    async run(context) {
      const { store } = context
      const outcomes = await Promise.all(range(30).map(n => store.commit([put(A, n)])))
      const revisions = outcomes.map(committed)
      assert.equal(new Set(revisions).size, 30)
      const batches = await history(context, store, 0n)
      const expected = range(30).map(n => [revisions[n] ?? 0n, [A, doc(n)]] as const)
      assert.deepEqual(
        batches.map(digest),
        expected.sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    },
  },
  {
    title: 'commits over the same two keys in one tick never mix',
    async run({ store }) {
      const outcomes = await Promise.all(
        range(30).map(n => store.commit(n % 2 === 0 ? [put(A, n), put(B, n)] : [put(B, n), put(A, n)])),
      )
      outcomes.forEach(committed)
      const [a, b] = [await present(store, A), await present(store, B)]
      assert.equal(a.text, b.text)
      assert.equal(a.modRevision, b.modRevision)
    },
  },
  {
    title: 'commits that are refused for what they are fail alone among their neighbours',
    async run({ store }) {
      const twice = (n: number): Promise<unknown> => store.commit([put(record(n)), put(record(n))])
      const calls = range(30).map(n =>
        n % 3 === 0
          ? refused(twice(n), 'CONTENT_MALFORMED')
          : accepted(store.commit([put(record(n), n)])).then(committed),
      )
      await Promise.all(calls)
      assert.equal((await listed(store)).entries.length, 20)
    },
  },
  {
    title: 'a chain of commits, each guarded by the one before, goes through among noisy neighbours',
    async run({ store }) {
      const noise = meanwhile(Promise.all(range(20).map(n => noisy(store, n))))
      let last = committed(await store.commit([{ ...put(A, 0), expected: 'absent' }]))
      for (const n of range(20)) last = committed(await store.commit([{ ...put(A, n), expected: last }]))
      await noise
      assert.equal((await present(store, A)).modRevision, last)
    },
  },
  {
    title: 'readers among the commits of one tick see each pair of keys whole',
    async run({ store }) {
      const writes = range(40).map(n => store.commit([put(A, n), put(record(n)), put(B, n)]))
      const reads = range(20).map(async () => {
        const texts = (await listed(store)).entries
          .filter(({ key }) => key === A || key === B)
          .map(({ text, modRevision: revision }) => `${text} ${revision}`)
        assert.equal(new Set(texts).size, texts.length === 0 ? 0 : 1)
        assert.notEqual(texts.length, 1)
      })
      await Promise.all([...reads, ...writes])
    },
  },
]

async function noisy(store: Backend, n: number): Promise<void> {
  for (const step of range(5)) {
    committed(await store.commit([put(record(n), step)]))
    lost(await store.commit([{ ...put(record(n), step), expected: 'absent' }]))
  }
}
