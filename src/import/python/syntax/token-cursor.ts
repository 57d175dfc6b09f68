import { SyntaxNode } from './node.ts'
import type { Tokens } from './tokenizer.ts'
import { rejectAt, type Token, type TokenKind } from './tokens.ts'

/** Keywords of all versions; `async` and `await` were names until Python 3.7, and are names where they stand as one. */
const KEYWORDS: ReadonlySet<string> = new Set([
  'False',
  'None',
  'True',
  'and',
  'as',
  'assert',
  'break',
  'class',
  'continue',
  'def',
  'del',
  'elif',
  'else',
  'except',
  'finally',
  'for',
  'from',
  'global',
  'if',
  'import',
  'in',
  'is',
  'lambda',
  'nonlocal',
  'not',
  'or',
  'pass',
  'raise',
  'return',
  'try',
  'while',
  'with',
  'yield',
])
/** Deeper than any file that CPython compiles, and not too deep for the stack of this process. */
const MAX_DEPTH = 1_000

/** A position in the tokens of a file. Tokens that are taken become nodes. */
export class TokenCursor {
  readonly #tokens: readonly Token[]
  readonly #closing: ReadonlyMap<number, number>
  #at = 0
  #depth = 0
  #end = 0

  constructor({ tokens, closing }: Tokens) {
    this.#tokens = tokens
    this.#closing = closing
  }

  /** Where the token that was taken last ends. */
  get end(): number {
    return this.#end
  }

  peek(ahead = 0): Token {
    // The last token is the end, at which nothing is taken.
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token
  }

  isKind(kind: TokenKind, ahead = 0): boolean {
    return this.peek(ahead).kind === kind
  }

  /** True before this operator or keyword. */
  is(text: string, ahead = 0): boolean {
    const { kind, text: found } = this.peek(ahead)
    return found === text && (kind === 'operator' || kind === 'name')
  }

  isAny(texts: ReadonlySet<string>): boolean {
    const { kind, text } = this.peek()
    return (kind === 'operator' || kind === 'name') && texts.has(text)
  }

  isName(ahead = 0): boolean {
    const { kind, text } = this.peek(ahead)
    return kind === 'name' && !KEYWORDS.has(text)
  }

  /** The next token as a node of that name; of its own text when absent. */
  take(name?: string): SyntaxNode {
    const { text, from, to } = this.peek()
    if (this.#at < this.#tokens.length - 1) this.#at++
    this.#end = to
    return new SyntaxNode(name ?? text, from, to)
  }

  takeIf(text: string): SyntaxNode[] {
    return this.is(text) ? [this.take()] : []
  }

  expect(text: string, name?: string): SyntaxNode {
    return this.is(text) ? this.take(name) : this.reject()
  }

  expectKind(kind: TokenKind): SyntaxNode {
    return this.isKind(kind) ? this.take() : this.reject()
  }

  expectName(name = 'VariableName'): SyntaxNode {
    return this.isName() ? this.take(name) : this.reject()
  }

  /** A node of parts that were taken. */
  node(name: string, children: readonly SyntaxNode[]): SyntaxNode {
    const from = children[0]?.from ?? this.#end
    return new SyntaxNode(name, from, Math.max(from, children.at(-1)?.to ?? from), children)
  }

  /** The token behind the bracket that closes the one before which the cursor is. */
  peekBehindBracket(): Token {
    const close = this.#closing.get(this.#at) ?? this.#at
    return this.#tokens[Math.min(close + 1, this.#tokens.length - 1)] as Token // in bounds
  }

  /** True when the bracket before which the cursor is directly contains this keyword. */
  bracketContains(text: string): boolean {
    const close = this.#closing.get(this.#at) ?? this.#at
    for (let i = this.#at + 1; i < close; i++) {
      if (this.#tokens[i]?.text === text && this.#tokens[i]?.kind === 'name') return true
      i = this.#closing.get(i) ?? i
    }
    return false
  }

  /** The first tokens behind the next end of a line, and the one before it. */
  peekLine(): { readonly last: Token | undefined; readonly next: readonly Token[] } {
    let at = this.#at
    while (!['newline', 'end'].includes(this.#tokens[at]?.kind ?? 'end')) at++
    return { last: this.#tokens[at - 1], next: this.#tokens.slice(at + 1, at + 3) }
  }

  /** Runs a step of a recursion. @throws InvalidPython when it goes too deep. */
  nest<Result>(work: () => Result): Result {
    if (++this.#depth > MAX_DEPTH) rejectAt(this.peek().from, `it nests deeper than ${MAX_DEPTH} levels`)
    const result = work()
    this.#depth--
    return result
  }

  reject(reason?: string): never {
    const { kind, text, from } = this.peek()
    if (reason !== undefined) return rejectAt(from, reason)
    if (kind === 'end' || (kind === 'newline' && this.#at >= this.#tokens.length - 2))
      return rejectAt(from, 'the file ends unexpectedly')
    if (kind === 'indent' || kind === 'dedent')
      return rejectAt(from, 'its indentation differs from that of its block')
    return rejectAt(
      from,
      kind === 'newline'
        ? 'the line ends unexpectedly'
        : `${JSON.stringify(text.slice(0, 40))} is unexpected`,
    )
  }
}
