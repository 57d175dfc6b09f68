import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printCanonical } from '../../../model/canonical.ts'
import { mergeLayers } from '../../../model/merge.ts'
import { equalJson, isObject, type Json, type JsonObject, toJson } from '../../../model/value.ts'
import { defaultsOf } from '../../../src/schema/defaults.ts'
import { arbitraryJson } from './arbitrary-json.ts'

const objects = arbitraryJson().filter((value): value is JsonObject => isObject(value))
// The values are JSON, frozen and typed by toJson.
const schema = (value: unknown): JsonObject => toJson(value) as JsonObject

function reference(low: Json | undefined, high: Json): Json {
  if (!isObject(low) || !isObject(high)) return high
  const member = (key: string): Json =>
    Object.hasOwn(high, key)
      ? reference(Object.hasOwn(low, key) ? low[key] : undefined, high[key] as Json)
      : (low[key] as Json)
  return Object.fromEntries(
    [...new Set([...Object.keys(low), ...Object.keys(high)])].map(key => [key, member(key)]),
  )
}

describe('layers', () => {
  it('merge key by key; lists and scalars, null too, take the place of what is below', () => {
    const layers = [{ a: { x: 1, y: [1, 2] }, b: 1, c: { d: 1 } }, { a: { y: [3] }, b: null }, { c: 5 }].map(
      schema,
    )
    expect(mergeLayers(layers)).toEqual({ a: { x: 1, y: [3] }, b: null, c: 5 })
  })

  it('merge as five lines say, in any number, whatever the names, and each stays as it was', () => {
    fc.assert(
      fc.property(fc.array(objects, { maxLength: 4 }), layers => {
        const expected = layers.reduce<Json>((low, high) => reference(low, high), {})
        expect(equalJson(mergeLayers(layers), expected)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('count once when they come twice, and nothing shines through a list or a scalar in between', () => {
    fc.assert(
      fc.property(
        objects,
        objects,
        (low, high) =>
          printCanonical(mergeLayers([low, high, high])) === printCanonical(mergeLayers([low, high])),
      ),
    )
    expect(mergeLayers([{ a: { x: 1 } }, { a: [] }, { a: { y: 2 } }].map(schema))).toEqual({ a: { y: 2 } })
  })
})

describe('the defaults of a schema', () => {
  it('are those of its properties, nested ones inside, its own ones over them', () => {
    const given = schema({
      properties: {
        poll: { default: 3 },
        log: { properties: { level: { default: 'info' }, file: {} }, default: { rotate: true } },
        none: { default: null },
        empty: { type: 'object', default: {} },
        silent: { type: 'integer' },
      },
    })
    expect(defaultsOf(given)).toEqual({
      poll: 3,
      log: { level: 'info', rotate: true },
      none: null,
      empty: {},
    })
  })

  it('come through references and allOf, scalars too; the nearer one counts', () => {
    const given = schema({
      allOf: [{ properties: { a: { default: 1 }, b: { default: 1 } } }, { $ref: '#/$defs/base' }],
      properties: {
        port: { $ref: '#/$defs/port' },
        near: { $ref: '#/$defs/port', default: 81 },
        list: { allOf: [{ default: [1] }, { default: [2] }] },
        odd: { $ref: '#/$defs/a~1b%25' },
        second: { $ref: '#/allOf/0/properties/a' },
        b: { default: 3 },
      },
      $defs: {
        port: { type: 'integer', default: 80 },
        base: { properties: { b: { default: 2 }, c: { default: 2 } } },
        'a/b%': { default: 'odd' },
      },
    })
    expect(defaultsOf(given)).toEqual({
      a: 1,
      b: 3,
      c: 2,
      port: 80,
      near: 81,
      list: [2],
      odd: 'odd',
      second: 1,
    })
  })

  it('end where a schema comes back to itself', () => {
    const tree = schema({ properties: { left: { $ref: '#' }, right: { $ref: '#' }, size: { default: 1 } } })
    expect(defaultsOf(tree)).toEqual({ size: 1 })
    const pair = schema({
      $ref: '#/$defs/a',
      $defs: {
        a: { properties: { b: { $ref: '#/$defs/b' }, x: { default: 1 } } },
        b: { properties: { a: { $ref: '#/$defs/a' }, y: { default: 2 } } },
      },
    })
    expect(defaultsOf(pair)).toEqual({ b: { y: 2 }, x: 1 })
  })

  it('are refused of a schema whose few lines unfold into very many settings', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `d${i}`,
        {
          properties: {
            l: { $ref: `#/$defs/d${i + 1}` },
            r: { $ref: `#/$defs/d${i + 1}` },
            v: { default: i },
          },
        },
      ]),
    )
    expect(() => defaultsOf(schema({ $ref: '#/$defs/d0', $defs }))).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MALFORMED' }),
    )
  })

  it('take references that lead nowhere as nothing', () => {
    for (const $ref of [
      '#/$defs/none',
      '#/$defs/%',
      '#/%ff',
      '#anchor',
      'https://example.org/x',
      '#/constructor/name',
      '#/$defs/list/9',
      '#/$defs/list/length',
    ]) {
      expect(defaultsOf(schema({ properties: { a: { $ref } }, $defs: { list: [{ default: 1 }] } }))).toEqual(
        {},
      )
    }
  })
})
