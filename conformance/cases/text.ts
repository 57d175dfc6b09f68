import assert from 'node:assert/strict'
import fc from 'fast-check'
import { printJson } from '../../model/json.ts'
import { type Key, makeKey } from '../../model/key.ts'
import { toJson } from '../../model/value.ts'
import { committed, listed, lost, present, property } from '../harness/assertions.ts'
import type { Case, Context } from '../harness/case.ts'
import { history } from '../harness/follow.ts'
import { A } from '../harness/sample.ts'

/** JSON texts that a layer in between might normalize. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'integers beyond 2^53': [
    '{"dpid":15924728282382073856}',
    '{"n":18446744073709551615,"m":-9007199254740993}',
    '{"n":[9007199254740991,9007199254740992,9007199254740993]}',
    `{"n":${'1234567890'.repeat(500)}}`,
  ],
  'numbers in every spelling': [
    '{"n":[0,-0,0.0,1.0,1e0,1E+2,1e-7,0.1,5e-324,1.7976931348623157e+308,1e21,100000000000000000000.0]}',
  ],
  'members and texts named __proto__': [
    '{"__proto__":{"admin":true}}',
    '{"a":{"__proto__":1,"constructor":{"prototype":2},"toString":null}}',
    '{"__proto__":null,"hasOwnProperty":"__proto__"}',
  ],
  'whitespace and the order of members': [
    '  {  "b" : 1 ,\t"a" : [ ] }',
    '{\n  "b": 1,\n  "a": 2\n}\n',
    '{"b":1,\r\n"a":2}',
    '{"10":1,"9":2,"a":3,"1":4}',
  ],
  'every kind of sign': [
    '{"s":"\\u0000\\u001f\\ud800\\b\\f\\n\\r\\t\\/\\\\\\""}',
    '{"s":"\u007f\u0080\u2028\u2029\ufeff\ufffd\ufffe\uffff"}',
    '{"s":"\u00e9 is not e\u0301","\u00e9":1,"e\u0301":2}',
    '{"s":"\u{1f600}\u{10ffff}\u05d0\u0627\u4e2d\u202e"}',
    '{"s":"<script>&amp;\'`$(x)%s%d%00"}',
  ],
  'values that are easily taken for absent': [
    '{}',
    '{"a":null,"b":"","c":[],"d":{},"e":false,"f":0}',
    '{"":{"":""}}',
  ],
}

/** Texts are returned exactly as they were put. */
export const text: readonly Case[] = [
  ...Object.entries(TEXTS).map(
    ([what, texts]): Case => ({
      title: `${what} come back bit by bit`,
      run: context => comeBack(context, texts),
    }),
  ),
  {
    title: 'any JSON value comes back bit by bit, whatever it is',
    async run(context) {
      const schema = (n: number): Key => makeKey('schemas', 'kytos', 'any', String(n))
      let n = 0
      await property(25, fc.array(arbitraryText(), { minLength: 1, maxLength: 8 }), async texts => {
        for (const each of texts) committed(await context.store.commit([{ key: schema(n++), put: each }]))
        const first = n - texts.length
        const entries = new Map((await listed(context.store)).entries.map(entry => [entry.key, entry.text]))
        for (const [i, each] of texts.entries()) assert.equal(entries.get(schema(first + i)), each)
      })
    },
  },
  {
    title: 'a value that is no object comes back bit by bit',
    async run({ store }) {
      const texts = ['null', 'true', '-0', '"\\u0000"', '[]', '9007199254740993', ' [1]\n']
      for (const [n, each] of texts.entries()) {
        const key = makeKey('tokens', `value${n}`)
        committed(await store.commit([{ key, put: each }]))
        assert.equal((await present(store, key)).text, each)
      }
    },
  },
  {
    title: 'a text of 1 MiB comes back bit by bit',
    async run(context) {
      const unit = '\u{1f600}\u00e9"\\\n9007199254740993 '
      const start = JSON.stringify({ data: unit.repeat(20_000) }).slice(0, -2)
      const body = `${start}${'x'.repeat(1024 * 1024 - 2 - Buffer.byteLength(start))}"}`
      await comeBack(context, [body], makeKey('boxes', 'kytos', 'large'))
    },
  },
  {
    title: 'a loser finds the text bit by bit',
    async run({ store }) {
      const put = '{ "__proto__" : 9007199254740993 }'
      committed(await store.commit([{ key: A, put }]))
      assert.equal(lost(await store.commit([{ key: A, put: '{}', expected: 'absent' }])).get(A)?.text, put)
    },
  },
]

async function comeBack(context: Context, texts: readonly string[], key = A): Promise<void> {
  const { store } = context
  for (const put of texts) {
    const revision = committed(await store.commit([{ key, put }]))
    assert.equal((await present(store, key)).text, put, 'get')
    assert.equal((await listed(store)).entries.find(entry => entry.key === key)?.text, put, 'list')
    const [batch] = await history(context, store, revision - 1n)
    const [change] = batch?.changes ?? []
    assert.equal(change?.type === 'put' ? change.entry.text : undefined, put, 'watch')
  }
}

function arbitraryText(): fc.Arbitrary<string> {
  const values = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' })
  const exact = fc.dictionary(
    fc.string({ unit: 'binary' }),
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
  )
  return fc
    .oneof(values, exact)
    .chain(value => fc.constantFrom(0, 2).map(indent => printJson(toJson(value), indent)))
}
