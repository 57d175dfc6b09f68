import assert from 'node:assert/strict'
import type { Backend } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
import { absent, committed, listed, lost, present } from '../harness/assertions.ts'
import type { Case, Context } from '../harness/case.ts'
import { type Follower, fence, follow } from '../harness/follow.ts'
import { A, B, C, doc, put } from '../harness/sample.ts'

/** The ms by which an expiry may seem to be early, because clocks are rounded. */
const ROUNDING = 2

/** Keys that the store itself deletes: never early, and not at all after a later put without a ttl. */
export const ttl: readonly Case[] = [
  {
    title: 'a put with a ttl is there, and is deleted by the store that long after, not earlier',
    async run(context) {
      const { store } = context
      const follower = follow(context, store, 0n)
      const begun = performance.now()
      const revision = committed(await store.commit([{ ...put(A), ttl: context.ttl }]))
      assert.equal((await present(store, A)).text, doc(1))
      const expired = await expiry(context, follower, begun)
      assert.ok(expired > revision)
      await absent(store, A)
      await fence(store, follower)
      assert.deepEqual(
        follower.batches.map(batch => [batch.revision, batch.changes.length]),
        [
          [revision, 1],
          [expired, 1],
        ],
      )
    },
  },
  {
    title: 'an expired key can be created again, and is created anew',
    async run(context) {
      const { store } = context
      const follower = follow(context, store, 0n)
      const begun = performance.now()
      const first = committed(await store.commit([{ ...put(A), ttl: context.ttl }]))
      const expired = await expiry(context, follower, begun)
      lost(await store.commit([{ ...put(A, 2), expected: first }]))
      const revision = committed(await store.commit([{ ...put(A, 2), expected: 'absent' }]))
      assert.ok(revision > expired)
      assert.equal((await present(store, A)).createRevision, revision)
    },
  },
  {
    title: 'a later put with a ttl counts anew',
    async run(context) {
      const { store, ttl } = context
      const follower = follow(context, store, 0n)
      for (;;) {
        const expected = committed(await store.commit([{ ...put(A, 1), ttl }]))
        await pause(ttl * 0.6, context)
        const begun = performance.now()
        const outcome = await store.commit([{ ...put(A, 2), ttl, expected }])
        // Proves nothing on a machine so busy that the first ttl has passed by now.
        if (outcome.committed) return void (await expiry(context, follower, begun, outcome.revision))
      }
    },
  },
  {
    title: 'a later put without a ttl ends it',
    async run(context) {
      const { store, ttl } = context
      committed(await store.commit([{ ...put(A, 1), ttl }]))
      committed(await store.commit([put(A, 2)]))
      await outlive(context, store)
      assert.equal((await present(store, A)).text, doc(2))
    },
  },
  {
    title: 'a key that was deleted and put again does not die of its former ttl',
    async run(context) {
      const { store, ttl } = context
      committed(await store.commit([{ ...put(A, 1), ttl }]))
      committed(await store.commit([{ key: A, delete: true }]))
      const revision = committed(await store.commit([put(A, 2)]))
      await outlive(context, store)
      assert.equal((await present(store, A)).modRevision, revision)
    },
  },
  {
    title: 'a key that is deleted in time is announced as deleted once',
    async run(context) {
      const { store, ttl } = context
      const follower = follow(context, store, 0n)
      committed(await store.commit([{ ...put(A), ttl }]))
      committed(await store.commit([{ key: A, delete: true }]))
      await outlive(context, store)
      await fence(store, follower)
      const changes = follower.batches.flatMap(batch => batch.changes)
      assert.equal(changes.filter(change => change.type === 'delete' && change.key === A).length, 1)
    },
  },
  {
    title: 'a losing put with a ttl starts none',
    async run(context) {
      const { store, ttl } = context
      const revision = committed(await store.commit([put(A)]))
      lost(await store.commit([{ ...put(A, 2), ttl, expected: 'absent' }]))
      await outlive(context, store)
      assert.equal((await present(store, A)).modRevision, revision)
    },
  },
  {
    title: 'a losing put without a ttl ends none',
    async run(context) {
      const { store, ttl } = context
      const follower = follow(context, store, 0n)
      const begun = performance.now()
      committed(await store.commit([{ ...put(A), ttl }]))
      lost(await store.commit([{ ...put(A, 2), expected: 'absent' }]))
      await expiry(context, follower, begun)
    },
  },
  {
    title: 'keys with and without a ttl are committed together, and only the former expire',
    async run(context) {
      const { store, ttl } = context
      const follower = follow(context, store, 0n)
      const begun = performance.now()
      const revision = committed(
        await store.commit([put(B), { ...put(A), ttl }, { ...put(C), expected: 'absent' }]),
      )
      await expiry(context, follower, begun)
      assert.deepEqual(
        (await listed(store)).entries.map(entry => [entry.key, entry.modRevision]),
        [
          [B, revision],
          [C, revision],
        ],
      )
      assert.equal(follower.batches[0]?.changes.length, 3)
    },
  },
  {
    title: 'a commit with a ttl and a failing guard writes nothing',
    async run({ store, ttl }) {
      lost(
        await store.commit([
          { ...put(A), ttl },
          { ...put(B), expected: 1_000_000n },
        ]),
      )
      assert.deepEqual((await listed(store)).entries, [])
    },
  },
  {
    title: 'keys with different ttls expire each in its time',
    async run(context) {
      const { store, ttl } = context
      const follower = follow(context, store, 0n)
      const begun = performance.now()
      committed(
        await store.commit([
          { ...put(A), ttl },
          { ...put(B), ttl: ttl * 2 },
        ]),
      )
      await expiry(context, follower, begun)
      const change = await follower.change(B)
      assert.equal(change.type, 'delete')
      assert.ok(performance.now() - begun >= ttl * 2000 - ROUNDING, 'the second key expired early')
    },
  },
  {
    title: 'the time to live of a key is what is left of its ttl, and that of any other key is undefined',
    async run(context) {
      const { store } = context
      const ttl = 100 + context.ttl
      const begun = performance.now()
      committed(await store.commit([put(B), { ...put(A), ttl }]))
      const left = await store.timeToLive(A)
      const passed = (performance.now() - begun) / 1000
      assert.ok(left !== undefined && left <= Math.ceil(ttl), `${left} s of ${ttl} s are left`)
      // Whole seconds, rounded either way, are exact enough.
      assert.ok(left >= ttl - passed - 1, `${left} s of ${ttl} s are left after ${passed} s`)
      assert.equal(await store.timeToLive(B), undefined)
      assert.equal(await store.timeToLive(C), undefined)
      committed(await store.commit([put(A, 2)]))
      assert.equal(await store.timeToLive(A), undefined)
    },
  },
  {
    title: 'a ttl of 60 days is not over at once',
    async run(context) {
      const { store } = context
      const revision = committed(await store.commit([{ ...put(A), ttl: 60 * 24 * 3600 }]))
      await outlive(context, store)
      assert.equal((await present(store, A)).modRevision, revision)
    },
  },
]

/**
 * Waits for the deletion of `A` after a revision, which must not come before the ttl has passed since
 * `begun`; resolves with its revision.
 */
async function expiry(
  { ttl }: Context,
  follower: Follower,
  begun: number,
  since: Revision = 0n,
): Promise<Revision> {
  for (;;) {
    const change = await follower.change(A)
    if (change.type === 'put' || change.revision < since) continue
    const after = performance.now() - begun
    assert.ok(
      after >= ttl * 1000 - ROUNDING,
      `expired after ${Math.round(after)} ms instead of ${ttl * 1000}`,
    )
    return change.revision
  }
}

/**
 * Waits until a key that is put now with a longer ttl has expired; every earlier expiry has happened then.
 */
async function outlive(context: Context, store: Backend): Promise<void> {
  const { revision: since } = await listed(store)
  const follower = follow(context, store, since)
  committed(await store.commit([{ ...put(C), ttl: context.ttl * 1.2 }]))
  while ((await follower.change(C)).type !== 'delete');
}

/** Waits; the only place that does, because these cases are about time. */
function pause(seconds: number, { over }: Context): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, seconds * 1000)
    over.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}
