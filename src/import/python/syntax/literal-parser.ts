import { readNumber } from '../values/numbers.ts'
import { joinTexts, readToken, resolveEscapes, resolveFormatText } from '../values/text.ts'
import { NotData, NotPython, pyText } from '../values/value.ts'
import type { SyntaxNode } from './node.ts'
import type { TokenCursor } from './token-cursor.ts'
import { InvalidPython, rejectAt } from './tokens.ts'

/** The expressions that stand within a format string. */
interface Expressions {
  list(): SyntaxNode[]
  yield(): SyntaxNode
}

/** Parses numbers, strings and format strings. Every method reads from the cursor on. */
export class LiteralParser {
  readonly #cursor: TokenCursor
  readonly #text: string
  readonly #expressions: Expressions

  constructor(cursor: TokenCursor, text: string, expressions: Expressions) {
    this.#cursor = cursor
    this.#text = text
    this.#expressions = expressions
  }

  number(): SyntaxNode {
    const { text } = this.#cursor.peek()
    const node = this.#cursor.take('Number')
    this.#check(node, () => readNumber(text) ?? rejectAt(node.from, 'a number is not valid Python'))
    return node
  }

  /** Adjacent strings. */
  strings(): SyntaxNode {
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
    const parts = [
      cursor.expect('{'),
      ...(cursor.is('yield') ? [this.#expressions.yield()] : this.#expressions.list()),
    ]
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
