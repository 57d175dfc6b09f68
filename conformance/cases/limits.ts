import assert from 'node:assert/strict'
import type { Operation } from '../../backends/backend.ts'
import { makeKey } from '../../model/key.ts'
import { absent, accepted, committed, listed, present, refused } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { history } from '../harness/follow.ts'
import { A, B, C, doc, put } from '../harness/sample.ts'

const LARGE = makeKey('boxes', 'kytos', 'large')

/** The requirements for a commit, and the largest entry. */
export const limits: readonly Case[] = [
  {
    title: 'a commit without an operation is refused',
    async run({ store }) {
      await refused(store.commit([]), 'CONTENT_MALFORMED')
    },
  },
  {
    title: 'a commit that names a key twice is refused and writes nothing, whatever the operations are',
    async run({ store }) {
      const revision = committed(await store.commit([put(A)]))
      const twice: readonly (readonly Operation[])[] = [
        [put(B, 1), put(C, 1), put(B, 2)],
        [put(B), { key: A, delete: true }, { key: A, check: true, expected: revision }],
        [put(B), { key: A, check: true, expected: revision }, put(A, 2)],
        [put(B), { key: A, delete: true }, { key: A, delete: true }],
      ]
      for (const operations of twice) await refused(store.commit(operations), 'CONTENT_MALFORMED')
      assert.deepEqual((await listed(store)).entries, [
        { key: A, text: doc(1), modRevision: revision, createRevision: revision },
      ])
    },
  },
  {
    title: 'an entry of exactly the largest size is stored',
    async run({ store }) {
      const text = sized(store.supports.entryBytes)
      committed(await accepted(store.commit([{ key: LARGE, put: text }])))
      assert.ok((await present(store, LARGE)).text === text, 'the text did not come back')
    },
  },
  {
    title: 'one byte more is refused with DOCUMENT_TOO_LARGE, and nothing of the commit is written',
    async run(context) {
      const { store } = context
      const since = committed(await store.commit([put(A, 1)]))
      const large: Operation = { key: LARGE, put: sized(store.supports.entryBytes + 1) }
      await refused(store.commit([put(A, 2), large, put(B)]), 'DOCUMENT_TOO_LARGE')
      await absent(store, LARGE)
      await absent(store, B)
      assert.equal((await present(store, A)).modRevision, since)
      assert.deepEqual(await history(context, store, since), [])
    },
  },
  {
    title: 'the size of an entry is counted in bytes of UTF-8',
    async run({ store }) {
      const limit = store.supports.entryBytes
      const text = JSON.stringify({ data: '\u20ac'.repeat(Math.ceil(limit / 3)) })
      assert.ok(text.length < limit)
      await refused(store.commit([{ key: LARGE, put: text }]), 'DOCUMENT_TOO_LARGE')
    },
  },
  {
    title: 'a commit that is too large fails alone among its neighbours',
    async run({ store }) {
      const large: Operation = { key: LARGE, put: sized(store.supports.entryBytes + 1) }
      const [before, , after] = await Promise.all([
        store.commit([put(A, 1)]),
        refused(store.commit([large, put(B)]), 'DOCUMENT_TOO_LARGE'),
        store.commit([put(C, 1)]),
      ])
      assert.equal((await present(store, A)).modRevision, committed(before))
      assert.equal((await present(store, C)).modRevision, committed(after))
      await absent(store, B)
    },
  },
]

/** A JSON object of exactly this many bytes. */
function sized(bytes: number): string {
  const empty = '{"data":""}'
  return `{"data":"${'x'.repeat(bytes - empty.length)}"}`
}
