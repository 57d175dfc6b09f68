import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printCanonical } from '../../../model/canonical.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { equalJson, isObject, type Json } from '../../../model/value.ts'
import { mergePatch } from '../../../src/settings/write/patch.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'

/** RFC 7396, section 2, over entries instead of objects, so that no name is special. */
function reference(target: Json | undefined, patch: Json): unknown {
  if (!isObject(patch)) return patch
  const result = new Map<string, unknown>(isObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key)
    else
      result.set(
        key,
        reference(isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined, value),
      )
  }
  return Object.fromEntries(result)
}

describe('a merge patch', () => {
  // The cases of RFC 7396, appendix A, with settings in them.
  it.each([
    ['{"poll":3}', '{"poll":5}', '{"poll":5}'],
    ['{"poll":3}', '{"vlans":4}', '{"poll":3,"vlans":4}'],
    ['{"poll":3}', '{"poll":null}', '{}'],
    ['{"poll":3,"vlans":4}', '{"poll":null}', '{"vlans":4}'],
    ['{"vlans":[1]}', '{"vlans":7}', '{"vlans":7}'],
    ['{"vlans":7}', '{"vlans":[1]}', '{"vlans":[1]}'],
    ['{"log":{"level":1}}', '{"log":{"level":2,"file":null}}', '{"log":{"level":2}}'],
    ['{"log":[{"level":1}]}', '{"log":[1]}', '{"log":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":1}', '["c"]', '["c"]'],
    ['{"a":1}', 'null', 'null'],
    ['{"a":1}', '"text"', '"text"'],
    ['{"set":null}', '{"a":1}', '{"set":null,"a":1}'],
    ['[1,2]', '{"a":1,"b":null}', '{"a":1}'],
    ['{}', '{"a":{"b":{"c":null}}}', '{"a":{"b":{}}}'],
  ])('makes of %s and %s: %s', (target, patch, result) => {
    expect(printJson(mergePatch(parseJson(target), parseJson(patch)))).toBe(result)
  })

  it('keeps integers beyond 2^53 bit by bit, and members with the names of prototypes', () => {
    const target = parseJson('{"cookie":18446744073709551615,"__proto__":{"a":1},"constructor":{"x":1}}')
    const patch = parseJson('{"__proto__":{"b":2},"constructor":{"x":null},"toString":1}')
    expect(printJson(mergePatch(target, patch))).toBe(
      '{"cookie":18446744073709551615,"__proto__":{"a":1,"b":2},"constructor":{},"toString":1}',
    )
    expect(Object.hasOwn(Object.prototype, 'b')).toBe(false)
  })

  it('does what the RFC says on any values, leaves both as they were, and changes nothing when repeated', () => {
    fc.assert(
      fc.property(arbitraryJson(), arbitraryJson(), (target, patch) => {
        const before = printJson([target, patch])
        const result = mergePatch(target, patch)
        // Both were frozen by toJson, so an attempt to change them would have thrown.
        expect(printJson([target, patch])).toBe(before)
        // The reference builds its answer from JSON values alone.
        expect(equalJson(result, reference(target, patch) as Json)).toBe(true)
        expect(printCanonical(mergePatch(result, patch))).toBe(printCanonical(result))
      }),
      { numRuns: 500 },
    )
  })
})
