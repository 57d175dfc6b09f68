import type { ExpressionParser } from './expression-parser.ts'
import type { SyntaxNode } from './node.ts'
import type { TokenCursor } from './token-cursor.ts'

const SINGLETONS: ReadonlySet<string> = new Set(['None', 'True', 'False'])

/** Parses the patterns of a `match` statement. Names that a pattern binds are nodes `CapturePattern`. */
export class PatternParser {
  readonly #cursor: TokenCursor
  readonly #expressions: ExpressionParser

  constructor(cursor: TokenCursor, expressions: ExpressionParser) {
    this.#cursor = cursor
    this.#expressions = expressions
  }

  /** What stands between `case` and its colon or `if`. */
  patterns(): SyntaxNode[] {
    const parts = this.#starred()
    const star = parts.length > 1
    if (!this.#cursor.is(',')) return star ? this.#cursor.reject() : parts
    while (this.#cursor.is(',')) {
      parts.push(this.#cursor.take())
      if (this.#cursor.is(':') || this.#cursor.is('if')) break
      parts.push(...this.#starred())
    }
    return parts
  }

  #starred(): SyntaxNode[] {
    return this.#cursor.is('*') ? [this.#cursor.take(), this.#capture()] : [this.#pattern()]
  }

  #capture(): SyntaxNode {
    return this.#cursor.node('CapturePattern', [this.#cursor.expectName()])
  }

  #pattern(): SyntaxNode {
    const cursor = this.#cursor
    return cursor.nest(() => {
      const parts = [this.#closed()]
      while (cursor.is('|')) parts.push(cursor.take(), this.#closed())
      const or = parts.length > 1 ? cursor.node('OrPattern', parts) : (parts[0] as SyntaxNode) // it has one
      if (!cursor.is('as')) return or
      return cursor.node('AsPattern', [or, cursor.take(), this.#capture()])
    })
  }

  #closed(): SyntaxNode {
    const cursor = this.#cursor
    const { kind, text } = cursor.peek()
    if (cursor.is('(')) return this.#sequence(')')
    if (cursor.is('[')) return this.#sequence(']')
    if (cursor.is('{')) return this.#mapping()
    if (kind === 'number' || kind === 'string' || cursor.is('-') || SINGLETONS.has(text))
      return this.#literal()
    if (!cursor.is('.', 1) && !cursor.is('(', 1)) return this.#capture()
    const name = this.#dotted()
    return cursor.is('(') ? cursor.node('ClassPattern', [name, ...this.#arguments()]) : name
  }

  #dotted(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.expectName()]
    while (cursor.is('.')) parts.push(cursor.take(), cursor.expectName('PropertyName'))
    return cursor.node('AttributePattern', parts)
  }

  /** A literal, or a sum of a number and an imaginary one. */
  #literal(): SyntaxNode {
    const cursor = this.#cursor
    const { kind, text } = cursor.peek()
    if (kind === 'string' || SINGLETONS.has(text))
      return cursor.node('LiteralPattern', [this.#expressions.literal()])
    const parts = [...cursor.takeIf('-'), this.#number()]
    if (cursor.is('+') || cursor.is('-')) parts.push(cursor.take(), this.#number())
    return cursor.node('LiteralPattern', parts)
  }

  #number(): SyntaxNode {
    return this.#cursor.isKind('number') ? this.#expressions.literal() : this.#cursor.reject()
  }

  #sequence(end: ')' | ']'): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take()]
    while (!cursor.is(end)) {
      parts.push(...this.#starred())
      if (cursor.is(end)) break
      parts.push(cursor.expect(','))
    }
    parts.push(cursor.take())
    return cursor.node('SequencePattern', parts)
  }

  #mapping(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take()]
    while (!cursor.is('}')) {
      if (cursor.is('**')) parts.push(cursor.take(), this.#capture())
      else {
        const isName = cursor.isName()
        parts.push(isName ? this.#dotted() : this.#literal(), cursor.expect(':'), this.#pattern())
      }
      if (cursor.is('}')) break
      parts.push(cursor.expect(','))
    }
    parts.push(cursor.take())
    return cursor.node('MappingPattern', parts)
  }

  #arguments(): SyntaxNode[] {
    const cursor = this.#cursor
    const parts = [cursor.take()]
    let named = false
    while (!cursor.is(')')) {
      if (cursor.isName() && cursor.is('=', 1)) {
        named = true
        parts.push(cursor.take('VariableName'), cursor.take('AssignOp'))
      } else if (named) cursor.reject('a positional pattern follows a keyword pattern')
      parts.push(this.#pattern())
      if (cursor.is(')')) break
      parts.push(cursor.expect(','))
    }
    parts.push(cursor.take())
    return parts
  }
}
