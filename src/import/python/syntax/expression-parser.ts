import { DisplayParser } from './display-parser.ts'
import { LiteralParser } from './literal-parser.ts'
import type { SyntaxNode } from './node.ts'
import { BIT_OR, LEVELS, NOT } from './operator-levels.ts'
import { readParameters } from './parameters.ts'
import { checkSingleTarget, checkTargets } from './targets.ts'
import type { TokenCursor } from './token-cursor.ts'
import { rejectAt } from './tokens.ts'

/** Signs behind which no expression goes on: a list may end with a comma before them. */
const ENDS: ReadonlySet<string> = new Set([')', ']', '}', '=', ':', ';', 'in', '!'])

/** Parses expressions as CPython's grammar has them. Every method reads from the cursor on. */
export class ExpressionParser {
  readonly #cursor: TokenCursor
  readonly #text: string
  readonly #displays: DisplayParser
  readonly #literals: LiteralParser
  /** What the cursor is in; not every expression may stand everywhere. */
  place: 'module' | 'function' | 'async' = 'module'

  constructor(cursor: TokenCursor, text: string) {
    this.#cursor = cursor
    this.#text = text
    this.#displays = new DisplayParser(cursor, this)
    this.#literals = new LiteralParser(cursor, text, this)
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
    return this.binary(BIT_OR)
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
      const value = this.binary(1)
      if (!cursor.is('if')) return value
      const parts = [value, cursor.take(), this.binary(1), cursor.expect('else'), this.test()]
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
        } else if (this.#displays.startsComprehension()) {
          generator = true
          parts.push(...this.#displays.comprehension())
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

  /** Operators that bind at least as tightly as `level`. */
  binary(level: number): SyntaxNode {
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
      left = cursor.node('BinaryExpression', [left, ...signs, this.binary(own + 1)])
    }
  }

  #not(): SyntaxNode {
    return this.#cursor.nest(() =>
      this.#cursor.node('UnaryExpression', [this.#cursor.take(), this.binary(NOT)]),
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
    const parts = [cursor.take(), ...this.#displays.items(']', () => this.#slice())]
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
    if (kind === 'number') return this.#literals.number()
    if (kind === 'string' || kind === 'formatStart') return this.#literals.strings()
    if (kind === 'name') {
      if (text === 'None') return cursor.take('None')
      return text === 'True' || text === 'False' ? cursor.take('Boolean') : cursor.expectName()
    }
    if (cursor.is('(') || cursor.is('[') || cursor.is('{')) return this.#displays.display()
    return cursor.is('...') ? cursor.take('Ellipsis') : cursor.reject()
  }
}
