import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNamespace } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { createSchemaDocument } from '../../../src/schema/schema-document.ts'
import { Environment } from '../../../src/state/environment.ts'
import { openController } from '../../support/controller.ts'
import { createStore, on } from '../settings/stores.ts'

const NS = parseNamespace('kytos/of_lldp')
const schemaOf = (schema: JsonObject, seed: JsonObject = {}) => createSchemaDocument(schema, seed, undefined)
const LLDP = schemaOf({
  type: 'object',
  additionalProperties: false,
  properties: {
    polling_time: { type: 'number', minimum: 0.1, default: 3 },
    name: { type: 'string' },
    'log-level': { enum: ['info', 'debug'] },
    cookie: { type: 'integer' },
    any: {},
    liveness: { $ref: '#/$defs/liveness' },
  },
  $defs: {
    liveness: {
      type: 'object',
      properties: { enabled: { type: 'boolean' }, 'min.hellos': { type: 'integer' } },
    },
  },
})

/** The defaults with the variables, and the reasons for those that are ignored. */
function layer(
  variables: Record<string, string>,
  document = LLDP,
  namespace = NS,
  below: JsonObject = document.defaults,
) {
  const environment = new Environment(variables)
  const { data, rejected } = environment.overlay(namespace, document, below)
  return { data, problems: [...environment.problems([namespace]), ...rejected] }
}

describe('a variable', () => {
  it('is a setting by its name, case ignored, with "-" and "." as "_", at any depth', () => {
    expect(
      layer({
        KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME: '0.5',
        KYTOS_SETTINGS__kytos__of_lldp__LOG_LEVEL: 'debug',
        kytos_settings__Kytos__Of_Lldp__Liveness__Min_Hellos: '4',
        KYTOS_SETTINGS__KYTOS__OF_LLDP__LIVENESS: '{"enabled": true}',
        KYTOS_SETTINGS_DEBUG: '1',
        PATH: '/bin',
      }),
    ).toEqual({
      data: { polling_time: 0.5, 'log-level': 'debug', liveness: { enabled: true, 'min.hellos': 4 } },
      problems: [],
    })
  })

  it('is a text as it stands where the setting is one, and else JSON, exact', () => {
    expect(
      layer({
        KYTOS_SETTINGS__KYTOS__OF_LLDP__NAME: '5',
        KYTOS_SETTINGS__KYTOS__OF_LLDP__COOKIE: '15924555461374902272',
        KYTOS_SETTINGS__KYTOS__OF_LLDP__ANY: 'not json',
      }).data,
    ).toEqual({ polling_time: 3, name: '5', cookie: 15924555461374902272n, any: 'not json' })
    expect(layer({ KYTOS_SETTINGS__KYTOS__OF_LLDP__ANY: '[1]' }).data).toMatchObject({ any: [1] })
  })

  it.each([
    [
      'KYTOS_SETTINGS__KYTOS__OF_LLDP__POLING_TIME',
      '1',
      'did you mean KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME?',
    ],
    [
      'KYTOS_SETTINGS__KYTOS__OF_LDP__POLLING_TIME',
      '1',
      'no namespace has this name; did you mean "kytos/of_lldp"?',
    ],
    ['KYTOS_SETTINGS__KYTOS__OF_LLDP', '{}', 'no namespace has this name'],
    [
      'KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME',
      '0',
      'does not match the schema of "kytos/of_lldp" (minimum at "/polling_time")',
    ],
    [
      'KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME',
      'secret',
      '/polling_time of "kytos/of_lldp" requires JSON',
    ],
    ['KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME', '1e400', 'requires JSON'],
    ['KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME', '', 'requires JSON'],
    [
      'KYTOS_SETTINGS__KYTOS__OF_LLDP__LOG_LEVEL',
      'loud',
      'does not match the schema of "kytos/of_lldp" (enum at "/log-level")',
    ],
    ['KYTOS_SETTINGS__KYTOS__OF_LLDP__ANY', '['.repeat(200), ''],
  ])('that cannot count (%s=%s) is left out and told of, without its value', (name, value, why) => {
    const { data, problems } = layer({ [name]: value, KYTOS_SETTINGS__KYTOS__OF_LLDP__NAME: 'fine' })
    if (why === '') expect(problems).toEqual([])
    else {
      expect(problems).toEqual([expect.stringContaining(why)])
      expect(problems[0]).toMatch(new RegExp(`^Ignored ${name}: `))
      expect(problems[0]).not.toContain('secret')
      expect(data).toEqual({ polling_time: 3, name: 'fine' })
    }
  })

  it('of which there are two for one setting counts in neither form, nor one for two settings', () => {
    expect(
      layer({ KYTOS_SETTINGS__KYTOS__OF_LLDP__NAME: 'a', kytos_settings__kytos__of_lldp__name: 'b' }),
    ).toMatchObject({
      data: { polling_time: 3 },
      problems: [
        expect.stringContaining('match the same setting'),
        expect.stringContaining('match the same setting'),
      ],
    })
    const twins = schemaOf({ properties: { a: { properties: { b: {} } }, a__b: {}, 'c-d': {}, 'c.d': {} } })
    expect(
      layer({ KYTOS_SETTINGS__KYTOS__OF_LLDP__A__B: '1', KYTOS_SETTINGS__KYTOS__OF_LLDP__C_D: '1' }, twins),
    ).toMatchObject({
      data: {},
      problems: [expect.stringContaining('/a/b and /a__b'), expect.stringContaining('/c-d and /c.d')],
    })
  })

  it('finds what only the defaults or the seed name, and nothing where there is no schema', () => {
    const open = schemaOf(
      { properties: { map: { type: 'object', default: { s1: 1 } } } },
      { 'seed-only': true },
    )
    expect(
      layer(
        { KYTOS_SETTINGS__KYTOS__OF_LLDP__MAP__S1: '2', KYTOS_SETTINGS__KYTOS__OF_LLDP__SEED_ONLY: 'false' },
        open,
      ),
    ).toEqual({
      data: { map: { s1: 2 }, 'seed-only': false },
      problems: [],
    })
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__A: '1' })
    expect(environment.overlay(NS, undefined, { b: 1 })).toEqual({ data: { b: 1 }, values: [], rejected: [] })
    expect(environment.problems([NS])).toEqual([expect.stringContaining('has no schema')])
  })

  it('that two namespaces claim counts in neither, whichever was known first', () => {
    const [one, two] = [parseNamespace('kytos/a.b'), parseNamespace('kytos/a_b')]
    const document = schemaOf({ properties: { x: { default: 0 } } })
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__A_B__X: '1' })
    expect(environment.overlay(one, document, {}).data).toEqual({ x: 1 })
    expect(environment.overlay(two, document, {}).data).toEqual({})
    expect(environment.takeUnsettled()).toEqual([one])
    expect(environment.overlay(one, document, {}).data).toEqual({})
    expect(environment.problems([one, two])).toEqual([
      expect.stringMatching(/ambiguous.*kytos\/a\.b and of kytos\/a_b/),
    ])
  })

  it('finds places behind any number of references', () => {
    const deep = schemaOf({
      properties: { a: { $ref: '#/$defs/A' } },
      $defs: {
        A: { allOf: [{ $ref: '#/$defs/B' }] },
        B: { properties: { x: { type: 'integer' }, y: { type: 'string', default: 'd' } } },
      },
    })
    expect(
      layer({ KYTOS_SETTINGS__KYTOS__OF_LLDP__A__X: '5', KYTOS_SETTINGS__KYTOS__OF_LLDP__A__Y: '123' }, deep),
    ).toEqual({
      data: { a: { x: 5, y: '123' } },
      problems: [],
    })
  })

  it('of a setting that may be a text is one where its JSON is not allowed', () => {
    const nullable = schemaOf({
      properties: { vlan: { type: ['string', 'null'] }, either: { type: ['string', 'integer'] } },
    })
    expect(
      layer(
        { KYTOS_SETTINGS__KYTOS__OF_LLDP__VLAN: '12345', KYTOS_SETTINGS__KYTOS__OF_LLDP__EITHER: '7' },
        nullable,
      ),
    ).toEqual({
      data: { vlan: '12345', either: 7 },
      problems: [],
    })
    expect(layer({ KYTOS_SETTINGS__KYTOS__OF_LLDP__VLAN: 'null' }, nullable).data).toEqual({ vlan: null })
  })

  it('that is wrong takes no other one with it, though those are right together only', () => {
    const range = schemaOf({
      properties: { a_min: { default: 1 }, b_max: { default: 10 }, z: { type: 'integer' } },
      anyOf: [{ properties: { a_min: { maximum: 9 } } }, { properties: { b_max: { minimum: 21 } } }],
    })
    const both = { KYTOS_SETTINGS__KYTOS__OF_LLDP__A_MIN: '20', KYTOS_SETTINGS__KYTOS__OF_LLDP__B_MAX: '30' }
    expect(layer({ ...both, KYTOS_SETTINGS__KYTOS__OF_LLDP__Z: '"no"' }, range)).toEqual({
      data: { a_min: 20, b_max: 30 },
      problems: [expect.stringContaining('__Z: its value')],
    })
  })

  it('is free for others again once the schema that claimed it is gone', () => {
    const [one, two] = [parseNamespace('kytos/a.b'), parseNamespace('kytos/a_b')]
    const document = schemaOf({ properties: { x: { default: 0 } } })
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__A_B__X: '1' })
    for (const namespace of [one, two]) environment.overlay(namespace, document, {})
    environment.overlay(two, undefined, {})
    expect(environment.takeUnsettled()).toContain(one)
    expect(environment.overlay(one, document, {}).data).toEqual({ x: 1 })
  })

  it('counts only as long as the layers below allow it', () => {
    const range = schemaOf({
      properties: { low: { type: 'integer', default: 1 }, wide: { type: 'boolean', default: false } },
      if: { properties: { wide: { const: false } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { low: { maximum: 5 } } },
    })
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__LOW: '9' })
    expect(environment.overlay(NS, range, { low: 1, wide: true })).toMatchObject({
      data: { low: 9, wide: true },
      rejected: [],
    })
    expect(environment.overlay(NS, range, { low: 1, wide: false })).toMatchObject({
      data: { low: 1, wide: false },
      rejected: [expect.stringContaining('maximum')],
    })
  })

  it('counts the same in whatever order the variables come', () => {
    const names = [
      'POLLING_TIME',
      'NAME',
      'COOKIE',
      'ANY',
      'LIVENESS',
      'LIVENESS__ENABLED',
      'LIVENESS__MIN_HELLOS',
      'LOG_LEVEL',
      'NOTHING',
    ]
    const values = fc.constantFrom('1', 'true', '{"enabled":false}', 'debug', '-1', '{', '"x"')
    const variable = fc
      .tuple(fc.constantFrom(...names), values)
      .map(([name, value]) => [`KYTOS_SETTINGS__KYTOS__OF_LLDP__${name}`, value] as const)
    fc.assert(
      fc.property(
        fc.uniqueArray(variable, { selector: ([name]) => name }),
        fc.infiniteStream(fc.nat()),
        (variables, order) => {
          const shuffled = variables.map(one => ({ one, at: order.next().value })).sort((a, b) => a.at - b.at)
          const [a, b] = [
            layer(Object.fromEntries(variables)),
            layer(Object.fromEntries(shuffled.map(({ one }) => one))),
          ]
          expect(b.data).toEqual(a.data)
          expect([...b.problems].sort()).toEqual([...a.problems].sort())
          expect(LLDP.validate(a.data)).toEqual([])
        },
      ),
    )
  })
})

describe('the environment of a controller', () => {
  const schema = { properties: { polling_time: { type: 'integer', default: 3, minimum: 1 } } }

  it('stands above everything that is stored here, is told in facts and answers, and is no other controller’s', async () => {
    const store = createStore()
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME: '9' })
    const one = await openController({ backend: () => on(store), environment, id: 'one' })
    const two = await openController({ backend: () => on(store), id: 'two' })
    try {
      expect(await one.ask('kytos.settings.register', { namespace: NS, schema })).toMatchObject({
        data: { polling_time: 9 },
      })
      await two.ask('kytos.settings.register', { namespace: NS, schema })
      const hidden = await one.ask('kytos.settings.update', { namespace: NS, data: { polling_time: 5 } })
      expect(hidden).toMatchObject({
        data: { polling_time: 9 },
        overrides: { polling_time: 5 },
        shadowed: ['/polling_time'],
      })
      expect(
        await one.ask('kytos.settings.update', {
          namespace: NS,
          data: { polling_time: 6 },
          scope: 'controller',
        }),
      ).toMatchObject({
        shadowed: ['/polling_time'],
      })
      const others = await one.ask('kytos.settings.update', {
        namespace: NS,
        data: { polling_time: 7 },
        scope: 'controller:three',
      })
      expect(others).not.toHaveProperty('shadowed')
      expect(one.changes.at(-1)?.content).toMatchObject({
        data: { polling_time: 9 },
        previous: { polling_time: 9 },
        changes: [],
      })
      expect(await two.ask('kytos.settings.retrieve', { namespace: NS, fresh: true })).toMatchObject({
        data: { polling_time: 5 },
      })
      const { explain } = await one.ask('kytos.settings.retrieve', { namespace: NS, explain: true })
      expect(explain?.['/polling_time']).toMatchObject({
        layer: 'environment',
        value: 9,
        variable: 'KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME',
        set_by: null,
        shadowed: [
          { layer: 'controller', value: 6 },
          { layer: 'cluster', value: 5 },
          { layer: 'default', value: 3 },
        ],
      })
    } finally {
      await one.close()
      await two.close()
    }
  })

  it('is complained of when a change of the layers below makes it impossible', async () => {
    const environment = new Environment({ KYTOS_SETTINGS__KYTOS__OF_LLDP__A: '1' })
    const one = await openController({ environment })
    try {
      await one.ask('kytos.settings.register', {
        namespace: NS,
        schema: { properties: { a: {}, b: {}, c: {} }, maxProperties: 2 },
      })
      one.service.reportEnvironment()
      await one.ask('kytos.settings.update', { namespace: NS, data: { b: 1 } })
      expect(one.log.lines.filter(line => line.includes('KYTOS_SETTINGS'))).toEqual([])
      expect(await one.ask('kytos.settings.update', { namespace: NS, data: { c: 1 } })).toMatchObject({
        data: { b: 1, c: 1 },
      })
      expect(one.log.lines.filter(line => line.includes('KYTOS_SETTINGS'))).toEqual([
        expect.stringContaining('__A: its value'),
      ])
      expect(await one.ask('kytos.settings.update', { namespace: NS, data: { c: null } })).toMatchObject({
        data: { a: 1, b: 1 },
      })
    } finally {
      await one.close()
    }
  })

  it('is complained of once everything was started, and then only of what is new', async () => {
    const environment = new Environment({
      KYTOS_SETTINGS__KYTOS__OF_LLDP__POLLING_TIME: '0',
      KYTOS_SETTINGS__KYTOS__LATER__A: '1',
    })
    const one = await openController({ environment })
    try {
      await one.ask('kytos.settings.register', { namespace: NS, schema })
      const said = () => one.log.lines.filter(line => line.includes('KYTOS_SETTINGS'))
      expect(said()).toEqual([])
      one.service.reportEnvironment()
      expect(said()).toEqual([
        expect.stringContaining('LATER__A: no namespace'),
        expect.stringContaining('minimum'),
      ])
      await one.ask('kytos.settings.register', {
        namespace: 'kytos/later',
        schema: { properties: { b: {} } },
      })
      expect(said()).toHaveLength(3)
      expect(said()[2]).toContain('"kytos/later" has no such setting')
      await one.ask('kytos.settings.register', {
        namespace: 'kytos/later',
        schema: { properties: { a: {} } },
      })
      expect(said()).toHaveLength(3)
      expect(await one.ask('kytos.settings.retrieve', { namespace: 'kytos/later' })).toMatchObject({
        data: { a: 1 },
      })
    } finally {
      await one.close()
    }
  })
})
