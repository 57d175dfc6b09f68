import type { SyntaxNode } from './syntax/node.ts'
import { readToken, resolveEscapes, resolveFormatText, toText } from './values/text.ts'
import { NotData, NotPython, type PyValue, pyText } from './values/value.ts'

/** A string or bytes literal. */
export function readString(token: string): PyValue {
  const parts = readToken(token) ?? unreadable()
  return pyText(parts.bytes ? 'bytes' : 'str', resolveEscapes(token.slice(parts.from, parts.to), parts))
}

/**
 * An f-string with its values; `{x!s}` is `{x}`.
 * @throws NotData for a format, a conversion or a width, which are not computed.
 */
export function readFormatString(
  node: SyntaxNode,
  token: string,
  evaluate: (node: SyntaxNode) => PyValue,
): PyValue {
  const parts = readToken(token) ?? unreadable()
  let at = parts.from
  let result = ''
  const literal = (to: number): string => resolveFormatText(token.slice(at, to), parts.raw)
  for (const child of node.children) {
    if (child.name !== 'FormatReplacement') continue
    const [, value, ...rest] = child.children
    const extra = rest
      .filter(({ name }) => name !== '}')
      .map(({ from, to }) => token.slice(from - node.from, to - node.from))
    if (!value || extra.some(one => one !== '!s'))
      throw new NotData(`an f-string formats with "${extra.join('')}"`)
    result += literal(child.from - node.from) + toText(evaluate(value))
    at = child.to - node.from
  }
  return pyText('str', result + literal(parts.to))
}

function unreadable(): never {
  throw new NotPython('a string is unterminated or has an unknown prefix')
}
