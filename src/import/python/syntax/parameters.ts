import type { SyntaxNode } from './node.ts'
import type { TokenCursor } from './token-cursor.ts'
import { rejectAt } from './tokens.ts'

/** Reads the expressions in a list of parameters. */
export interface ParameterExpressions {
  /** A default. */
  readonly test: () => SyntaxNode
  /** What follows the colon of an annotation; absent for a lambda, whose parameters have none. */
  readonly annotation?: (starred: boolean) => SyntaxNode
}

/** Reads the parameters of a function or a lambda, up to `end`. @throws InvalidPython for what Python rejects. */
export function readParameters(
  cursor: TokenCursor,
  { test, annotation }: ParameterExpressions,
  end: ')' | ':',
): SyntaxNode[] {
  const parts: SyntaxNode[] = []
  const names = new Set<string>()
  const seen = { slash: false, star: false, stars: false, preset: false }
  const readName = (starred: boolean): void => {
    if (names.has(cursor.peek().text)) cursor.reject('a parameter has the name of another one')
    names.add(cursor.peek().text)
    parts.push(cursor.expectName())
    if (annotation && cursor.is(':')) {
      const colon = cursor.take()
      parts.push(cursor.node('TypeDef', [colon, annotation(starred)]))
    }
  }
  while (!cursor.is(end)) {
    const { from } = cursor.peek()
    if (seen.stars) rejectAt(from, 'a parameter follows "**"')
    if (cursor.is('/')) {
      if (seen.slash || seen.star || names.size === 0) rejectAt(from, '"/" is unexpected')
      seen.slash = true
      parts.push(cursor.take())
    } else if (cursor.is('**')) {
      seen.stars = true
      parts.push(cursor.take())
      readName(false)
    } else if (cursor.is('*')) {
      if (seen.star) rejectAt(from, '"*" is unexpected')
      seen.star = true
      parts.push(cursor.take())
      if (cursor.isName()) readName(true)
      else if (!cursor.is(',') || !cursor.isName(1)) rejectAt(from, 'a parameter is missing after "*"')
    } else {
      readName(false)
      if (cursor.is('=')) {
        parts.push(cursor.take('AssignOp'), test())
        if (!seen.star) seen.preset = true
      } else if (seen.preset && !seen.star)
        rejectAt(from, 'a parameter without a default follows one with a default')
    }
    if (cursor.is(end)) break
    parts.push(cursor.expect(','))
  }
  return parts
}
