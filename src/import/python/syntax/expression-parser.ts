import { readNumber } from '../values/numbers.ts'
import { joinTexts, readToken, resolveEscapes, resolveFormatText } from '../values/text.ts'
import { NotData, NotPython, pyText } from '../values/value.ts'
import type { SyntaxNode } from './node.ts'
import { readParameters } from './parameters.ts'
import { checkSingleTarget, checkTargets } from './targets.ts'
import type { TokenCursor } from './token-cursor.ts'
import { InvalidPython, rejectAt } from './tokens.ts'

/** Operators of two sides by how tightly they bind; those of one side and `**` bind tighter. */
const LEVELS: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  in: 4,
  not: 4,
  is: 4,
  '<': 4,
  '>': 4,
  '<=': 4,
  '>=': 4,
  '==': 4,
  '!=': 4,
  '|': 5,
  '^': 6,
  '&': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '//': 10,
  '%': 10,
  '@': 10,
}
const NOT = 3
const BIT_OR = 5
/** Signs behind which no expression goes on: a list may end with a comma before them. */
const ENDS: ReadonlySet<string> = new Set([')', ']', '}', '=', ':', ';', 'in', '!'])

/** Parses expressions as CPython's grammar has them. Every method reads from the cursor on. */
export class ExpressionParser {
  readonly #cursor: TokenCursor
  readonly #text: string
  /** What the cursor is in; not every expression may stand everywhere. */
  place: 'module' | 'function' | 'async' = 'module'

  constructor(cursor: TokenCursor, text: string) {
    this.#cursor = cursor
    this.#text = text
  }

  /** Expressions between commas, with stars, flat: an expression list as a statement or a value has it. */
  list(item: () => SyntaxNode[] = () => this.starred(() => this.test())): SyntaxNode[] {
    const cursor = this.#cursor
    const parts = item()
    let listed = false
    while (cursor.is(',')) {
      listed = true
      parts.push(cursor.take())
      if (this.#ends()) break
      parts.push(...item())
    }
    if (!listed && parts[0]?.name === '*') rejectAt(parts[0].from, 'a star expression outside a list')
    return parts
  }

  /** The targets of a loop. */
  targets(): SyntaxNode[] {
    const parts = this.list(() => this.starred(() => this.bitOr()))
    checkTargets(parts, this.#text)
    return parts
  }

  bitOr(): SyntaxNode {
    return this.#binary(BIT_OR)
  }

  /** A value, or an assignment of one inside an expression. */
  namedTest(): SyntaxNode {
    const cursor = this.#cursor
    const test = this.test()
    if (!cursor.is(':=')) return test
    if (test.name !== 'VariableName') cursor.reject()
    checkSingleTarget(test, this.#text)
    return cursor.node('NamedExpression', [test, cursor.take('AssignOp'), this.test()])
  }

  test(): SyntaxNode {
    const cursor = this.#cursor
    return cursor.nest(() => {
      if (cursor.is('lambda')) return this.#lambda()
      const value = this.#binary(1)
      if (!cursor.is('if')) return value
      const parts = [value, cursor.take(), this.#binary(1), cursor.expect('else'), this.test()]
      return cursor.node('ConditionalExpression', parts)
    })
  }

  yield(): SyntaxNode {
    const cursor = this.#cursor
    if (this.place === 'module') cursor.reject('"yield" outside a function')
    const parts = [cursor.expect('yield')]
    if (cursor.is('from')) parts.push(cursor.take(), this.test())
    else if (!this.#ends()) parts.push(...this.list())
    return cursor.node('YieldExpression', parts)
  }

  /** What stands between the parentheses of a call or a class, with them. */
  arguments(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.expect('(')]
    const names = new Set<string>()
    let [named, unpacked, count, generator] = [false, false, 0, false]
    while (!cursor.is(')')) {
      const { from, text } = cursor.peek()
      count++
      if (cursor.is('**')) {
        unpacked = true
        parts.push(cursor.take(), this.test())
      } else if (cursor.is('*')) {
        if (unpacked) rejectAt(from, 'a "*" argument follows a "**" argument')
        parts.push(cursor.take(), this.test())
      } else if (cursor.isName() && cursor.is('=', 1)) {
        if (names.has(text)) rejectAt(from, 'a keyword argument is repeated')
        if (text === '__debug__') rejectAt(from, '"__debug__" cannot be assigned to')
        names.add(text)
        named = true
        parts.push(cursor.take('VariableName'), cursor.take('AssignOp'), this.test())
      } else {
        if (named || unpacked) rejectAt(from, 'a positional argument follows a keyword argument')
        parts.push(this.namedTest())
        // Until Python 3.7 the name could stand in parentheses.
        if (
          parts.at(-1)?.name === 'ParenthesizedExpression' &&
          parts.at(-1)?.child('VariableName') &&
          cursor.is('=')
        ) {
          named = true
          parts.push(cursor.take('AssignOp'), this.test())
        } else if (this.#startsComprehension()) {
          generator = true
          parts.push(...this.#comprehension())
        }
      }
      if (generator && count > 1) rejectAt(from, 'a generator expression lacks its parentheses')
      if (cursor.is(')')) break
      parts.push(cursor.expect(','))
    }
    parts.push(cursor.expect(')'))
    return cursor.node('ArgList', parts)
  }

  starred(item: () => SyntaxNode): SyntaxNode[] {
    return this.#cursor.is('*') ? [this.#cursor.take(), this.bitOr()] : [item()]
  }

  /** True where a list or a statement ends. */
  #ends(): boolean {
    const { kind, text } = this.#cursor.peek()
    if (kind === 'newline' || kind === 'end') return true
    return (
      (kind === 'operator' && (ENDS.has(text) || /^[^=<>!]+=$/.test(text))) ||
      (kind === 'name' && text === 'in')
    )
  }

  #lambda(): SyntaxNode {
    const cursor = this.#cursor
    const sign = cursor.take()
    const parameters = readParameters(cursor, { test: () => this.test() }, ':')
    const parts = [sign, cursor.node('ParamList', parameters), cursor.expect(':')]
    const around = this.place
    if (around === 'module') this.place = 'function'
    parts.push(this.test())
    this.place = around
    return cursor.node('LambdaExpression', parts)
  }

  #binary(level: number): SyntaxNode {
    const cursor = this.#cursor
    let left = level <= NOT && cursor.is('not') ? this.#not() : this.#unary()
    for (;;) {
      const { kind, text } = cursor.peek()
      const own = kind === 'operator' || kind === 'name' ? LEVELS[text] : undefined
      if (own === undefined || own < level || (text === 'not' && !cursor.is('in', 1))) return left
      // What begins with "not" binds no tighter.
      if (left.name === 'UnaryExpression' && left.children[0]?.name === 'not' && own > NOT)
        return cursor.reject()
      const signs = [cursor.take()]
      if (text === 'not') signs.push(cursor.take())
      else if (text === 'is') signs.push(...cursor.takeIf('not'))
      left = cursor.node('BinaryExpression', [left, ...signs, this.#binary(own + 1)])
    }
  }

  #not(): SyntaxNode {
    return this.#cursor.nest(() =>
      this.#cursor.node('UnaryExpression', [this.#cursor.take(), this.#binary(NOT)]),
    )
  }

  #unary(): SyntaxNode {
    const cursor = this.#cursor
    return cursor.nest(() => {
      if (cursor.is('-') || cursor.is('+') || cursor.is('~'))
        return cursor.node('UnaryExpression', [cursor.take(), this.#unary()])
      const base = this.#awaited()
      return cursor.is('**') ? cursor.node('BinaryExpression', [base, cursor.take(), this.#unary()]) : base
    })
  }

  #awaited(): SyntaxNode {
    const cursor = this.#cursor
    return this.#isAwait()
      ? cursor.node('AwaitExpression', [cursor.take(), this.#primary()])
      : this.#primary()
  }

  /** In Python 3.6 `await` is a name outside of `async def`; later, generators of any function may have the operator. */
  #isAwait(): boolean {
    const cursor = this.#cursor
    if (!cursor.is('await') || this.place === 'module') return false
    return this.place === 'async' || cursor.isName(1)
  }

  #primary(): SyntaxNode {
    const cursor = this.#cursor
    let value = this.#atom()
    for (;;) {
      if (cursor.is('.'))
        value = cursor.node('MemberExpression', [value, cursor.take(), cursor.expectName('PropertyName')])
      else if (cursor.is('(')) value = cursor.node('CallExpression', [value, this.arguments()])
      else if (cursor.is('[')) value = cursor.node('MemberExpression', [value, ...this.#subscript()])
      else return value
    }
  }

  #subscript(): SyntaxNode[] {
    const cursor = this.#cursor
    const parts = [cursor.take(), ...this.#list(']', () => this.#slice())]
    if (parts.length === 1) cursor.reject()
    return [...parts, cursor.take()]
  }

  #slice(): SyntaxNode[] {
    const cursor = this.#cursor
    if (cursor.is('*')) return this.starred(() => this.test())
    const parts: SyntaxNode[] = []
    for (let colons = 0; ; colons++) {
      if (!cursor.is(':') && !cursor.is(',') && !cursor.is(']'))
        parts.push(colons === 0 ? this.namedTest() : this.test())
      if (!cursor.is(':') || colons === 2) break
      if (parts[0]?.name === 'NamedExpression') cursor.reject()
      parts.push(cursor.take())
    }
    return parts.length > 0 ? parts : cursor.reject()
  }

  /** A number, adjacent strings, or a name of a value. */
  literal(): SyntaxNode {
    return this.#atom()
  }

  #atom(): SyntaxNode {
    const cursor = this.#cursor
    const { kind, text } = cursor.peek()
    if (kind === 'number') {
      const node = cursor.take('Number')
      this.#check(node, () => readNumber(text) ?? rejectAt(node.from, 'a number is not valid Python'))
      return node
    }
    if (kind === 'string' || kind === 'formatStart') return this.#strings()
    if (kind === 'name') {
      if (text === 'None') return cursor.take('None')
      return text === 'True' || text === 'False' ? cursor.take('Boolean') : cursor.expectName()
    }
    if (cursor.is('(')) return this.#parenthesized()
    if (cursor.is('[')) return this.#array()
    if (cursor.is('{')) return this.#braces()
    return cursor.is('...') ? cursor.take('Ellipsis') : cursor.reject()
  }

  /** Adjacent literals. */
  #strings(): SyntaxNode {
    const cursor = this.#cursor
    const nodes: SyntaxNode[] = []
    while (cursor.isKind('string') || cursor.isKind('formatStart'))
      nodes.push(cursor.isKind('string') ? this.#string() : this.#formatString())
    const [first, ...more] = nodes
    if (first && more.length === 0) return first
    const isBytes = ({ from }: SyntaxNode): boolean => /^(?:b|rb)/i.test(this.#text.slice(from, from + 2))
    const node = cursor.node('ContinuedString', nodes)
    this.#check(node, () => joinTexts(nodes.map(one => pyText(isBytes(one) ? 'bytes' : 'str', ''))))
    return node
  }

  #string(): SyntaxNode {
    const { text } = this.#cursor.peek()
    const node = this.#cursor.take('String')
    this.#check(node, () => {
      const token = readToken(text)
      if (token) resolveEscapes(text.slice(token.from, token.to), token)
    })
    return node
  }

  #formatString(): SyntaxNode {
    const cursor = this.#cursor
    const start = cursor.take('formatStart')
    const raw = /^(?:fr|rf)/i.test(this.#text.slice(start.from, start.to))
    const fields: SyntaxNode[] = []
    while (!cursor.isKind('formatEnd')) {
      if (cursor.isKind('formatText')) this.#formatText(raw)
      else fields.push(this.#field(raw))
    }
    return cursor.node('FormatString', [start, ...fields, cursor.take('formatEnd')])
  }

  #formatText(raw: boolean): SyntaxNode {
    const { text } = this.#cursor.peek()
    const node = this.#cursor.take('formatText')
    this.#check(node, () => resolveFormatText(text, raw))
    return node
  }

  #field(raw: boolean): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.expect('{'), ...(cursor.is('yield') ? [this.yield()] : this.list())]
    if (cursor.is('=')) parts.push(cursor.take('FormatSelfDoc'))
    if (cursor.is('!')) {
      const sign = cursor.take()
      if (!/^[sra]$/.test(cursor.peek().text)) cursor.reject()
      parts.push(cursor.node('FormatConversion', [sign, cursor.take('VariableName')]))
    }
    if (cursor.is(':')) {
      const spec = [cursor.take()]
      while (!cursor.is('}'))
        spec.push(cursor.isKind('formatText') ? this.#formatText(raw) : this.#field(raw))
      parts.push(cursor.node('FormatSpec', spec))
    }
    parts.push(cursor.expect('}'))
    return cursor.node('FormatReplacement', parts)
  }

  #parenthesized(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is('yield'))
      return cursor.node('ParenthesizedExpression', [open, this.yield(), cursor.expect(')')])
    if (cursor.is(')')) return cursor.node('TupleExpression', [open, cursor.take()])
    const first = this.starred(() => this.namedTest())
    if (this.#startsComprehension()) return this.#comprehended('ComprehensionExpression', open, first, ')')
    if (cursor.is(')') && first[0]?.name !== '*')
      return cursor.node('ParenthesizedExpression', [open, ...first, cursor.take()])
    if (!cursor.is(','))
      cursor.reject(first[0]?.name === '*' ? 'a star expression outside a list' : undefined)
    const parts = [
      open,
      ...first,
      cursor.take(),
      ...this.#list(')', () => this.starred(() => this.namedTest())),
    ]
    return cursor.node('TupleExpression', [...parts, cursor.take()])
  }

  #array(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is(']')) return cursor.node('ArrayExpression', [open, cursor.take()])
    const first = this.starred(() => this.namedTest())
    if (this.#startsComprehension())
      return this.#comprehended('ArrayComprehensionExpression', open, first, ']')
    const rest = cursor.is(',')
      ? [cursor.take(), ...this.#list(']', () => this.starred(() => this.namedTest()))]
      : []
    return cursor.node('ArrayExpression', [open, ...first, ...rest, cursor.expect(']')])
  }

  /** A dict or a set. */
  #braces(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is('}')) return cursor.node('DictionaryExpression', [open, cursor.take()])
    const first = cursor.is('**') ? this.#pair() : this.starred(() => this.namedTest())
    const isDict =
      first[0]?.name === '**' ||
      (first.length === 1 && first[0]?.name !== 'NamedExpression' && cursor.is(':'))
    if (isDict && first.length === 1) first.push(cursor.take(), this.test())
    const kind = isDict ? 'Dictionary' : 'Set'
    if (this.#startsComprehension()) {
      if (first[0]?.name === '**') cursor.reject('a comprehension unpacks with **')
      return this.#comprehended(`${kind}ComprehensionExpression`, open, first, '}')
    }
    const item = (): SyntaxNode[] => (isDict ? this.#pair() : this.starred(() => this.namedTest()))
    const rest = cursor.is(',') ? [cursor.take(), ...this.#list('}', item)] : []
    return cursor.node(`${kind}Expression`, [open, ...first, ...rest, cursor.expect('}')])
  }

  #pair(): SyntaxNode[] {
    const cursor = this.#cursor
    return cursor.is('**') ? [cursor.take(), this.bitOr()] : [this.test(), cursor.expect(':'), this.test()]
  }

  /** Items between commas up to a bracket, before which the cursor then is. */
  #list(end: string, item: () => SyntaxNode[]): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    while (!cursor.is(end)) {
      parts.push(...item())
      if (cursor.is(end)) break
      parts.push(cursor.expect(','))
    }
    return parts
  }

  #startsComprehension(): boolean {
    return this.#cursor.is('for') || (this.#cursor.is('async') && this.#cursor.is('for', 1))
  }

  #comprehended(name: string, open: SyntaxNode, first: readonly SyntaxNode[], end: string): SyntaxNode {
    const cursor = this.#cursor
    if (first[0]?.name === '*') rejectAt(first[0].from, 'a comprehension unpacks with *')
    return cursor.node(name, [open, ...first, ...this.#comprehension(), cursor.expect(end)])
  }

  #comprehension(): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    while (this.#startsComprehension()) {
      parts.push(
        ...cursor.takeIf('async'),
        cursor.take(),
        ...this.targets(),
        cursor.expect('in'),
        this.#binary(1),
      )
      // Until Python 3.8 a condition could be a lambda.
      while (cursor.is('if')) parts.push(cursor.take(), cursor.is('lambda') ? this.test() : this.#binary(1))
    }
    return parts
  }

  /** Places what a literal is rejected for. What is no data is still valid Python. */
  #check(node: SyntaxNode, work: () => unknown): void {
    try {
      work()
    } catch (error) {
      if (error instanceof InvalidPython) throw error
      if (error instanceof NotPython) rejectAt(node.from, error.message)
      if (!(error instanceof NotData)) throw error
    }
  }
}
