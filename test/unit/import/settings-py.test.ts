import { describe, expect, it } from 'vitest'
import { printJson } from '../../../model/json.ts'
import { isObject, type Json } from '../../../model/value.ts'
import { type ReadSettings, readSettingsPy } from '../../../src/import/settings-py.ts'
import { defaultsOf } from '../../../src/schema/defaults.ts'
import { compileSchema } from '../../../src/schema/validator.ts'

const read = (text: string, environment: Record<string, string> = {}): ReadSettings =>
  readSettingsPy(Buffer.from(text), { environment })
const values = (text: string): Record<string, Json> =>
  Object.fromEntries(read(text).settings.map(({ name, value }) => [name, value]))
const property = (text: string, name: string): Json | undefined => {
  const { schema } = read(text)
  return isObject(schema?.properties) ? schema.properties[name] : undefined
}

/** As NApps of Kytos write them. */
const SAMPLE = `"""Settings of the example NApp.

More of it.
"""
import os
from pathlib import Path
from threading import Lock

# Seconds between two polls
POLLING_TIME = 3
#: Cookies of this NApp
#: begin with it.
COOKIE_PREFIX = 0xAB
COOKIE_MASK = 0xDD00000000000000  # 64 bits
ALL = 2**64 - 1

# ---------------
# pylint: disable=invalid-name
api_url = "http://localhost:8181/api"
topology_url = f"{api_url}/kytos/topology/v3"
LOOP_EVERY = int(max(900 / max(POLLING_TIME, 1), 1))
TIMEOUT = 5.0
"""How long to wait.

    In seconds.
"""
IGNORED = {}
IGNORED["00:00:00:00:00:00:00:01"] = [[1, 2]]
NAPPS = {"coloring", "of_lldp", "coloring"}
PATTERNS = (
    r"kytos/of_core\\..*",  # all of them
    "kytos/topology",
)
NOTHING = None
ANY_OF: list[int] = []
HOST = os.environ.get("EXAMPLE_HOST", "localhost:29092")
DB_PASSWORD = "s3cret"
DATABASE = {"user": "kytos", "password": "s3cret", "port": 27017}
LOCK = Lock()
HERE = Path(__file__).parent
`

describe('a settings.py', () => {
  it('gives its values, exactly, each with its line', () => {
    const { settings, problems } = read(SAMPLE)
    expect(Object.fromEntries(settings.map(({ name, value, line }) => [name, [value, line]]))).toEqual({
      POLLING_TIME: [3, 10],
      COOKIE_PREFIX: [0xab, 13],
      COOKIE_MASK: [0xdd00000000000000n, 14],
      ALL: [18446744073709551615n, 15],
      api_url: ['http://localhost:8181/api', 19],
      topology_url: ['http://localhost:8181/api/kytos/topology/v3', 20],
      LOOP_EVERY: [300, 21],
      TIMEOUT: [5, 22],
      IGNORED: [{ '00:00:00:00:00:00:00:01': [[1, 2]] }, 27],
      NAPPS: [['coloring', 'of_lldp'], 29],
      PATTERNS: [['kytos/of_core\\..*', 'kytos/topology'], 30],
      NOTHING: [null, 34],
      ANY_OF: [[], 35],
      HOST: ['localhost:29092', 36],
      DB_PASSWORD: ['s3cret', 37],
      DATABASE: [{ user: 'kytos', password: 's3cret', port: 27017 }, 38],
    })
    expect(problems).toEqual([
      { line: 39, name: 'LOCK', message: 'it calls threading.Lock(), which is code, not data' },
      { line: 40, name: 'HERE', message: 'it calls pathlib.Path(), which is code, not data' },
    ])
  })

  it('gives a schema that accepts its values, names their types, and holds no secret', () => {
    const { schema = {}, settings } = read(SAMPLE)
    expect(schema).toMatchObject({
      description: 'Settings of the example NApp.\n\nMore of it.',
      'x-inferred-from': 'settings.py',
      properties: {
        POLLING_TIME: {
          type: 'integer',
          default: 3,
          description: 'Seconds between two polls',
          $comment: 'settings.py:10',
        },
        COOKIE_PREFIX: { description: 'Cookies of this NApp\nbegin with it.' },
        COOKIE_MASK: { type: 'integer', default: 0xdd00000000000000n, description: '64 bits' },
        TIMEOUT: {
          type: 'number',
          'x-python-type': 'float',
          default: 5,
          description: 'How long to wait.\n\nIn seconds.',
        },
        NAPPS: { type: 'array', items: { type: 'string' }, uniqueItems: true, 'x-python-type': 'set' },
        PATTERNS: { type: 'array', 'x-python-type': 'tuple' },
        NOTHING: { default: null },
        DB_PASSWORD: { type: 'string', 'x-sensitive': true },
        DATABASE: {
          type: 'object',
          properties: { password: { 'x-sensitive': true } },
          default: { user: 'kytos', port: 27017 },
        },
      },
    })
    expect(property(SAMPLE, 'api_url')).toEqual({
      type: 'string',
      default: 'http://localhost:8181/api',
      $comment: 'settings.py:19',
    })
    expect(printJson(schema)).not.toContain('s3cret')
    expect(schema).not.toHaveProperty('additionalProperties')
    expect(read('A = 1').schema).toHaveProperty('additionalProperties', false)
    expect(
      compileSchema(schema)(Object.fromEntries(settings.map(({ name, value }) => [name, value]))),
    ).toEqual([])
    const { DB_PASSWORD, DATABASE, ...plain } = Object.fromEntries(
      settings.map(({ name, value }) => [name, value]),
    )
    expect(defaultsOf(schema)).toEqual({ ...plain, DATABASE: { user: 'kytos', port: 27017 } })
  })

  it('knows secrets by their names, in lists and dicts too, and URLs with a password', () => {
    const text =
      'PASSWORDS = ["a"]\nUSERS = [{"name": "a", "secretKey": "b"}]\nURL = "mongodb://u:p@host"\nTOKEN_MINUTES = 5\nPASSWORD = ""\nTOKEN_FILE = "f"\n'
    const { schema } = read(text)
    const properties = isObject(schema?.properties) ? schema.properties : {}
    const secret = Object.entries(properties).filter(
      ([, one]) => isObject(one) && one['x-sensitive'] === true,
    )
    expect(secret.map(([name]) => name)).toEqual(['PASSWORDS', 'USERS', 'URL', 'PASSWORD'])
    expect(defaultsOf(schema ?? {})).toEqual({ TOKEN_MINUTES: 5, PASSWORD: '', TOKEN_FILE: 'f' })
  })

  it('takes the lines led by "#:" alone where there are any, and no words to tools', () => {
    const text =
      '# a section\n#: Said.\nA = 1  # pylint: disable=x\n# far\n\nB = 2  # near\n# ====\nC = 3\n"""Below."""\nD = [  # first\n  1,  # inside\n]  # last\n'
    expect(read(text).settings.map(({ description }) => description)).toEqual([
      'Said.',
      'near',
      'Below.',
      'first\nlast',
    ])
  })

  it('takes the environment that it is given, and no other', () => {
    expect(
      read('import os\nA = os.environ.get("HOME", "none")\nB = os.getenv("PATH")').settings.map(
        ({ value }) => value,
      ),
    ).toEqual(['none', null])
    expect(read('from os import environ as e\nA = e["X"] + e.get("X")', { X: 'x' }).settings).toMatchObject([
      { value: 'xx' },
    ])
    expect(read('import os\nA = os.environ["X"]').problems).toMatchObject([
      { line: 2, name: 'A', message: expect.stringContaining('variable X') },
    ])
  })

  it('knows what one name does to another', () => {
    expect(values('A = {}\nB = A\nB["x"] = A2 = 1\nC = [A]\nA["y"] = 2')).toEqual({
      A: { x: 1, y: 2 },
      B: { x: 1, y: 2 },
      A2: 1,
      C: [{ x: 1, y: 2 }],
    })
    expect(values('A = [1]\nB = A\nA += (2,)\nC = A + [3]\nA *= 2')).toEqual({
      A: [1, 2, 1, 2],
      B: [1, 2, 1, 2],
      C: [1, 2, 3],
    })
    expect(values('A = {1: "a", True: "b", 1.0: "c"}')).toEqual({ A: { 1: 'c' } })
    expect(values('A = 1\nA = "two"\ndel A\nB, (C, D) = 1, [2, 3]')).toEqual({ B: 1, C: 2, D: 3 })
  })

  it.each([
    ['A = [1]\nA.append(2)\nB = 1', 'A', 1, 'may change it'],
    ['A = {"l": []}\nB = 1\nimport x\nx.work(A["l"])', 'A', 1, 'may change it'],
    ['B = 1\nif B:\n  A = 2', 'A', 2, 'inside an "if"'],
    ['B = 1\ntry:\n  A = 2\nfinally: pass', 'A', 2, 'inside a "try"'],
    ['B = 1\nA = lambda: 1', 'A', 2, 'a lambda'],
    ['B = 1\nA = [x for x in "ab"]', 'A', 2, 'comprehension'],
    ['B = 1\nA = 1e400', 'A', 2, 'inf'],
    ['B = 1\nA = float("nan")', 'A', 2, 'nan'],
    ['B = 1\nA = "\\ud800"', 'A', 2, 'surrogate'],
    ['B = 1\nA = {1: 1, "1": 2}', 'A', 2, 'keys'],
    ['B = 1\nA = 1j', 'A', 2, 'imaginary'],
    ['B = 1\nA = UNKNOWN + 1', 'A', 2, '"UNKNOWN" is not defined'],
    ['B = 1\nA = "%s" % B', 'A', 2, 'formatting with %'],
    ['B = 1\nA = f"{B:03d}"', 'A', 2, ':03d'],
    ['B = 1\nA = []\nA.x = 1\n', undefined, undefined, ''],
    ['B = 1\nfrom other import A', 'A', 2, 'another file'],
    ['A = 1\ndef f():\n  global A\n  A = 2\nB = 1', 'A', 1, 'global'],
    ['B = 1\nA = 1 / 0', 'A', 2, 'ZeroDivisionError'],
  ])('reports what is no data, and goes on: %j', (text, name, line, message) => {
    const { settings, problems } = read(text)
    expect(settings).toContainEqual(expect.objectContaining({ name: 'B', value: 1 }))
    if (name === undefined) return
    expect(settings.map(one => one.name)).not.toContain(name)
    expect(problems).toContainEqual(
      expect.objectContaining({ name, message: expect.stringContaining(message) }),
    )
    expect(problems.find(one => one.name === name)?.line).toBeGreaterThanOrEqual(line ?? 0)
  })

  it.each([
    ['A = 1\nprint "x"', 2],
    ['A = 1\nB = 0777', 2],
    ['A = 1\nB = "abc', 2],
    ['A = 1\n  B = 2', 2],
    ['A = 1\n1 = 2', 2],
    ['A = 1\nB = (1,\n', 3],
    ['A = 1 B = 2', 1],
    ['A = {"a": 1', 1],
    ['return 1', 1],
    ['A = b"é"', 1],
    ['A = "a" b"b"', 1],
    ['A = "\\x4"', 1],
    ['\n\nA = \0', 3],
    ['A = 1 <> 2', 1],
    ['try:\n  A = 1', 1],
  ])('that is not valid Python is refused with its line: %j', (text, line) => {
    expect(read(text)).toEqual({
      settings: [],
      problems: [{ line, message: expect.stringContaining('not valid Python') }],
    })
  })

  it.each([
    ['A = 2**10**9', 'digits'],
    ['A = 1 << 10**9', 'digits'],
    ['A = 10**10**10', 'digits'],
    [`A = ${'9'.repeat(5_000)}`, 'digits'],
    ['A = "x" * 10**12', 'repeats'],
    ['A = [0] * 10**12', 'repeats'],
    ['A = "x" * 60000 * 60000', 'string of more than'],
    [`A = ${'['.repeat(5_000)}${']'.repeat(5_000)}`, 'nest'],
    [`A = ${'-'.repeat(20_000)}1`, 'nest'],
    [`A = ${'1 + '.repeat(20_000)}1`, 'nest'],
    ['A = []\nA += [A]', 'contains itself'],
    [
      `A0 = [1] * 1000\n${Array.from({ length: 40 }, (_, i) => `A${i + 1} = [A${i}, A${i}]`).join('\n')}\nA = A40`,
      'larger',
    ],
    [
      `A0 = (1, 1)\n${Array.from({ length: 60 }, (_, i) => `A${i + 1} = (A${i}, A${i})`).join('\n')}\nA = {A60}`,
      'too large',
    ],
    [
      `A0 = [1] * 50000\n${Array.from({ length: 1_000 }, (_, i) => `A${i + 1} = A${i} + [1]`).join('\n')}\nA = A999`,
      'limit of computation',
    ],
  ])('that would be too much is refused in words, in time: %#', (text, reason) => {
    const begin = performance.now()
    const { problems } = read(text)
    expect(problems.map(({ message }) => message).join('\n')).toContain(reason)
    expect(performance.now() - begin).toBeLessThan(10_000)
  })

  it('of 10 MB is refused unread, and a long one of brackets in time', () => {
    expect(read('A = 1\n'.repeat(1_750_000)).problems).toEqual([
      { message: expect.stringContaining('10500000 bytes') },
    ])
    for (const sign of ['(', '[', '{', 'f"{', '"""a', '-', 'if x:\n', 'lambda: ']) {
      const begin = performance.now()
      expect(read(`A = ${sign.repeat(Math.floor(100_000 / sign.length))}`).problems).not.toEqual([])
      expect(performance.now() - begin, sign).toBeLessThan(10_000)
    }
  }, 60_000)

  it('may be empty, have a mark, other line ends, or be no text', () => {
    expect(read('')).toMatchObject({ settings: [], problems: [] })
    expect(read('# nothing\n"""Doc."""\n')).toMatchObject({ settings: [], problems: [] })
    expect(values('\ufeffA = 1\r\nB = """x\r\ny"""\rC = 2')).toEqual({ A: 1, B: 'x\ny', C: 2 })
    expect(readSettingsPy(Buffer.from([0x41, 0xff, 0xfe]))).toEqual({
      settings: [],
      problems: [{ message: expect.stringContaining('UTF-8') }],
    })
  })
})
