import { ExpressionParser } from './expression-parser.ts'
import { SyntaxNode } from './node.ts'
import { readParameters } from './parameters.ts'
import { PatternParser } from './pattern-parser.ts'
import { type Context, SimpleStatementParser } from './simple-statements.ts'
import { checkTargets } from './targets.ts'
import { TokenCursor } from './token-cursor.ts'
import { tokenize } from './tokenizer.ts'
import { rejectAt, type Span } from './tokens.ts'

/** A file as a tree, whose root is a `Script`, and its comments. */
export interface Syntax {
  readonly script: SyntaxNode
  readonly comments: readonly Span[]
}

/**
 * Parses a file as CPython does, and executes nothing. It accepts what any of CPython 3.6 to 3.13 compiles. Of what
 * they reject it may accept a little: names that are declared too late, `from __future__` below other statements.
 * @throws InvalidPython with the place of the first error.
 */
export function parsePython(text: string): Syntax {
  const tokens = tokenize(text)
  return { script: new Parser(new TokenCursor(tokens), text).script(), comments: tokens.comments }
}

const MODULE: Context = { kind: 'module', inLoop: false }

class Parser {
  readonly #cursor: TokenCursor
  readonly #expressions: ExpressionParser
  readonly #simple: SimpleStatementParser
  readonly #patterns: PatternParser
  readonly #text: string

  constructor(cursor: TokenCursor, text: string) {
    this.#cursor = cursor
    this.#text = text
    this.#expressions = new ExpressionParser(cursor, text)
    this.#simple = new SimpleStatementParser(cursor, this.#expressions, text)
    this.#patterns = new PatternParser(cursor, this.#expressions)
  }

  script(): SyntaxNode {
    const statements: SyntaxNode[] = []
    while (!this.#cursor.isKind('end')) statements.push(this.#statement(MODULE))
    return new SyntaxNode('Script', 0, this.#text.length, statements)
  }

  #statement(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const second = cursor.is('async') ? cursor.peek(1).text : undefined
    if (second === 'def') return this.#function(context)
    if (second === 'with' || second === 'for') {
      if (context.kind !== 'async') cursor.reject(`"async ${second}" outside an async function`)
      return second === 'with' ? this.#with(context) : this.#loop('ForStatement', context)
    }
    if (cursor.is('if')) return this.#if(context)
    if (cursor.is('while')) return this.#loop('WhileStatement', context)
    if (cursor.is('for')) return this.#loop('ForStatement', context)
    if (cursor.is('try')) return this.#try(context)
    if (cursor.is('with')) return this.#with(context)
    if (cursor.is('def')) return this.#function(context)
    if (cursor.is('class')) return this.#class(context)
    if (cursor.is('@')) return this.#decorated(context)
    return cursor.is('match') && this.#isMatch() ? this.#match(context) : this.#simple.line(context)
  }

  #body(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.expect(':')]
    if (cursor.isKind('newline')) {
      cursor.take()
      this.#block(parts, () => this.#statement(context))
    } else parts.push(this.#simple.line(context))
    return cursor.node('Body', parts)
  }

  /** Indented statements. */
  #block(parts: SyntaxNode[], statement: () => SyntaxNode): void {
    const cursor = this.#cursor
    if (!cursor.isKind('indent'))
      cursor.reject(cursor.isKind('end') ? undefined : 'an indented block is missing')
    cursor.take()
    while (!cursor.isKind('dedent')) parts.push(statement())
    cursor.take()
  }

  #if(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take(), this.#expressions.namedTest(), this.#body(context)]
    while (cursor.is('elif')) parts.push(cursor.take(), this.#expressions.namedTest(), this.#body(context))
    parts.push(...this.#else(context))
    return cursor.node('IfStatement', parts)
  }

  #else(context: Context): SyntaxNode[] {
    return this.#cursor.is('else') ? [this.#cursor.take(), this.#body(context)] : []
  }

  #loop(name: 'ForStatement' | 'WhileStatement', context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [...cursor.takeIf('async'), cursor.take()]
    if (name === 'WhileStatement') parts.push(this.#expressions.namedTest())
    else parts.push(...this.#expressions.targets(), cursor.expect('in'), ...this.#expressions.list())
    parts.push(this.#body({ ...context, inLoop: true }), ...this.#else(context))
    return cursor.node(name, parts)
  }

  #try(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take(), this.#body(context)]
    let [handlers, bare] = [0, false]
    for (; cursor.is('except'); handlers++) {
      if (bare) cursor.reject('"except" without an exception is not the last one')
      parts.push(cursor.take(), ...cursor.takeIf('*'))
      bare = cursor.is(':')
      if (bare && parts.at(-1)?.name === '*') cursor.reject()
      if (!bare) parts.push(this.#expressions.test())
      if (!bare && cursor.is('as')) parts.push(cursor.take(), cursor.expectName())
      parts.push(this.#body(context))
    }
    if (handlers > 0) parts.push(...this.#else(context))
    if (cursor.is('finally')) parts.push(cursor.take(), this.#body(context))
    else if (handlers === 0) rejectAt(parts[0]?.from ?? 0, '"try" without "except" or "finally"')
    return cursor.node('TryStatement', parts)
  }

  #with(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [...cursor.takeIf('async'), cursor.take()]
    if (cursor.is('(') && cursor.peekBehindBracket().text === ':' && cursor.bracketContains('as')) {
      parts.push(cursor.take(), ...this.#withItems(')'), cursor.take())
    } else parts.push(...this.#withItems(':'))
    parts.push(this.#body(context))
    return cursor.node('WithStatement', parts)
  }

  #withItems(end: ')' | ':'): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    do {
      parts.push(this.#expressions.test())
      if (cursor.is('as')) {
        parts.push(cursor.take())
        const target = cursor.is('*') ? cursor.reject() : this.#expressions.bitOr()
        checkTargets([target], this.#text)
        parts.push(target)
      }
      if (!cursor.is(',')) break
      parts.push(cursor.take())
    } while (!(end === ')' && cursor.is(end)))
    return cursor.is(end) ? parts : cursor.reject()
  }

  #function(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const isAsync = cursor.is('async')
    const parts = [
      ...cursor.takeIf('async'),
      cursor.take(),
      cursor.expectName(),
      ...this.#simple.typeParameters(),
    ]
    const open = cursor.expect('(')
    const test = (): SyntaxNode => this.#expressions.test()
    const annotation = (starred: boolean): SyntaxNode =>
      starred && cursor.is('*')
        ? cursor.node('StarExpression', [cursor.take(), this.#expressions.bitOr()])
        : test()
    const parameters = readParameters(cursor, { test, annotation }, ')')
    parts.push(cursor.node('ParamList', [open, ...parameters, cursor.expect(')')]))
    if (cursor.is('->')) parts.push(cursor.node('TypeDef', [cursor.take(), test()]))
    parts.push(this.#inside(isAsync ? 'async' : 'function', context))
    return cursor.node('FunctionDefinition', parts)
  }

  #class(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take(), cursor.expectName(), ...this.#simple.typeParameters()]
    if (cursor.is('(')) parts.push(this.#expressions.arguments())
    parts.push(this.#inside('class', context))
    return cursor.node('ClassDefinition', parts)
  }

  /** The body of a function or a class. */
  #inside(kind: 'class' | 'function' | 'async', around: Context): SyntaxNode {
    this.#expressions.place = kind === 'class' ? 'module' : kind
    const body = this.#body({ kind, inLoop: false })
    this.#expressions.place = around.kind === 'class' ? 'module' : around.kind
    return body
  }

  #decorated(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    while (cursor.is('@')) {
      parts.push(cursor.node('Decorator', [cursor.take(), this.#expressions.namedTest()]))
      cursor.expectKind('newline')
    }
    const isFunction = cursor.is('def') || (cursor.is('async') && cursor.is('def', 1))
    if (!isFunction && !cursor.is('class')) cursor.reject()
    parts.push(isFunction ? this.#function(context) : this.#class(context))
    return cursor.node('DecoratedStatement', parts)
  }

  /** `match` is a name but where a line that begins with it ends with a colon and a `case` follows. */
  #isMatch(): boolean {
    const { last, next } = this.#cursor.peekLine()
    return last?.text === ':' && next[0]?.kind === 'indent' && next[1]?.text === 'case'
  }

  #match(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [
      cursor.take(),
      ...this.#expressions.list(() => this.#expressions.starred(() => this.#expressions.namedTest())),
    ]
    const body = [cursor.expect(':')]
    cursor.expectKind('newline')
    this.#block(body, () => this.#case(context))
    parts.push(cursor.node('MatchBody', body))
    return cursor.node('MatchStatement', parts)
  }

  #case(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.expect('case'), ...this.#patterns.patterns()]
    if (cursor.is('if')) parts.push(cursor.take(), this.#expressions.namedTest())
    parts.push(this.#body(context))
    return cursor.node('MatchClause', parts)
  }
}
