import type { SyntaxNode } from './node.ts'
import type { TokenCursor } from './token-cursor.ts'
import { rejectAt } from './tokens.ts'

/** The expressions that stand within a display. */
interface Expressions {
  starred(item: () => SyntaxNode): SyntaxNode[]
  namedTest(): SyntaxNode
  test(): SyntaxNode
  bitOr(): SyntaxNode
  binary(level: number): SyntaxNode
  yield(): SyntaxNode
  targets(): SyntaxNode[]
}

/** Parses tuples, lists, dicts, sets and comprehensions. Every method reads from the cursor on. */
export class DisplayParser {
  readonly #cursor: TokenCursor
  readonly #expressions: Expressions

  constructor(cursor: TokenCursor, expressions: Expressions) {
    this.#cursor = cursor
    this.#expressions = expressions
  }

  /** The display of the bracket at the cursor. */
  display(): SyntaxNode {
    if (this.#cursor.is('(')) return this.#parenthesized()
    return this.#cursor.is('[') ? this.#array() : this.#braces()
  }

  #parenthesized(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is('yield'))
      return cursor.node('ParenthesizedExpression', [open, this.#expressions.yield(), cursor.expect(')')])
    if (cursor.is(')')) return cursor.node('TupleExpression', [open, cursor.take()])
    const first = this.#expressions.starred(() => this.#expressions.namedTest())
    if (this.startsComprehension()) return this.#comprehended('ComprehensionExpression', open, first, ')')
    if (cursor.is(')') && first[0]?.name !== '*')
      return cursor.node('ParenthesizedExpression', [open, ...first, cursor.take()])
    if (!cursor.is(','))
      cursor.reject(first[0]?.name === '*' ? 'a star expression outside a list' : undefined)
    const parts = [
      open,
      ...first,
      cursor.take(),
      ...this.items(')', () => this.#expressions.starred(() => this.#expressions.namedTest())),
    ]
    return cursor.node('TupleExpression', [...parts, cursor.take()])
  }

  #array(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is(']')) return cursor.node('ArrayExpression', [open, cursor.take()])
    const first = this.#expressions.starred(() => this.#expressions.namedTest())
    if (this.startsComprehension())
      return this.#comprehended('ArrayComprehensionExpression', open, first, ']')
    const rest = cursor.is(',')
      ? [
          cursor.take(),
          ...this.items(']', () => this.#expressions.starred(() => this.#expressions.namedTest())),
        ]
      : []
    return cursor.node('ArrayExpression', [open, ...first, ...rest, cursor.expect(']')])
  }

  /** A dict or a set. */
  #braces(): SyntaxNode {
    const cursor = this.#cursor
    const open = cursor.take()
    if (cursor.is('}')) return cursor.node('DictionaryExpression', [open, cursor.take()])
    const first = cursor.is('**')
      ? this.#pair()
      : this.#expressions.starred(() => this.#expressions.namedTest())
    const isDict =
      first[0]?.name === '**' ||
      (first.length === 1 && first[0]?.name !== 'NamedExpression' && cursor.is(':'))
    if (isDict && first.length === 1) first.push(cursor.take(), this.#expressions.test())
    const kind = isDict ? 'Dictionary' : 'Set'
    if (this.startsComprehension()) {
      if (first[0]?.name === '**') cursor.reject('a comprehension unpacks with **')
      return this.#comprehended(`${kind}ComprehensionExpression`, open, first, '}')
    }
    const item = (): SyntaxNode[] =>
      isDict ? this.#pair() : this.#expressions.starred(() => this.#expressions.namedTest())
    const rest = cursor.is(',') ? [cursor.take(), ...this.items('}', item)] : []
    return cursor.node(`${kind}Expression`, [open, ...first, ...rest, cursor.expect('}')])
  }

  #pair(): SyntaxNode[] {
    const cursor = this.#cursor
    return cursor.is('**')
      ? [cursor.take(), this.#expressions.bitOr()]
      : [this.#expressions.test(), cursor.expect(':'), this.#expressions.test()]
  }

  /** Items between commas up to a bracket, before which the cursor then is. */
  items(end: string, item: () => SyntaxNode[]): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    while (!cursor.is(end)) {
      parts.push(...item())
      if (cursor.is(end)) break
      parts.push(cursor.expect(','))
    }
    return parts
  }

  startsComprehension(): boolean {
    return this.#cursor.is('for') || (this.#cursor.is('async') && this.#cursor.is('for', 1))
  }

  #comprehended(name: string, open: SyntaxNode, first: readonly SyntaxNode[], end: string): SyntaxNode {
    const cursor = this.#cursor
    if (first[0]?.name === '*') rejectAt(first[0].from, 'a comprehension unpacks with *')
    return cursor.node(name, [open, ...first, ...this.comprehension(), cursor.expect(end)])
  }

  comprehension(): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    while (this.startsComprehension()) {
      parts.push(
        ...cursor.takeIf('async'),
        cursor.take(),
        ...this.#expressions.targets(),
        cursor.expect('in'),
        this.#expressions.binary(1),
      )
      // Until Python 3.8 a condition could be a lambda.
      while (cursor.is('if'))
        parts.push(
          cursor.take(),
          cursor.is('lambda') ? this.#expressions.test() : this.#expressions.binary(1),
        )
    }
    return parts
  }
}
