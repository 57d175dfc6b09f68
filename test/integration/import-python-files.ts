import type { Random } from '../chaos/random.ts'

/*
 * settings.py files of every construct, written at random. A file keeps to what Python runs without an
 * exception, mostly: an index or a division may be wrong.
 */

type Kind = 'int' | 'float' | 'str' | 'bytes' | 'list' | 'tuple' | 'set' | 'dict' | 'bool' | 'none'

const KINDS: readonly Kind[] = [
  'int',
  'float',
  'str',
  'bytes',
  'list',
  'tuple',
  'set',
  'dict',
  'bool',
  'none',
]
const WORDS = [
  'POLLING_TIME',
  'x',
  'cookie',
  'é',
  '日本',
  'a b',
  "it's",
  'say "hi"',
  '%s',
  '{dpid}',
  '#no',
  '\\',
  '\n',
  '\t',
  '\u{1f600}',
  '\u0085',
  '\u2028',
  '',
]

interface Known {
  readonly name: string
  readonly kind: Kind
}

/** One file of some statements. */
export function writeFile(random: Random): string {
  const writer = new Writer(random)
  const lines: string[] = []
  if (random.chance(0.3)) lines.push('"""Settings of a NApp.\n\n    With more to say.\n"""')
  if (random.chance(0.4))
    lines.push(
      random.pick([
        'import os',
        'from os import environ, getenv',
        'import os, sys',
        'import os as system',
        'from threading import Lock',
        'from pathlib import (Path, PurePath)',
      ]),
    )
  const statements = random.between(1, 12)
  for (let i = 0; i < statements; i++) lines.push(writer.statement(i))
  return `${lines.join(random.pick(['\n', '\n\n', '\n# a comment\n']))}${random.pick(['', '\n', '  # the end'])}`
}

class Writer {
  readonly #random: Random
  readonly #known: Known[] = []

  constructor(random: Random) {
    this.#random = random
  }

  statement(i: number): string {
    const random = this.#random
    const kind = random.pick(KINDS)
    const name = random.pick([`SETTING_${i}`, `setting${i}`, `é_${i}`, this.#known[0]?.name ?? 'A'])
    const value = this.#expression(kind, 3)
    const form = random.between(0, 17)
    if (form === 0) return this.#learn(`${name} = OTHER_${i} = ${value}`, [name, `OTHER_${i}`], kind)
    if (form === 1)
      return this.#learn(
        `${name}: ${random.pick(['int', '"a type"', 'dict[str, int]'])} = ${value}`,
        [name],
        kind,
      )
    if (form === 2) return this.#update() ?? this.#learn(`${name} = ${value}`, [name], kind)
    if (form === 3) return this.#setItem() ?? this.#learn(`${name} = {}`, [name], 'dict')
    if (form === 4) {
      const other = this.#expression(kind, 2)
      return this.#learn(
        `${random.pick([`${name}, P_${i}`, `(${name}, P_${i})`, `[${name}, P_${i}]`])} = ${value}, ${other}`,
        [name, `P_${i}`],
        kind,
      )
    }
    if (form === 5) return this.#learn(`#: Said of it.\n${name} = ${value}  # behind`, [name], kind)
    if (form === 6) return this.#learn(`${name} = ${value}\n"""Said below."""`, [name], kind)
    if (form === 7) return this.#learn(`${name} = ${value}; Q_${i} = ${value}`, [name, `Q_${i}`], kind)
    if (form === 8) return this.#learn(`${name} = \\\n    ${value}`, [name], kind)
    if (form === 9) return this.#learn(`${name} = (\n    # inside\n  ${value}\n)`, [name], kind)
    if (form === 10 && random.chance(0.4)) return this.#odd(i)
    return this.#learn(`${name} = ${value}`, [name], kind)
  }

  #learn(text: string, names: readonly string[], kind: Kind): string {
    for (const name of names) {
      const at = this.#known.findIndex(one => one.name === name)
      if (at >= 0) this.#known.splice(at, 1)
      this.#known.push({ name, kind })
    }
    return text
  }

  #update(): string | undefined {
    const known = this.#named(['int', 'float', 'str', 'list', 'tuple', 'set', 'dict'])
    if (!known) return undefined
    const sign = {
      int: ['+=', '-=', '*=', '//=', '|=', '&='],
      float: ['+=', '-=', '*='],
      set: ['|=', '-=', '&='],
      dict: ['|='],
    }[known.kind as string] ?? ['+=']
    return `${known.name} ${this.#random.pick(sign)} ${this.#expression(known.kind, 1)}`
  }

  #setItem(): string | undefined {
    const known = this.#named(['dict'])
    if (!known) return undefined
    const key = this.#random.pick(['"a"', '"b"', "'c d'"])
    const more = this.#random.chance(0.3)
      ? `\n${known.name}["deep"] = {}\n${known.name}["deep"][${key}] = ${this.#expression('int', 1)}`
      : ''
    return `${known.name}[${key}] = ${this.#expression(this.#random.pick(KINDS), 1)}${more}`
  }

  /** What is no data, or only perhaps. */
  #odd(i: number): string {
    const list = this.#named(['list'])?.name ?? '[]'
    const dict = this.#named(['dict'])?.name ?? '{}'
    return this.#random.pick([
      `LOCK_${i} = object()`,
      `class Thing${i}:\n    A = 1\n    def f(self):\n        return A`,
      `def f${i}(a, *b, c=1, **d):\n    """Doc."""\n    yield a\n    return`,
      `if len(str(${i})) > 1:\n    MAYBE_${i} = 1\nelse:\n    MAYBE_${i} = 2`,
      `for STEP_${i} in range(3):\n    ${dict}[STEP_${i}] = 1`,
      `try:\n    import json${i}\nexcept ImportError:\n    json${i} = None`,
      `${list}.append(${i})`,
      `${dict}.update(late=${i})`,
      `ALIAS_${i} = ${list}\nALIAS_${i} += [${i}]`,
      `ALIAS_${i} = ${dict}\nALIAS_${i}["late"] = ${i}`,
      `COMPREHENDED_${i} = [n for n in ${list}]`,
      `LAMBDA_${i} = lambda: ${i}`,
      `def change${i}():\n    ${dict}["changed"] = 1\nchange${i}()`,
      `GONE_${i} = 1\ndel GONE_${i}`,
      `GLOBAL_${i} = 1\ndef g${i}():\n    global GLOBAL_${i}\n    GLOBAL_${i} = 2\ng${i}()`,
      `TAKEN_${i} = ${list}.pop() if ${list} else None`,
      `str(${i})`,
      `WALRUS_${i} = (INNER_${i} := ${i})`,
      `NESTED_${i} = {"a": ${list}}\nNESTED_${i}["a"].append(1)`,
      'pass',
      `with open("/dev/null") as HANDLE_${i}:\n    READ_${i} = HANDLE_${i}.read()`,
    ])
  }

  #named(kinds: readonly Kind[]): Known | undefined {
    const fitting = this.#known.filter(({ kind }) => kinds.includes(kind))
    return fitting.length > 0 ? this.#random.pick(fitting) : undefined
  }

  #expression(kind: Kind, depth: number): string {
    const random = this.#random
    const known = random.chance(0.15) ? this.#named([kind]) : undefined
    if (known) return known.name
    if (depth > 0 && random.chance(0.08))
      return `(${this.#expression(kind, depth - 1)} if ${this.#expression('bool', depth - 1)} else ${this.#expression(kind, depth - 1)})`
    switch (kind) {
      case 'int':
        return depth > 0 && random.chance(0.4) ? this.#integers(depth - 1) : this.#integer()
      case 'float':
        return depth > 0 && random.chance(0.4) ? this.#floats(depth - 1) : this.#float()
      case 'str':
        return this.#text(depth)
      case 'bytes':
        return random.pick([
          "b'ab\\x00\\xff'",
          'B"\\101\\n"',
          "rb'\\x'",
          'b\'a\' b"b"',
          "b''",
          'bR"\\\\"',
          "b'\\u1234'",
        ])
      case 'bool':
        return depth > 0 && random.chance(0.5) ? this.#condition(depth - 1) : random.pick(['True', 'False'])
      case 'none':
        return random.pick([
          'None',
          '(None)',
          'os.environ.get("KYTOS_ABSENT")'
            .replace('os', random.chance(0.5) ? 'None or __import__("os")' : '__import__("os")')
            .replace(/^.*$/, 'None'),
        ])
      case 'list':
        return random.pick([
          () => `[${this.#items(depth)}]`,
          () => `list(${this.#expression('tuple', 0)})`,
          () => `[${this.#integer()}] * ${random.between(0, 4)}`,
          () => `[*${this.#expression('tuple', 0)}, 1]`,
          () => `[${this.#items(depth)}] + [1]`,
        ])()
      case 'tuple':
        return random.pick([
          () => '()',
          () => `(${this.#expression(random.pick(KINDS), depth - 1)},)`,
          () => `(${this.#integer()}, ${this.#expression(random.pick(KINDS), depth - 1)})`,
          () => 'tuple([1, 2])',
        ])()
      case 'set':
        return random.pick([
          () => 'set()',
          () => `{${this.#hashable()}, ${this.#hashable()}}`,
          () => `{${this.#hashable()},}`,
          () => 'frozenset([1, 1.0, True, "a"])',
          () => 'set("aabc")',
          () => '{1, 2} | {3}',
          () => '{1, 2, 3} - {2}',
          () => '{1, 2} ^ {2, 9}',
        ])()
      default:
        return this.#dict(depth)
    }
  }

  #items(depth: number): string {
    const random = this.#random
    const items = Array.from({ length: depth > 0 ? random.between(0, 3) : random.between(0, 1) }, () =>
      this.#expression(random.pick(KINDS), depth - 1),
    )
    return (
      items.join(random.pick([', ', ',', ',\n   '])) + (items.length > 0 && random.chance(0.3) ? ',' : '')
    )
  }

  #dict(depth: number): string {
    const random = this.#random
    const key = random.pick([
      () => JSON.stringify(random.pick(['a', 'b', 'c d', 'é', ''])),
      () => String(random.between(-3, 5)),
      () => "'x' 'y'",
      () => this.#hashable(),
    ])
    const one = (): string => `${key()}: ${this.#expression(random.pick(KINDS), depth - 1)}`
    return random.pick([
      () => '{}',
      () => `{${one()}}`,
      () => `{${one()}, ${one()}}`,
      () => `{${one()},\n  # inside\n  ${one()},\n}`,
      () => 'dict(a=1, b="c")',
      () => '{**{"a": 1}, "b": 2}',
      () => '{"a": 1} | {"a": 2}',
      () => '{1: "a", True: "b", 1.0: "c"}',
    ])()
  }

  #hashable(): string {
    return this.#random.pick([
      () => this.#integer(),
      () => this.#float(),
      () => this.#text(0),
      () => 'None',
      () => 'True',
      () => '(1, "a")',
      () => "b'x'",
    ])()
  }

  #integer(): string {
    const random = this.#random
    return random.pick([
      () => String(random.between(0, 100_000)),
      () => `-${random.between(0, 70_000)}`,
      () => `0x${random.between(0, 2 ** 31).toString(16)}`,
      () => `0X${'dD0'.repeat(random.between(1, 12))}`,
      () => `0o${random.between(0, 511).toString(8)}`,
      () => `0b${random.between(0, 1023).toString(2)}`,
      () => '1_000_000',
      () => '0x_ff_ff',
      () => '0xdd00000000000000',
      () => '18446744073709551615',
      () => '9007199254740993',
      () => '-9007199254740992',
      () => String(10n ** BigInt(random.between(15, 60))),
      () => '00',
      () => '0_0',
      () => '~5',
      () => '+7',
      () => '--3',
    ])()
  }

  #integers(depth: number): string {
    const [a, b] = [this.#expression('int', depth), this.#expression('int', depth)]
    const random = this.#random
    return random.pick([
      `${a} + ${b}`,
      `(${a} - ${b})`,
      `${a} * ${b}`,
      `(${a}) // (${b})`,
      `(${a}) % (${b})`,
      `(${a}) ** ${random.between(0, 9)}`,
      `-2 ** ${random.between(0, 70)}`,
      `2 ** 3 ** ${random.between(0, 3)}`,
      `2**64 - 1`,
      `${random.between(0, 9)} << ${random.between(0, 80)}`,
      `(${a}) >> ${random.between(0, 9)}`,
      `(${a}) & (${b}) | 1 ^ 3`,
      `int(${this.#expression('float', 0)})`,
      `int("${random.pick(['12', '-0x1f', '0_1', ' 7 ', '+08'])}"${random.chance(0.3) ? ', 16' : ''})`,
      `max(${a}, ${b})`,
      `min([${a}, ${b}, 3])`,
      `abs(${a})`,
      `len(${this.#expression(random.pick(['str', 'list', 'dict', 'set', 'bytes'] as const), depth)})`,
      `[${a}, ${b}][${random.between(-2, 1)}]`,
      `{"k": ${a}}["k"]`,
      `True + ${a}`,
    ])
  }

  #float(): string {
    const random = this.#random
    return random.pick([
      () => String(random.next()),
      () => `${random.between(0, 99)}.`,
      () => `.${random.between(0, 99)}`,
      () => `${random.between(0, 99)}.${random.between(0, 99)}e${random.between(-20, 20)}`,
      () => `${random.between(1, 9)}E+${random.between(0, 300)}`,
      () => '5.0',
      () => '-0.5',
      () => '1_0.2_5',
      () => '1e5',
      () => '5.e3',
      () => '9007199254740993.0',
      () => '007.5',
      () => '-0.0',
    ])()
  }

  #floats(depth: number): string {
    const [a, b] = [
      this.#expression('float', depth),
      this.#expression(this.#random.pick(['int', 'float'] as const), depth),
    ]
    const random = this.#random
    return random.pick([
      `${a} + ${b}`,
      `(${b} - ${a})`,
      `${a} * ${b}`,
      `(${this.#expression('int', depth)}) / (${this.#expression('int', depth)})`,
      `(${a}) / (${b})`,
      `(${a}) // (${b})`,
      `(${b}) % (${a})`,
      `10 ** -${random.between(1, 20)}`,
      `(${random.between(1, 9)}.5) ** ${random.between(-9, 9)}`,
      `float("${random.pick(['1.5', '-2', '1e3', ' 07.5 ', '.5'])}")`,
      `float(${b})`,
      `max(${a}, ${b})`,
      `min(${a}, 1)`,
      'float(2**64 + 1)',
      '(2**64 + 1) / 3',
      '1 / (10**25 + 1)',
      '((2**53 + 1) * 2**30 + 1) / 2**30',
    ])
  }

  #text(depth: number): string {
    const random = this.#random
    if (depth > 0 && random.chance(0.35)) {
      const [a, b] = [this.#expression('str', depth - 1), this.#expression('str', depth - 1)]
      const inner = this.#named(['int', 'str', 'float', 'bool', 'none'])?.name ?? '7'
      return random.pick([
        `${a} + ${b}`,
        `(${this.#literal()} ${this.#literal()}\n   ${this.#literal()})`,
        `${this.#literal()} * ${random.between(0, 3)}`,
        `f"a{${inner}}b{{c}}{1 + 1}"`,
        `f'{${inner}!s}' "x" rf"\\d{2}"`,
        `F"""{ ${inner} }\n{'in'}"""`,
        `f"{1.5} {1e16} {1e-5} {True} {None} {-3}"`,
        `str(${this.#expression(random.pick(['int', 'float', 'str', 'bool'] as const), 0)})`,
        `("${random.pick(['yes', 'No', ''])}" or ${a})`,
        `"${random.pick(['yes', 'No', ' x '])}".${random.pick(['lower', 'upper', 'strip'])}()`,
        `"abc"[${random.between(-3, 2)}]`,
      ])
    }
    return this.#literal()
  }

  #literal(): string {
    const random = this.#random
    const word = random.pick(WORDS)
    return random.pick([
      () => `'${escaped(word, "'")}'`,
      () => `"${escaped(word, '"')}"`,
      () => `u"${escaped(word, '"')}"`,
      () => `"""${escaped(word, '"').replaceAll('\\n', '\n')}"""`,
      () => `'''a\n${escaped(word, "'")}'''`,
      () => `r'${word.replaceAll(/['\n\\]/g, '')}\\d'`,
      () => `"\\x41\\u00e9\\U0001F600\\101\\t\\a\\'\\q\\\n."`,
      () => `R"${word.replaceAll(/["\n\\]/g, '')}"`,
      () => "''",
    ])()
  }

  #condition(depth: number): string {
    const random = this.#random
    const [a, b] = [this.#expression('int', depth), this.#expression('int', depth)]
    return random.pick([
      `${this.#literal()} == ${this.#literal()}`,
      `(${a}) ${random.pick(['<', '<=', '>', '>=', '==', '!='])} (${b})`,
      `(${this.#expression('float', 0)}) < (${a})`,
      `not ${this.#expression(random.pick(KINDS), 0)}`,
      `(${a}) in [1, 2, 3]`,
      `"a" not in "abc"`,
      'None is not None',
      `bool(${a})`,
      `(True and ${this.#expression('bool', depth)})`,
      'not True == False',
      'True & False',
      '(True | False) ^ True',
      `"a" < "b"`,
    ])
  }
}

function escaped(word: string, quote: string): string {
  return word.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`)
}
