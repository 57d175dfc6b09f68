import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printCanonical } from '../../../model/canonical.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { type Json, toJson } from '../../../model/value.ts'
import { jsonPatch } from '../../../src/settings/write/patch.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'

const apply = (document: string, patch: string): string =>
  printCanonical(jsonPatch(parseJson(document), parseJson(patch)))

describe('a JSON Patch', () => {
  // The examples of RFC 6902, appendix A, with settings in them.
  it.each([
    ['adds a member', '{"poll":3}', '[{"op":"add","path":"/vlans","value":[1]}]', '{"poll":3,"vlans":[1]}'],
    ['adds an item', '{"v":[1,3]}', '[{"op":"add","path":"/v/1","value":2}]', '{"v":[1,2,3]}'],
    ['removes a member', '{"poll":3,"v":1}', '[{"op":"remove","path":"/v"}]', '{"poll":3}'],
    ['removes an item', '{"v":[1,2,3]}', '[{"op":"remove","path":"/v/1"}]', '{"v":[1,3]}'],
    [
      'replaces a value',
      '{"poll":3,"v":1}',
      '[{"op":"replace","path":"/poll","value":9}]',
      '{"poll":9,"v":1}',
    ],
    [
      'moves a value',
      '{"a":{"x":1,"y":2},"b":{}}',
      '[{"op":"move","from":"/a/x","path":"/b/z"}]',
      '{"a":{"y":2},"b":{"z":1}}',
    ],
    ['moves an item', '{"v":[1,2,3,4]}', '[{"op":"move","from":"/v/1","path":"/v/3"}]', '{"v":[1,3,4,2]}'],
    [
      'tests values',
      '{"a":"x","v":[1,2]}',
      '[{"op":"test","path":"/a","value":"x"},{"op":"test","path":"/v/1","value":2}]',
      '{"a":"x","v":[1,2]}',
    ],
    [
      'tests a number of any spelling',
      '{"a":1e20,"b":{"c":[100000000000000000000]}}',
      '[{"op":"test","path":"/a","value":100000000000000000000},{"op":"test","path":"/b","value":{"c":[10e19]}}]',
      '{"a":1e+20,"b":{"c":[100000000000000000000]}}',
    ],
    [
      'adds a nested object',
      '{"a":1}',
      '[{"op":"add","path":"/b","value":{"c":{}}}]',
      '{"a":1,"b":{"c":{}}}',
    ],
    ['ignores members it does not know', '{}', '[{"op":"add","path":"/a","value":1,"why":"x"}]', '{"a":1}'],
    [
      'reads ~0 and ~1',
      '{"/":9,"~1":10}',
      '[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]',
      '{"~1":10}',
    ],
    ['appends with -', '{"v":["a"]}', '[{"op":"add","path":"/v/-","value":["b"]}]', '{"v":["a",["b"]]}'],
    [
      'copies',
      '{"a":{"b":[1]}}',
      '[{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b/-","value":2}]',
      '{"a":{"b":[1]},"c":{"b":[1,2]}}',
    ],
    ['puts in the place of the whole', '{"a":1}', '[{"op":"add","path":"","value":{"b":2}}]', '{"b":2}'],
    [
      'reaches a member with an empty name',
      '{"":{"":1}}',
      '[{"op":"replace","path":"//","value":2}]',
      '{"":{"":2}}',
    ],
    ['moves onto itself', '{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'],
    [
      'tests an integer beyond 2^53',
      '{"c":18446744073709551615}',
      '[{"op":"test","path":"/c","value":18446744073709551615}]',
      '{"c":18446744073709551615}',
    ],
    ['takes null as a value', '{"a":1}', '[{"op":"replace","path":"/a","value":null}]', '{"a":null}'],
    [
      'treats names of prototypes as names',
      '{}',
      '[{"op":"add","path":"/__proto__","value":{"a":1}},{"op":"add","path":"/__proto__/b","value":2}]',
      '{"__proto__":{"a":1,"b":2}}',
    ],
  ])('%s', (_what, document, patch, result) => {
    expect(apply(document, patch)).toBe(printCanonical(parseJson(result)))
    expect(Object.hasOwn(Object.prototype, 'b')).toBe(false)
  })

  it.each([
    ['a failed test', '{"a":"x"}', '[{"op":"test","path":"/a","value":"y"}]'],
    ['a test of a number against a text', '{"a":10}', '[{"op":"test","path":"/a","value":"10"}]'],
    [
      'a test of an integer that a double would round',
      '{"c":18446744073709551615}',
      '[{"op":"test","path":"/c","value":18446744073709551614}]',
    ],
    ['a parent that is not there', '{}', '[{"op":"add","path":"/a/b","value":1}]'],
    ['a member that is not there', '{"a":1}', '[{"op":"remove","path":"/b"}]'],
    ['a replacement of nothing', '{"a":1}', '[{"op":"replace","path":"/b","value":1}]'],
    ['an index behind the end', '{"v":[1]}', '[{"op":"add","path":"/v/3","value":1}]'],
    ['an index with a leading zero', '{"v":[1,2]}', '[{"op":"replace","path":"/v/01","value":1}]'],
    ['the place behind the last item, read', '{"v":[1]}', '[{"op":"remove","path":"/v/-"}]'],
    ['a negative index', '{"v":[1]}', '[{"op":"remove","path":"/v/-1"}]'],
    ['the length of a list', '{"v":[1]}', '[{"op":"test","path":"/v/length","value":1}]'],
    ['what a prototype has', '{}', '[{"op":"copy","from":"/constructor","path":"/a"}]'],
    ['a path through a prototype', '{}', '[{"op":"add","path":"/constructor/prototype/x","value":1}]'],
    ['a path through a text', '{"a":"x"}', '[{"op":"add","path":"/a/0","value":1}]'],
  ])('cannot be applied because of %s', (_what, document, patch) => {
    expect(() => apply(document, patch)).toThrow(
      expect.objectContaining({ code: 'PATCH_CONFLICT', details: { operation: 0 } }),
    )
  })

  it.each([
    ['no list', '{"op":"add"}'],
    ['an operation that is no object', '[1]'],
    ['no op', '[{"path":"/a","value":1}]'],
    ['an unknown op', '[{"op":"spam","path":"/a","value":1}]'],
    ['an op that is a big integer', '[{"op":18446744073709551615,"path":"/a"}]'],
    ['no value', '[{"op":"add","path":"/a"}]'],
    ['no path', '[{"op":"remove"}]'],
    ['a path without its slash', '[{"op":"remove","path":"a"}]'],
    ['a path with a bare ~', '[{"op":"remove","path":"/a~2"}]'],
    ['a path that is a list', '[{"op":"remove","path":["a"]}]'],
    ['no from', '[{"op":"copy","path":"/a"}]'],
    ['a move into itself', '[{"op":"move","from":"/a","path":"/a/b"}]'],
    ['a removal of everything', '[{"op":"remove","path":""}]'],
  ])('is none with %s', (_what, patch) => {
    expect(() => apply('{"a":{"b":1}}', patch)).toThrow(
      expect.objectContaining({ code: 'CONTENT_MALFORMED' }),
    )
  })

  it('is applied whole or not at all: what fails in the end has changed nothing', () => {
    const document = parseJson('{"a":{"b":[1,2]},"c":3}')
    const patch = parseJson(
      '[{"op":"remove","path":"/c"},{"op":"add","path":"/a/b/0","value":0},{"op":"test","path":"/a/b/1","value":9}]',
    )
    expect(() => jsonPatch(document, patch)).toThrow(
      'Operation 2 of the JSON Patch cannot be applied: the "test" value differs from the current value.',
    )
    expect(printJson(document)).toBe('{"a":{"b":[1,2]},"c":3}')
  })

  it('answers any operations on any values with a value or an error of the caller, and changes neither them nor a prototype', () => {
    const token = fc.constantFrom('a', '', '0', '1', '-', '~0', '~1', '__proto__', 'constructor', 'x')
    const pointer = fc.array(token, { maxLength: 3 }).map(tokens => tokens.map(one => `/${one}`).join(''))
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path: pointer,
      from: pointer,
      value: arbitraryJson(),
    })
    fc.assert(
      fc.property(arbitraryJson(), fc.array(operation, { maxLength: 6 }).map(toJson), (document, patch) => {
        const before = printJson([document, patch])
        try {
          printJson(jsonPatch(document, patch))
        } catch (error) {
          expect(isSettingsError(error, 'PATCH_CONFLICT', 'CONTENT_MALFORMED'), String(error)).toBe(true)
        }
        expect(printJson([document, patch])).toBe(before)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  it('brings back what it took: an add is undone by a remove, at every place', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryJson(), { maxLength: 5 }),
        fc.nat(5),
        arbitraryJson(),
        (list, place, value) => {
          const document: Json = toJson({ list })
          const path = `/list/${Math.min(place, list.length)}`
          const there = jsonPatch(document, toJson([{ op: 'add', path, value }]))
          expect(printJson(jsonPatch(there, toJson([{ op: 'remove', path }])))).toBe(printJson(document))
        },
      ),
    )
  })
})
