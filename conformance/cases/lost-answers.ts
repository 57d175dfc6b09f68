import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Operation, Outcome } from '../../backends/backend.ts'
import { isSettingsError } from '../../model/errors.ts'
import { absent, committed, meanwhile, present, within } from '../harness/assertions.ts'
import type { Case, Context } from '../harness/case.ts'
import { A, B, doc, put, record } from '../harness/sample.ts'

/** The end of a commit whose answer was lost. */
type End = Outcome | 'unknown'

const MARKED = { marker: true } as const
const RECORD = { marker: true, lasting: true, expected: 'absent' } as const

/** Commits, loses the answer, does something once the commit was applied, and lets all traffic pass again. */
async function loseAnswer(
  context: Context,
  operations: readonly Operation[],
  applied: () => Promise<boolean>,
  others: () => Promise<unknown>,
) {
  const { lossy, timeoutMs } = context
  const line = await lossy()
  line.loseAnswers()
  const end = meanwhile(
    line.backend.commit(operations).catch((error: unknown): End => {
      if (isSettingsError(error, 'OUTCOME_UNKNOWN')) return 'unknown'
      throw error
    }),
  )
  const begun = performance.now()
  while (!(await applied())) {
    assert.ok(performance.now() - begun < timeoutMs, 'the commit was not applied')
    await sleep(1)
  }
  await others()
  line.restore()
  return within<End>(end, timeoutMs, 'the answer')
}

const holds = (store: Backend, n: number | string) => async () => (await store.get(A))?.text === doc(n)
const isGone = (store: Backend) => async () => (await store.get(A)) === undefined
const nothing = async (): Promise<void> => {}

/**
 * The outcome of a commit that was applied and not answered, when other callers write the same keys before
 * the connection works again.
 */
export const lostAnswers: readonly Case[] = [
  {
    title: 'a creation is not made again after the key was deleted',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const creation: Operation = { ...put(A, 'mine'), ...MARKED, expected: 'absent' }
      const end = await loseAnswer(context, [creation], holds(store, 'mine'), () =>
        store.commit([{ key: A, delete: true }]),
      )
      await absent(store, A)
      assert.equal(end, 'unknown')
    },
  },
  {
    title: 'a creation that is there has succeeded at its revision, also below later changes',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const creation: Operation = { ...put(A, 'mine'), ...MARKED, expected: 'absent' }
      const end = await loseAnswer(context, [creation], holds(store, 'mine'), async () => {
        for (const n of [1, 2, 3]) committed(await store.commit([put(A, n)]))
      })
      const { createRevision: created, text } = await present(store, A)
      assert.deepEqual(end, { committed: true, revision: created })
      assert.equal(text, doc(3))
    },
  },
  {
    title: 'a deletion does not remove what was created since, and is no lost race',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const expected = committed(await store.commit([put(A, 1)]))
      const end = await loseAnswer(
        context,
        [{ key: A, delete: true, expected, ...MARKED }],
        isGone(store),
        () => store.commit([put(A, 2)]),
      )
      assert.equal((await present(store, A)).text, doc(2))
      assert.equal(end, 'unknown')
    },
  },
  {
    title: 'a deletion that counts only as its own is unknown when the key is gone, any other has succeeded',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      for (const marker of [MARKED, {}]) {
        const expected = committed(await store.commit([put(A, 1)]))
        const end = await loseAnswer(
          context,
          [{ key: A, delete: true, expected, ...marker }],
          isGone(store),
          nothing,
        )
        if ('marker' in marker) assert.equal(end, 'unknown')
        else
          assert.ok(end !== 'unknown' && end.committed, 'a key is gone, and the deletion has not succeeded')
      }
    },
  },
  {
    title: 'a put and a deletion that expect anything are not made again over later changes',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const end = await loseAnswer(context, [{ ...put(A, 'mine'), ...MARKED }], holds(store, 'mine'), () =>
        store.commit([put(A, 'theirs')]),
      )
      const { text, modRevision: revision, createRevision: created } = await present(store, A)
      assert.equal(text, doc('theirs'))
      assert.ok(
        end === 'unknown' || (end.committed && end.revision >= created && end.revision < revision),
        'it was applied, and answered otherwise',
      )
      await loseAnswer(context, [{ key: A, delete: true }], isGone(store), () =>
        store.commit([put(A, 'theirs again')]),
      )
      assert.equal((await present(store, A)).text, doc('theirs again'))
    },
  },
  {
    title: 'a put with a ttl is not made again after its time',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const operation: Operation = { ...put(A, 'mine'), ttl: 60, ...RECORD }
      const end = await loseAnswer(context, [operation], holds(store, 'mine'), () =>
        store.commit([{ key: A, delete: true }]),
      )
      await absent(store, A)
      assert.equal(end, 'unknown')
    },
  },
  {
    title:
      'a change with a record that lasts is repeated, made once, and found after whatever came on top of it',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const expected = committed(await store.commit([put(A, 0)]))
      const operations: Operation[] = [
        { ...put(A, 'mine'), expected },
        { ...put(record(1), 'mine'), ...RECORD },
      ]
      const end = await loseAnswer(context, operations, holds(store, 'mine'), async () => {
        committed(await store.commit([put(A, 'theirs'), put(record(2))]))
        committed(await store.commit([{ key: A, delete: true }, put(record(3))]))
      })
      assert.deepEqual(end, { committed: true, revision: (await present(store, record(1))).modRevision })
      await absent(store, A)
    },
  },
  {
    title: 'a change of a key that was deleted since is not made on the key that was created anew',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const expected = committed(await store.commit([put(A, 0)]))
      const end = await loseAnswer(
        context,
        [{ ...put(A, 'mine'), expected, ...MARKED }],
        holds(store, 'mine'),
        async () => {
          committed(await store.commit([{ key: A, delete: true }]))
          committed(await store.commit([put(A, 'theirs')]))
        },
      )
      assert.equal((await present(store, A)).text, doc('theirs'))
      assert.equal(end, 'unknown')
    },
  },
  {
    title: 'one write that may not be repeated is protected by another of the same commit that may',
    needs: ['lossy'],
    async run(context) {
      const { store } = context
      const expected = committed(await store.commit([put(B, 0)]))
      const operations: Operation[] = [
        { ...put(A, 'mine'), expected: 'absent', ...MARKED },
        { ...put(B, 1), expected },
      ]
      const end = await loseAnswer(context, operations, holds(store, 'mine'), () =>
        store.commit([{ key: A, delete: true }]),
      )
      await absent(store, A)
      assert.equal((await present(store, B)).text, doc(1))
      assert.ok(end === 'unknown' || end.committed, 'it was applied, and called a lost race')
    },
  },
]
