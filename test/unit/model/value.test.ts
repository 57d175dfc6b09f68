import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import {
  equalJson,
  isArray,
  isObject,
  type JsonObject,
  MAX_DEPTH,
  pointerToken,
  setMember,
  toJson,
} from '../../../model/value.ts'
import { arbitraryJson } from './arbitrary-json.ts'

describe('toJson', () => {
  it('gives a deep, frozen copy that shares nothing', () => {
    const source = { a: [1, { b: 2 }] }
    const copy = toJson(source)
    assert.deepStrictEqual(copy, source)
    assert.ok(isObject(copy) && isArray(copy.a))
    assert.notEqual(copy.a, source.a)
    for (const part of [copy, copy.a, copy.a[1]]) assert.ok(Object.isFrozen(part))
  })

  it('changes nothing that is JSON already', () => {
    fc.assert(fc.property(arbitraryJson(), value => assert.deepStrictEqual(toJson(value), value)))
  })

  it('has a bigint exactly where an integer is outside the safe range', () => {
    assert.strictEqual(toJson(5n), 5)
    assert.strictEqual(toJson(2n ** 53n - 1n), 2 ** 53 - 1)
    assert.strictEqual(toJson(2n ** 53n), 2n ** 53n)
    assert.strictEqual(toJson(-(2n ** 53n)), -(2n ** 53n))
    assert.strictEqual(toJson(2 ** 53), 2 ** 53)
  })

  it('agrees with what parsing gives of what it prints', () => {
    fc.assert(fc.property(fc.bigInt(), n => assert.strictEqual(parseJson(printJson(toJson(n))), toJson(n))))
  })

  it('leaves out members that are undefined, and keeps __proto__', () => {
    assert.deepStrictEqual(toJson({ a: undefined, b: null }), { b: null })
    const text = '{"__proto__":{"admin":true},"x":1}'
    const copy = toJson(JSON.parse(text))
    assert.equal(printJson(copy), text)
    assert.equal(Object.getPrototypeOf(copy), Object.prototype)
  })

  it('takes objects without a prototype', () => {
    assert.deepStrictEqual(toJson(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })

  const circle: Record<string, unknown> = {}
  circle.self = circle

  it.each([
    ['NaN', { a: [Number.NaN] }, '/a/0'],
    ['Infinity', Number.POSITIVE_INFINITY, ''],
    ['a function', { a: () => 1 }, '/a'],
    ['a symbol', [Symbol('x')], '/0'],
    ['undefined in an array', { list: [1, undefined] }, '/list/1'],
    ['undefined itself', undefined, ''],
    ['a date', { at: new Date(0) }, '/at'],
    ['a map', new Map(), ''],
    ['a class of somebody', { 'a/b~c': new (class Foreign {})() }, '/a~1b~0c'],
  ])('refuses %s and says where', (_, value, pointer) => {
    assert.throws(
      () => toJson(value),
      (error: unknown) =>
        isSettingsError(error, 'JSON_MALFORMED') &&
        error.details.pointer === pointer &&
        error.message.includes(`"${pointer}"`),
    )
  })

  it('refuses what nests in a circle', () => {
    expect(() => toJson(circle)).toThrow(/too deep or contains itself/)
  })

  it('takes exactly the depth that parsing takes', () => {
    const nest = (depth: number): unknown => (depth === 1 ? [] : [nest(depth - 1)])
    assert.equal(printJson(toJson(nest(MAX_DEPTH))), '['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH))
    expect(() => toJson(nest(MAX_DEPTH + 1))).toThrow(/too deep/)
  })
})

describe('equalJson', () => {
  it('sees no order of members, but that of items', () => {
    assert.equal(equalJson({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }), true)
    assert.equal(equalJson([1, 2], [2, 1]), false)
  })

  it('tells 2^53 the integer from 2^53 the double, and 1 from nothing else', () => {
    assert.equal(equalJson(2n ** 53n, 2 ** 53), false)
    assert.equal(equalJson(parseJson('1'), parseJson('1.0')), true)
  })

  it('tells an absent member from a null one, a list from an object, and undefined from null', () => {
    assert.equal(equalJson({ a: null }, {}), false)
    assert.equal(equalJson({ a: null }, { b: null }), false)
    assert.equal(equalJson([], {}), false)
    assert.equal(equalJson(undefined, null), false)
    assert.equal(equalJson(undefined, undefined), true)
  })

  it('does not take what every object inherits for a member', () => {
    assert.equal(equalJson(parseJson('{"toString":1}'), { a: 1 }), false)
    assert.equal(equalJson(parseJson('{"__proto__":{}}'), parseJson('{"a":{}}')), false)
    assert.equal(equalJson(parseJson('{"__proto__":{"x":1}}'), parseJson('{"__proto__":{"x":2}}')), false)
  })
})

it('setMember sets an own member whatever its name is', () => {
  const target: JsonObject = {}
  for (const key of ['__proto__', 'constructor', '', 'a']) setMember(target, key, { key })
  assert.deepStrictEqual(Object.keys(target), ['__proto__', 'constructor', '', 'a'])
  assert.equal(Object.getPrototypeOf(target), Object.prototype)
})

it('pointerToken escapes as RFC 6901 says', () => {
  assert.equal(pointerToken('a/b~1'), '/a~1b~01')
  assert.equal(pointerToken(''), '/')
  assert.equal(pointerToken(3), '/3')
})
