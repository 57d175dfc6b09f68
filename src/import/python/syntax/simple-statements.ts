import type { ExpressionParser } from './expression-parser.ts'
import type { SyntaxNode } from './node.ts'
import { checkDeleted, checkSingleTarget, checkTargets } from './targets.ts'
import type { TokenCursor } from './token-cursor.ts'
import { rejectAt } from './tokens.ts'

/** What a statement is in: the file, a class or a function, and whether a loop is around it there. */
export interface Context {
  readonly kind: 'module' | 'class' | 'function' | 'async'
  readonly inLoop: boolean
}

const UPDATES: ReadonlySet<string> = new Set('+= -= *= /= //= %= @= &= |= ^= >>= <<= **='.split(' '))
const WORDS: Readonly<Record<string, string>> = {
  pass: 'PassStatement',
  break: 'BreakStatement',
  continue: 'ContinueStatement',
}

/** Parses the statements of one line. Every method reads from the cursor on. */
export class SimpleStatementParser {
  readonly #cursor: TokenCursor
  readonly #expressions: ExpressionParser
  readonly #text: string

  constructor(cursor: TokenCursor, expressions: ExpressionParser, text: string) {
    this.#cursor = cursor
    this.#expressions = expressions
    this.#text = text
  }

  /** Statements between semicolons up to the end of the line: one node. */
  line(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const first = this.#statement(context)
    const parts = [first]
    while (cursor.is(';')) {
      parts.push(cursor.take())
      if (cursor.isKind('newline') || cursor.isKind('end')) break
      parts.push(this.#statement(context))
    }
    if (!cursor.isKind('end')) this.#endLine(first)
    return parts.length > 1 ? cursor.node('StatementGroup', parts) : first
  }

  #endLine(last: SyntaxNode): void {
    const cursor = this.#cursor
    const word = last.name === 'ExpressionStatement' ? this.#text.slice(last.from, last.to) : ''
    if ((word === 'print' || word === 'exec') && !cursor.isKind('newline'))
      rejectAt(last.from, `"${word}" without parentheses is Python 2`)
    cursor.expectKind('newline')
  }

  #statement(context: Context): SyntaxNode {
    const cursor = this.#cursor
    const { kind, text, from } = cursor.peek()
    const word = kind === 'name' && Object.hasOwn(WORDS, text) ? WORDS[text] : undefined
    if (word !== undefined) {
      if (text !== 'pass' && !context.inLoop) rejectAt(from, `"${text}" outside a loop`)
      return cursor.node(word, [cursor.take()])
    }
    if (cursor.is('return')) return this.#return(context)
    if (cursor.is('raise')) return this.#raise()
    if (cursor.is('global') || cursor.is('nonlocal')) return this.#scope(context)
    if (cursor.is('del')) return this.#delete()
    if (cursor.is('assert')) return this.#assert()
    if (cursor.is('import') || cursor.is('from')) return this.#import(context)
    if (cursor.is('yield')) return cursor.node('YieldStatement', [this.#expressions.yield()])
    if (cursor.is('type') && cursor.isName(1) && (cursor.is('=', 2) || cursor.is('[', 2)))
      return this.#typeAlias()
    return this.#expression()
  }

  #return({ kind }: Context): SyntaxNode {
    const cursor = this.#cursor
    if (kind === 'module' || kind === 'class') cursor.reject('"return" outside a function')
    const parts = [cursor.take()]
    if (!cursor.isKind('newline') && !cursor.isKind('end') && !cursor.is(';'))
      parts.push(...this.#expressions.list())
    return cursor.node('ReturnStatement', parts)
  }

  #raise(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take()]
    if (!cursor.isKind('newline') && !cursor.isKind('end') && !cursor.is(';')) {
      parts.push(this.#expressions.test())
      if (cursor.is('from')) parts.push(cursor.take(), this.#expressions.test())
    }
    return cursor.node('RaiseStatement', parts)
  }

  #scope({ kind }: Context): SyntaxNode {
    const cursor = this.#cursor
    if (cursor.is('nonlocal') && kind === 'module') cursor.reject('"nonlocal" outside a function')
    const parts = [cursor.take(), cursor.expectName()]
    while (cursor.is(',')) parts.push(cursor.take(), cursor.expectName())
    return cursor.node('ScopeStatement', parts)
  }

  #delete(): SyntaxNode {
    const sign = this.#cursor.take()
    const targets = this.#expressions.list(() => [this.#expressions.bitOr()])
    checkDeleted(targets, this.#text)
    return this.#cursor.node('DeleteStatement', [sign, ...targets])
  }

  #assert(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take(), this.#expressions.test()]
    if (cursor.is(',')) parts.push(cursor.take(), this.#expressions.test())
    return cursor.node('AssertStatement', parts)
  }

  #typeAlias(): SyntaxNode {
    const cursor = this.#cursor
    const parts = [cursor.take(), cursor.expectName(), ...this.typeParameters()]
    parts.push(cursor.expect('=', 'AssignOp'), this.#expressions.test())
    return cursor.node('TypeDefinition', parts)
  }

  /** `[T: int = str, *Ts, **P]`, where there are any. */
  typeParameters(): SyntaxNode[] {
    const cursor = this.#cursor
    if (!cursor.is('[')) return []
    const parts = [cursor.take()]
    do {
      const star = cursor.is('*')
      parts.push(...cursor.takeIf('*'), ...cursor.takeIf('**'), cursor.expectName())
      if (cursor.is(':')) parts.push(cursor.take(), this.#expressions.test())
      if (cursor.is('=')) {
        parts.push(cursor.take('AssignOp'))
        if (star) parts.push(...cursor.takeIf('*'))
        parts.push(this.#expressions.test())
      }
      if (!cursor.is(',')) break
      parts.push(cursor.take())
    } while (!cursor.is(']'))
    return [cursor.node('TypeParamList', [...parts, cursor.expect(']')])]
  }

  #import({ kind }: Context): SyntaxNode {
    const cursor = this.#cursor
    const isFrom = cursor.is('from')
    const parts = [cursor.take()]
    if (isFrom) {
      while (cursor.is('.') || cursor.is('...')) parts.push(cursor.take())
      if (!cursor.is('import') || parts.length === 1) parts.push(...this.#dotted())
      parts.push(cursor.expect('import'))
    }
    if (isFrom && cursor.is('*')) {
      if (kind !== 'module') cursor.reject('"import *" inside a function or a class')
      parts.push(cursor.take())
    } else if (isFrom && cursor.is('(')) {
      parts.push(cursor.take(), ...this.#importedNames(isFrom, ')'), cursor.expect(')'))
    } else parts.push(...this.#importedNames(isFrom))
    return cursor.node('ImportStatement', parts)
  }

  #importedNames(isFrom: boolean, end = ''): SyntaxNode[] {
    const cursor = this.#cursor
    const parts: SyntaxNode[] = []
    for (;;) {
      parts.push(...(isFrom ? [cursor.expectName()] : this.#dotted()))
      if (cursor.is('as')) parts.push(cursor.take(), cursor.expectName())
      if (!cursor.is(',')) return parts
      parts.push(cursor.take())
      if (end !== '' && cursor.is(end)) return parts
    }
  }

  #dotted(): SyntaxNode[] {
    const cursor = this.#cursor
    const parts = [cursor.expectName()]
    while (cursor.is('.')) parts.push(cursor.take(), cursor.expectName())
    return parts
  }

  /** Expressions that stand alone, or are assigned to. */
  #expression(): SyntaxNode {
    const cursor = this.#cursor
    const parts = this.#expressions.list()
    if (cursor.is(':')) return this.#annotated(parts)
    if (cursor.isAny(UPDATES)) {
      if (parts.length !== 1) cursor.reject('only a single name can be updated')
      checkSingleTarget(inner(parts[0]), this.#text)
      return cursor.node('UpdateStatement', [...parts, cursor.take('UpdateOp'), ...this.#value(false)])
    }
    if (!cursor.is('=')) return cursor.node('ExpressionStatement', parts)
    let targets = parts
    while (cursor.is('=')) {
      checkTargets(targets, this.#text)
      parts.push(cursor.take('AssignOp'))
      targets = this.#value(true)
      parts.push(...targets)
    }
    return cursor.node('AssignStatement', parts)
  }

  #annotated(parts: readonly SyntaxNode[]): SyntaxNode {
    const cursor = this.#cursor
    if (parts.length !== 1) cursor.reject('only a single name can be annotated')
    checkSingleTarget(inner(parts[0]), this.#text)
    const type = cursor.node('TypeDef', [cursor.take(), this.#expressions.test()])
    const value = cursor.is('=') ? [cursor.take('AssignOp'), ...this.#value(true)] : []
    if (cursor.is('=')) cursor.reject('only a single name can be annotated')
    return cursor.node('AssignStatement', [...parts, type, ...value])
  }

  #value(starred: boolean): SyntaxNode[] {
    if (this.#cursor.is('yield')) return [this.#expressions.yield()]
    return starred ? this.#expressions.list() : this.#expressions.list(() => [this.#expressions.test()])
  }
}

function inner(node: SyntaxNode | undefined): SyntaxNode | undefined {
  let found = node
  while (found?.name === 'ParenthesizedExpression') found = found.children[1]
  return found
}
