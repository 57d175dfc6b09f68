import assert from 'node:assert/strict'
import { EVERYTHING, type Key, makeKey, makePrefix, type Prefix } from '../../model/key.ts'
import { committed, listed, meanwhile } from '../harness/assertions.ts'
import type { Case, Context } from '../harness/case.ts'
import { history, replay } from '../harness/follow.ts'
import { A, B, C, chunks, doc, put, range, record } from '../harness/sample.ts'

/** More entries than a page of any backend has. */
const MANY = 6_000

/** Listings: one revision, byte order, whole segments. */
export const list: readonly Case[] = [
  {
    title: 'an empty store lists nothing',
    async run({ store }) {
      assert.deepEqual((await listed(store)).entries, [])
    },
  },
  {
    title: 'a listing gives every entry whole',
    async run({ store }) {
      const created = committed(await store.commit([put(A, 1), put(B, 1)]))
      const revision = committed(await store.commit([put(A, 2)]))
      const { revision: at, entries } = await listed(store)
      assert.ok(at >= revision)
      assert.deepEqual(entries, [
        { key: A, text: doc(2), modRevision: revision, createRevision: created },
        { key: B, text: doc(1), modRevision: created, createRevision: created },
      ])
    },
  },
  {
    title: 'entries stand in byte order of their keys, whatever the segments are',
    async run({ store }) {
      const keys = ['a', 'a-', 'a.', 'a0', 'A', 'Z', '_', 'a_', 'ab', '~', '10', '9', '1'].flatMap(box => [
        makeKey('boxes', 'b', box),
        makeKey('boxes', box, 'b'),
      ])
      for (const some of chunks(keys, 9))
        committed(await store.commit(some.toReversed().map(key => put(key))))
      assert.deepEqual(
        (await listed(store)).entries.map(entry => entry.key),
        keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      )
    },
  },
  {
    title: 'a prefix is whole segments: what merely begins alike is not below it',
    async run({ store }) {
      const inside = makeKey('settings', 'net', 'ops')
      const outside = ['netops', 'net-', 'net_', 'ne', 'Net', 'net.'].map(username =>
        makeKey('settings', username, 'x'),
      )
      committed(await store.commit([inside, ...outside].map(key => put(key))))
      assert.deepEqual(await keysBelow(store, makePrefix('settings', 'net')), [inside])
    },
  },
  {
    title: 'a document is not below the prefix of its own name',
    async run({ store }) {
      const [parent, child] = [makeKey('tokens', 'a'), makeKey('tokens', 'a', 'b')]
      committed(await store.commit([put(parent), put(child)]))
      assert.deepEqual(await keysBelow(store, makePrefix('tokens', 'a')), [child])
      assert.deepEqual(await keysBelow(store, makePrefix('tokens')), [parent, child])
    },
  },
  {
    title: 'signs that mean something to patterns mean themselves in a prefix',
    async run({ store }) {
      const names = ['a_b', 'axb', 'a.b', 'a%b', 'a*b', 'a[x]b', 'a b']
      committed(await store.commit(names.map(name => put(makeKey('boxes', name, 'x')))))
      for (const name of names)
        assert.deepEqual(await keysBelow(store, makePrefix('boxes', name)), [makeKey('boxes', name, 'x')])
    },
  },
  {
    title: 'a kind is a prefix, and the empty prefix is everything',
    async run({ store }) {
      const keys = [makeKey('boxes', 'a', 'b'), makeKey('meta', 'store'), makeKey('presence', 'one'), A]
      committed(await store.commit(keys.map(key => put(key))))
      assert.deepEqual(await keysBelow(store, EVERYTHING), keys)
      assert.deepEqual(await keysBelow(store, makePrefix('meta')), [makeKey('meta', 'store')])
      assert.deepEqual(await keysBelow(store, makePrefix('tokens')), [])
    },
  },
  {
    title: 'the newest are the last keys in reverse order',
    async run({ store }) {
      committed(await store.commit([...range(12).map(n => put(record(n), n)), put(A)]))
      const prefix = makePrefix('history', 'settings', 'kytos', 'many')
      for (const newest of [1, 5, 12, 50]) {
        const { entries } = await listed(store, prefix, newest)
        assert.deepEqual(
          entries.map(entry => entry.key),
          range(12).map(record).reverse().slice(0, newest),
        )
      }
    },
  },
  {
    title: 'the newest stay below their prefix',
    async run({ store }) {
      const keys = ['a', 'b', 'c'].map(name => makeKey('history', 'settings', 'kytos', name, '000000000001'))
      committed(await store.commit(keys.map(key => put(key))))
      const { entries } = await listed(store, makePrefix('history', 'settings', 'kytos', 'b'), 3)
      assert.deepEqual(
        entries.map(entry => entry.key),
        [keys[1]],
      )
    },
  },
  {
    title: 'a deleted key is not listed, one that was put again is',
    async run({ store }) {
      committed(await store.commit([put(A), put(B), put(C)]))
      committed(
        await store.commit([
          { key: A, delete: true },
          { key: B, delete: true },
        ]),
      )
      committed(await store.commit([put(A, 2)]))
      assert.deepEqual(await keysBelow(store, makePrefix('settings')), [A, C])
    },
  },
  {
    title: 'a listing shows the store of its revision, whatever is committed before its pages are read',
    async run({ store }) {
      committed(await store.commit([put(A, 1), put(B, 1)]))
      const { revision, pages } = await store.list(makePrefix('settings'))
      const later = committed(await store.commit([put(A, 2), { key: B, delete: true }, put(C, 2)]))
      assert.ok(later > revision)
      const texts: [Key, string][] = []
      for await (const page of pages) texts.push(...page.map(({ key, text }): [Key, string] => [key, text]))
      assert.deepEqual(texts, [
        [A, doc(1)],
        [B, doc(1)],
      ])
    },
  },
  {
    title: 'a listing of many pages shows one revision while commits go on between its pages',
    async run(context) {
      const { store } = context
      await fill(context)
      const { revision, pages } = await store.list(makePrefix('history'))
      const numbers: string[] = []
      for await (const page of pages) {
        for (const entry of page) {
          assert.ok(entry.modRevision <= revision)
          numbers.push(entry.text)
        }
        committed(
          await store.commit([
            put(record(0), 'late'),
            put(record(MANY - 1), 'late'),
            put(record(MANY), 'late'),
          ]),
        )
        committed(await store.commit([{ key: record(MANY / 2), delete: true }]))
      }
      assert.equal(numbers.length, MANY)
      assert.deepEqual(numbers, range(MANY).map(doc))
    },
  },
  {
    title: 'a listing that is left after its first page leaves the store usable',
    async run(context) {
      const { store } = context
      await fill(context)
      const { pages } = await store.list(makePrefix('history'))
      for await (const page of pages) {
        assert.ok(page.length > 0)
        break
      }
      committed(await store.commit([put(A)]))
    },
  },
  {
    title: 'a watch from the revision of a listing continues it without a gap or a repetition',
    async run(context) {
      const { store } = context
      const write = async (writer: number): Promise<void> => {
        for (const n of range(12))
          committed(
            await store.commit([
              put(record(writer * 12 + n), n),
              { key: record(writer * 12 + n - 3), delete: true },
            ]),
          )
      }
      const writing = meanwhile(Promise.all(range(5).map(write)))
      const { revision, entries } = await listed(store)
      await writing
      assert.deepEqual(
        replay(entries, await history(context, store, revision)),
        (await listed(store)).entries,
      )
    },
  },
]

async function keysBelow(store: Context['store'], prefix: Prefix): Promise<readonly Key[]> {
  return (await listed(store, prefix)).entries.map(entry => entry.key)
}

async function fill({ store }: Context): Promise<void> {
  const commits = chunks(range(MANY), 64).map(numbers => store.commit(numbers.map(n => put(record(n), n))))
  for (const outcome of await Promise.all(commits)) committed(outcome)
}
