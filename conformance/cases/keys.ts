import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeSegment, type Key, makeKey, makePrefix, splitKey } from '../../model/key.ts'
import { committed, listed, present, property } from '../harness/assertions.ts'
import type { Case, Context } from '../harness/case.ts'
import { digest, history } from '../harness/follow.ts'
import { chunks, doc, put } from '../harness/sample.ts'

const PRINTABLE = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n))
const CONFUSABLE = [
  'a/b',
  'a%2Fb',
  'a%252Fb',
  'a b',
  'a+b',
  'a%20b',
  'a_b',
  'a-b',
  'ab',
  'AB',
  'aB',
  'a.b',
  'a..b',
  '.',
  '..',
  '%',
  '%%',
  '%41',
  '%zz',
  '~',
]
const OBJECT = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  'length',
]
const UNICODE = [
  '\u00e9',
  'e\u0301',
  '\u00df',
  'ss',
  '\u0130',
  'i',
  '\u212a',
  'K',
  'k',
  '\u{1f600}',
  '\u4e2d',
  '\u2028',
  '\ufeff',
  '\ufffd',
  '\u{10ffff}',
]
const NUMBERS = ['0', '1', '10', '9', '01', '1e3', '-1', '000000000001', '9007199254740993']
const FILES = [
  'con',
  'nul',
  'a.json',
  'a.json.rejected',
  'a.tmp',
  '.hidden',
  'a~',
  '#a#',
  '-rf',
  'a.',
  'journal',
  'lock',
]

/** Keys are distinct, whatever text their segments encode. */
export const keys: readonly Case[] = [
  ...Object.entries({
    'every printable sign': PRINTABLE,
    'texts that an encoding could confuse': CONFUSABLE,
    'names of what every object has': OBJECT,
    'texts that Unicode holds alike': UNICODE,
    'texts that look like numbers': NUMBERS,
    'names that mean something to file systems': FILES,
  }).map(
    ([what, texts]): Case => ({
      title: `${what} are keys of their own`,
      async run(context) {
        await ownKeys(
          context,
          texts.map(each => makeKey('boxes', 'kytos', each)),
        )
        await ownKeys(
          context,
          texts.map(each => makeKey('boxes', each, 'box')),
        )
      },
    }),
  ),
  {
    title: 'the longest segments are keys of their own',
    run: context =>
      ownKeys(
        context,
        ['a', 'b'].flatMap(last => [
          makeKey('boxes', 'a'.repeat(179) + last, 'x'.repeat(180)),
          makeKey('boxes', 'n', '\u{1f600}'.repeat(14) + last),
        ]),
      ),
  },
  {
    title: 'keys of one segment and of many are keys of their own',
    run: context =>
      ownKeys(context, [
        makeKey('tokens', 'a'),
        makeKey('tokens', 'a', 'a'),
        makeKey('history', 'a', 'b', 'c', 'd', 'e', '000000000001'),
      ]),
  },
  {
    title: 'any distinct texts are distinct keys, and are read back as they were',
    async run({ store }) {
      let run = 0
      const texts = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), {
        minLength: 2,
        maxLength: 10,
      })
      await property(15, texts, async some => {
        const ns = `run${run++}`
        const own = some.filter(each => encodeSegment(each).length <= 180)
        committed(await store.commit(own.map((each, n) => put(makeKey('boxes', ns, each), n))))
        const found = new Map(
          (await listed(store, makePrefix('boxes', ns))).entries.map(({ key, text }) => [
            splitKey(key).segments[1],
            text,
          ]),
        )
        assert.deepEqual(
          found,
          new Map(own.map((each, n) => [each, doc(n)])),
          'what is listed is not what was put',
        )
      })
    },
  },
]

async function ownKeys(context: Context, own: readonly Key[]): Promise<void> {
  const { store } = context
  const { revision: since } = await listed(store)
  for (const some of chunks(own, 40)) committed(await store.commit(some.map(key => put(key, key))))
  const { entries } = await listed(store)
  const each = own.map(async key => {
    const entry = await present(store, key)
    assert.deepEqual([entry.key, entry.text], [key, doc(key)], `${key} holds what another key should`)
    assert.equal(
      entries.filter(entry => entry.key === key && entry.text === doc(key)).length,
      1,
      `${key} is not listed once`,
    )
  })
  await Promise.all(each)
  const announced = (await history(context, store, since)).flatMap(batch => digest(batch).slice(1))
  assert.equal(announced.length, own.length)
}
