import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject, toJson } from '../../../model/value.ts'
import {
  compareNappVersions,
  createSchemaDocument,
  parseSchemaDocument,
  printSchemaDocument,
} from '../../../src/schema/schema-document.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'

/** The same value with the keys of every object the other way round. */
function turned(value: Json): Json {
  if (isArray(value)) return value.map(turned)
  return isObject(value)
    ? toJson(
        Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, member]) => [key, turned(member)]),
        ),
      )
    : value
}

const objects = arbitraryJson().filter((value): value is JsonObject => isObject(value))

describe('a schema as it is stored', () => {
  it('has a digest of what it says, in whatever order, and of its seed, not of the NApp that brings it', () => {
    fc.assert(
      fc.property(objects, objects, (defaults, seed) => {
        const schema = toJson({ properties: { a: { default: defaults, type: 'object' } } }) as JsonObject
        const { digest } = createSchemaDocument(schema, seed, '1.0')
        // Turning keeps an object an object.
        expect(
          createSchemaDocument(turned(schema) as JsonObject, turned(seed) as JsonObject, undefined).digest,
        ).toBe(digest)
        expect(
          createSchemaDocument(schema, { ...seed, more: 1 } as JsonObject, '1.0').digest === digest,
        ).toBe(seed.more === 1)
        expect(digest).toMatch(/^[0-9a-f]{64}$/)
      }),
      { numRuns: 30 },
    )
  }, 60_000)

  it('tells integers that a double would not', () => {
    const digest = (maximum: bigint): string =>
      createSchemaDocument({ properties: { a: { maximum } } }, {}, undefined).digest
    expect(digest(2n ** 64n - 1n)).not.toBe(digest(2n ** 64n - 2n))
  })

  it('is read again as it was printed', () => {
    const document = createSchemaDocument({ properties: { a: { default: 2n ** 60n } } }, { b: 1 }, '2023.1.0')
    const again = parseSchemaDocument(printSchemaDocument(document))
    expect(
      printJson([again.digest, again.schema, again.seed, again.nappVersion ?? null, again.defaults]),
    ).toBe(printJson([document.digest, document.schema, document.seed, '2023.1.0', { a: 2n ** 60n }]))
  })

  it.each(['{}', '[]', '1', '{"schema": []}', '{"schema": true}', '{"schema": {"type": "odd"}}', '', '{'])(
    'is not read from %j',
    text => {
      expect(() => parseSchemaDocument(text)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(SCHEMA|JSON)_MALFORMED$/) }),
      )
    },
  )
})

describe('NApp versions', () => {
  it('stand in order', () => {
    const ordered = [
      undefined,
      '0.9',
      '1.0-alpha',
      '1.0-rc.2',
      '1.0-rc.10',
      '1.0.dev1',
      '1.0rc1',
      '1',
      '1.0.1',
      '1.9.2',
      '1.10.0',
      '2023.2.0.rc1',
      '2023.2.0',
      '2025.1',
    ]
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries())
        expect(Math.sign(compareNappVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j))
  })

  it('are equal when they mean the same', () => {
    for (const [a, b] of [
      ['1', '1.0.0'],
      ['1.02', '1.2'],
      ['1.0+build.5', '1.0'],
      ['1.0RC1', '1.0rc1'],
      ['2.0', '2.0.0.0'],
    ] as const)
      expect(compareNappVersions(a, b)).toBe(0)
  })

  it('have one order on all controllers, whatever is written in them', () => {
    const part = fc.oneof(
      fc.nat(12).map(String),
      fc.constantFrom('a', '1a', 'rc', 'rc1', '', '-', '+', '01', '9a', '10a', 'x-1'),
    )
    const version = fc.option(
      fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('.')),
      { nil: undefined },
    )
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareNappVersions(a, b)) + Math.sign(compareNappVersions(b, a))).toBe(0)
        if (compareNappVersions(a, b) <= 0 && compareNappVersions(b, c) <= 0)
          expect(compareNappVersions(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 2_000 },
    )
  })
})
