import { describe, expect, it } from 'vitest'
import { toJson } from '../../../model/value.ts'
import { misspeltKeywords } from '../../../src/schema/misspelt-keywords.ts'

// The values are JSON, frozen and typed by toJson.
const warnings = (schema: object) =>
  misspeltKeywords(toJson(schema) as Parameters<typeof misspeltKeywords>[0])
/** The pairs of place and proposal in the warnings. */
const found = (schema: object): readonly string[][] =>
  warnings(schema).map(warning => [...warning.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text))

describe('a misspelt keyword', () => {
  it('is named with its place and the keyword that was meant', () => {
    expect(warnings({ properties: { n: { type: 'integer', minimun: 1 } } })).toEqual([
      '"/properties/n/minimun" of the schema is not a keyword and has no effect; did you mean "minimum"?',
    ])
  })

  it.each([
    ['tpye', 'type'],
    ['Type', 'type'],
    ['propertys', 'properties'],
    ['require', 'required'],
    ['additionalPropertys', 'additionalProperties'],
    ['maxlength', 'maxLength'],
    ['enums', 'enum'],
    ['defualt', 'default'],
    ['x-aply', 'x-apply'],
    ['x-sensitve', 'x-sensitive'],
  ])('%s is taken for %s', (typed, known) => {
    expect(found({ [typed]: 1 })).toEqual([[`/${typed}`, known]])
  })

  it('is found wherever a schema is', () => {
    const wrong = { minimun: 1 }
    const schema = {
      items: { prefixItems: [wrong], anyOf: [{}, wrong] },
      $defs: { 'a/b': wrong },
      patternProperties: { '^x': { not: wrong } },
      additionalProperties: wrong,
      contains: wrong,
      dependentSchemas: { a: wrong },
    }
    expect(found(schema).map(([place]) => place)).toEqual([
      '/items/prefixItems/0/minimun',
      '/items/anyOf/1/minimun',
      '/$defs/a~1b/minimun',
      '/patternProperties/^x/not/minimun',
      '/additionalProperties/minimun',
      '/contains/minimun',
      '/dependentSchemas/a/minimun',
    ])
  })

  it('is no annotation, no setting and no value', () => {
    expect(
      warnings({
        unit: 's',
        group: 'a',
        help: 'h',
        label: 'l',
        'x-unit': 's',
        'x-order': 1,
        name: 'n',
        properties: { minimun: { default: { minimun: 1 }, enum: [{ minimun: 1 }] }, typ: true },
        definitions: {},
        dependencies: {},
        examples: [{ minimun: 1 }],
      }),
    ).toEqual([])
  })

  it('is counted up to a bound, in a schema of very many unknown keywords', () => {
    const many = Array.from({ length: 50 }, (_, i) => [`p${i}`, { minimun: 1 }])
    expect(warnings({ properties: Object.fromEntries(many) })).toHaveLength(20)
    const unknown = Array.from({ length: 2_000 }, (_, i) => [`zzzzz${i}`, 1])
    expect(warnings({ ...Object.fromEntries(unknown), minimun: 1 })).toEqual([])
  })
})
