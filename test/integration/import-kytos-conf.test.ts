import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { CORE_OPTIONS, coreSchema } from '../../src/import/core-options.ts'
import { readKytosConf, renderKytosConf } from '../../src/import/kytos-conf.ts'
import { defaultsOf } from '../../src/schema/defaults.ts'
import { compileSchema } from '../../src/schema/validator.ts'
import { arbitraryJson } from '../unit/model/arbitrary-json.ts'
import { KYTOS_CONF } from './ini-kytos-conf.ts'

/** What Kytos makes of each text, from one process. */
function askKytos(texts: readonly string[]): readonly JsonObject[] {
  const script = fileURLToPath(new URL('import-kytos-conf.py', import.meta.url))
  const answers = parseJson(
    execFileSync('python3', [script], { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 2 ** 28 }),
  )
  return (isArray(answers) ? answers : []).filter(isObject)
}

const sorted = (json: JsonObject): Json =>
  Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)))
const valuesOf = (text: string): JsonObject =>
  Object.fromEntries(readKytosConf(text).settings.map(({ name, value }) => [name, value]))

describe('a kytos.conf', () => {
  it('returns the values of Kytos, with its types', () => {
    const { settings, problems, schema = {} } = readKytosConf(KYTOS_CONF)
    const [theirs = {}] = askKytos([KYTOS_CONF])
    // Of [DEFAULT], and expanded where it is used.
    const { prefix: _, ...options } = theirs
    expect(sorted(valuesOf(KYTOS_CONF))).toEqual(sorted(options))
    expect(problems).toEqual([])
    expect(settings.find(({ name }) => name === 'jwt_secret')).toEqual({
      name: 'jwt_secret',
      value: '4a;b#c\'"=:5',
      line: 33,
    })
    expect(schema).toMatchObject({
      properties: { jwt_secret: { 'x-sensitive': true }, foreground: { type: 'string' } },
    })
    expect(compileSchema(schema)(valuesOf(KYTOS_CONF))).toEqual([])
  })

  it('is rendered so that Kytos reads the same values back; values that it cannot represent are named', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        '100%',
        '%(x)s',
        'a\nb',
        '\na',
        ' a',
        'a ',
        '# no',
        '; no',
        'a ; b # c',
        'a\n# no',
        '[x]',
        'a=b:c',
        '',
        'é',
        'a\rb',
        '\u2028',
        '\u0085a',
      ),
    )
    const values: Record<string, fc.Arbitrary<Json>> = {
      text: texts,
      integer: fc.integer({ min: 0, max: 65_535 }),
      boolean: fc.boolean(),
      json: arbitraryJson(),
    }
    const file = fc.record(
      {
        ...Object.fromEntries(
          Object.entries(CORE_OPTIONS).map(([name, { kind }]) => [name, values[kind] ?? texts]),
        ),
        unknown_option: texts,
        db_password: texts,
      },
      { requiredKeys: [] },
    )
    const files = fc.sample(file, 120).map(one => ({ ...one }) as JsonObject)
    const rendered = files.map(one => renderKytosConf(one))
    const answers = askKytos(rendered.map(({ text }) => text))
    expect(answers).toHaveLength(files.length)
    let [held, left] = [0, 0]
    answers.forEach((answer, i) => {
      const absent = new Set(rendered[i]?.left.map(({ name }) => name))
      const expected = Object.fromEntries(
        Object.entries(files[i] ?? {}).filter(([name]) => !absent.has(name)),
      )
      expect(printJson(sorted(normal(answer)))).toBe(printJson(sorted(normal(expected))))
      held += Object.keys(expected).length
      left += absent.size
    })
    expect(held).toBeGreaterThan(700)
    expect(left).toBeLessThan(held / 3)
  })

  it('without changes contains the defaults, which validate', () => {
    const defaults = defaultsOf(coreSchema())
    expect(compileSchema(coreSchema())(defaults)).toEqual([])
    const { text, left } = renderKytosConf(defaults)
    expect(left).toEqual([])
    expect(valuesOf(text)).toEqual(defaults)
  })

  it('is reported with its problems and their lines, and the rest is read', () => {
    const text =
      '[daemon]\nport = many\ndebug = yes\nnapps_pre_installed = [kytos/a]\nlisten = ::\nlog = 5%\nmy_token = x\n[other]\na = 1\n[settings]\nbackend = etcd\n'
    const { settings, problems, schema } = readKytosConf(text)
    expect(settings).toEqual([
      { name: 'listen', value: '::', line: 5 },
      { name: 'my_token', value: 'x', line: 7 },
    ])
    expect(problems.map(({ line, name }) => [line, name])).toEqual([
      [2, 'port'],
      [3, 'debug'],
      [4, 'napps_pre_installed'],
      [6, 'log'],
      [8, undefined],
    ])
    expect(schema).toMatchObject({ properties: { my_token: { 'x-sensitive': true } } })
    expect(
      readKytosConf('[daemon]\nport = 6653 ; OpenFlow\ndebug = no\n').problems.map(({ message }) => message),
    ).toEqual([
      '"6653 ; OpenFlow" (write a comment on its own line) is not an integer; Kytos does not start with it',
      '"no" is neither True nor False; Kytos reads it as False. Write True or False',
    ])
    expect(readKytosConf('port = 1')).toMatchObject({
      settings: [],
      problems: [{ line: 1 }, { message: 'it has no section [daemon]' }],
    })
    expect(renderKytosConf({ jwt_secret: '100%', authenticate_urls: ['%s'] })).toEqual({
      text: expect.stringContaining('[daemon]\njwt_secret = 100%%\nauthenticate_urls = ["%%s"]\n'),
      left: [],
    })
    expect(renderKytosConf({ port: 1, napps: null, Upper: 'x', 'a=b': 'c', listen: ' x' })).toMatchObject({
      text: expect.stringContaining('[daemon]\nport = 1\n'),
      left: [{ name: 'napps' }, { name: 'Upper' }, { name: 'a=b' }, { name: 'listen' }],
    })
  })
})

/** As Python hands numbers over: it may print a double that is whole as 5.0 and we as 5. */
function normal(json: JsonObject): JsonObject {
  const again = parseJson(printJson(json))
  return isObject(again) ? again : {}
}
