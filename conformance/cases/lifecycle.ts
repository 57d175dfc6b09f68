import assert from 'node:assert/strict'
import { isBackendName } from '../../backends/module.ts'
import { isSettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import { committed, meanwhile, refused, within } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { A, put, range, record } from '../harness/sample.ts'

/** Opening, closing, and the errors of a closed backend. */
export const lifecycle: readonly Case[] = [
  {
    title: 'a closed backend refuses every call with an error of ours',
    async run({ store, over }) {
      committed(await store.commit([put(A)]))
      await store.close()
      await refused(store.get(A))
      await refused(store.list(EVERYTHING))
      await refused(store.commit([put(A)]))
      await refused(store.watch(0n, over)[Symbol.asyncIterator]().next())
    },
  },
  {
    title: 'a closed backend stays closed',
    async run({ store }) {
      await store.close()
      await refused(store.open())
      await refused(store.get(A))
    },
  },
  {
    title: 'closing twice is closing once',
    async run({ store, timeoutMs }) {
      const call = meanwhile(store.commit([put(A)]))
      let closed = false
      const first = store.close().then(() => {
        closed = true
      })
      await within(store.close(), timeoutMs, 'the end of the second')
      assert.ok(closed, 'the second ended before the first')
      await within(Promise.allSettled([first, call]), timeoutMs, 'the end of both')
      await within(store.close(), timeoutMs, 'the end of a third')
    },
  },
  {
    title: 'close ends the watches, those that wait and those that have more to give',
    async run({ store, over, timeoutMs }) {
      for (const n of range(5)) committed(await store.commit([put(A, n)]))
      const [waiting, full] = [
        store.watch(0n, over)[Symbol.asyncIterator](),
        store.watch(0n, over)[Symbol.asyncIterator](),
      ]
      await full.next()
      const end = async (iterator: AsyncIterator<unknown>): Promise<void> => {
        try {
          while (!(await iterator.next()).done);
        } catch (error) {
          assert.ok(isSettingsError(error), `ended by ${String(error)}`)
        }
      }
      const ending = meanwhile(end(waiting))
      await new Promise(setImmediate)
      await within(store.close(), timeoutMs, 'the end of close')
      await within(Promise.all([ending, end(full)]), timeoutMs, 'the end of the watches')
    },
  },
  {
    title: 'commits in flight when the backend is closed finish or fail, and those that finished are told',
    async run({ store, timeoutMs }) {
      const calls = range(30).map(n => store.commit([put(record(n))]))
      const closing = store.close()
      const ends = await within(Promise.allSettled(calls), timeoutMs, 'the end of commits in flight')
      await within(closing, timeoutMs, 'the end of close')
      for (const end of ends) {
        if (end.status === 'fulfilled') committed(end.value)
        else assert.ok(isSettingsError(end.reason), `failed by ${String(end.reason)}`)
      }
    },
  },
  {
    title: 'the name and what is supported are known, and entries of 1 MiB are',
    async run({ store }) {
      assert.ok(isBackendName(store.name), `"${store.name}" cannot name a backend`)
      assert.ok(store.supports.entryBytes >= 1024 * 1024)
    },
  },
]
