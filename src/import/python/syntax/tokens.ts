import { NotPython } from '../values/value.ts'

/** What a token is; the parts of an f-string are tokens of their own. */
export type TokenKind =
  | 'name'
  | 'number'
  | 'string'
  | 'operator'
  | 'newline'
  | 'indent'
  | 'dedent'
  | 'end'
  | 'formatStart'
  | 'formatText'
  | 'formatEnd'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly from: number
  readonly to: number
}

/** Text between `from` and `to`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** A file that Python rejects, with the place of the error. */
export class InvalidPython extends NotPython {
  readonly offset: number

  constructor(reason: string, offset: number) {
    super(reason)
    this.offset = offset
  }
}

export function rejectAt(offset: number, reason: string): never {
  throw new InvalidPython(reason, offset)
}

/** The text that all of CPython's versions have as operators and delimiters, and `<>` of Python 2. */
export const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|<>|[!=<>+\-*/%@&|^:]=|->|\*\*|\/\/|<<|>>|[-+*/%@&|^~<>=.,:;()[\]{}]/y
export const NUMBER =
  /0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?/y
export const NAME = /[\p{XID_Start}_]\p{XID_Continue}*/uy
/** Keywords that may follow a number without a space, as in `1if x else 2`. */
export const AFTER_NUMBER = /(?:and|else|for|if|in|is|not|or)/y
export const STRING_START = /([a-zA-Z]{0,2})('''|"""|'|")/y
export const STRING_PREFIXES: ReadonlySet<string> = new Set(['', 'r', 'u', 'b', 'br', 'rb', 'f', 'fr', 'rf'])

/** The match of a sticky pattern at an offset. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
