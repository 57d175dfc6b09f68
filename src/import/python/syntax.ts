import type { SyntaxNode, SyntaxNodeRef, Tree } from '@lezer/common'
import { readNumber } from './numbers.ts'
import { joinTexts, readToken, resolveEscapes } from './text.ts'
import { childrenOf, type Lines } from './tree.ts'
import { NotData, NotPython, pyText } from './value.ts'

/*
 * What Python would refuse a file for. The grammar recovers from errors and is laxer than Python, as an
 * editor wants it: it leaves a mark where it recovered, and the rest is looked for here.
 */

/** Why Python refuses a file, and where. */
export interface SyntaxProblem {
  readonly line: number
  readonly reason: string
}

/** Refuses what would take the parser long: so many brackets that are not closed, wherever they stand. */
export function findBrackets(text: string): SyntaxProblem | undefined {
  let depth = 0
  for (const { 0: bracket, index } of text.matchAll(/[([{}\])]/g)) {
    depth = /[([{]/.test(bracket) ? depth + 1 : Math.max(0, depth - 1)
    if (depth > MOST_LEVELS)
      return {
        line: text.slice(0, index).split('\n').length,
        reason: `its brackets nest deeper than ${MOST_LEVELS} levels`,
      }
  }
  return undefined
}

/** The first thing that Python would not take, or undefined. */
export function findSyntaxProblem(tree: Tree, text: string, lines: Lines): SyntaxProblem | undefined {
  let found = findDepth(tree, lines)
  if (found) return found
  tree.iterate({
    enter(ref) {
      if (found) return false
      const reason = ref.type.isError ? broken(ref, text) : check(ref, text)
      if (reason !== undefined) found = { line: lines.lineOf(ref.from), reason }
      else if (ref.name === 'Script' || ref.name === 'Body') found = checkIndents(ref.node, text, lines)
      return undefined
    },
  })
  return found ?? findLooseBackslash(tree, text, lines)
}

/**
 * More than Python takes in brackets; with more than 600 the parser gives up a chain of operators as if it
 * were an error.
 */
const MOST_LEVELS = 500

function findDepth(tree: Tree, lines: Lines): SyntaxProblem | undefined {
  let [depth, found]: [number, number | undefined] = [0, undefined]
  tree.iterate({
    enter({ from }) {
      if (++depth > MOST_LEVELS) found ??= from
    },
    leave() {
      depth--
    },
  })
  return found === undefined
    ? undefined
    : { line: lines.lineOf(found), reason: `it nests deeper than ${MOST_LEVELS} levels` }
}

/** A line that goes on, into an empty one. */
function findLooseBackslash(tree: Tree, text: string, lines: Lines): SyntaxProblem | undefined {
  for (const { index } of text.matchAll(/\\\n[ \t]*(?:\n|$)/g)) {
    const { name } = tree.resolveInner(index, 1)
    if (!/String|Comment|Escape/.test(name))
      return { line: lines.lineOf(index), reason: 'a continuation ("\\") is followed by no line' }
  }
  return undefined
}

function broken({ node, from, to }: SyntaxNodeRef, text: string): string | undefined {
  // A bare `yield` is right, but the grammar wants a value after it.
  if (from === to && node.parent?.name === 'YieldExpression') return undefined
  if (from < to) return `${JSON.stringify(text.slice(from, Math.min(to, from + 40)))} is unexpected`
  const next = /^\s*(\S{1,20})/.exec(text.slice(from, from + 200))?.[1]
  return next === undefined
    ? 'the file ends unexpectedly'
    : `something is missing before ${JSON.stringify(next)}`
}

function check({ name, node, from, to }: SyntaxNodeRef, text: string): string | undefined {
  switch (name) {
    case 'PrintStatement':
      return '"print" without parentheses is Python 2'
    case 'CompareOp':
      return text.slice(from, to) === '<>' ? '"<>" is Python 2' : undefined
    case 'Number':
      return reasonOf(() => readNumber(text.slice(from, to)) ?? refuse('a number is not valid Python'))
    case 'String':
      return reasonOf(() => {
        const token =
          readToken(text.slice(from, to)) ?? refuse('a string is unterminated or has an unknown prefix')
        resolveEscapes(text.slice(from + token.from, from + token.to), token)
      })
    case 'FormatString':
      return readToken(text.slice(from, to)) ? undefined : 'a string is unterminated or has an unknown prefix'
    case 'ContinuedString':
      return reasonOf(() =>
        joinTexts(childrenOf(node).map(child => pyText(isBytes(text, child) ? 'bytes' : 'str', ''))),
      )
    case 'ReturnStatement':
      return inFunction(node) ? undefined : '"return" outside a function'
    case 'YieldExpression':
    case 'YieldStatement':
      return inFunction(node) ? undefined : '"yield" outside a function'
    case 'AssignStatement':
    case 'UpdateStatement':
      return checkTargets(node, text)
    case 'TryStatement':
      return childrenOf(node).some(({ name }) => name === 'except' || name === 'finally')
        ? undefined
        : '"try" without "except" or "finally"'
    case 'ParenthesizedExpression':
      return childrenOf(node).some(({ name }) => name === '*')
        ? 'a star expression outside a list'
        : undefined
    case 'ImportStatement':
      return checkImport(node)
    case 'ArgList':
      return checkArguments(node)
    case 'Comment':
      return /\\\n\s*$/.test(text.slice(0, from).slice(-200))
        ? 'a comment follows a continuation ("\\")'
        : undefined
    default:
      return undefined
  }
}

/** The statements of a block stand below each other; those of the file have no indent. */
function checkIndents(node: SyntaxNode, text: string, { starts, lineOf }: Lines): SyntaxProblem | undefined {
  let indent = node.name === 'Script' ? '' : undefined
  for (const child of childrenOf(node)) {
    if (child.name === ':' || child.type.isError) continue
    const lead = text.slice(starts[lineOf(child.from) - 1], child.from)
    // Behind a colon, on one line.
    if (/\S/.test(lead)) continue
    // A form feed begins a line anew.
    const own = lead.replace(/^.*\f/, '')
    if (indent === undefined) indent = own
    else if (own !== indent)
      return { line: lineOf(child.from), reason: 'its indentation differs from that of its block' }
  }
  return undefined
}

/** Names between commas, each perhaps with an alias; after `from ... import` without dots. */
function checkImport(node: SyntaxNode): string | undefined {
  const children = childrenOf(node)
  const start = children.findIndex(({ name }) => name === 'import')
  const names = children
    .slice(start + 1)
    .map(({ name }) => (name === 'VariableName' ? 'x' : name))
    .join(' ')
  const single = children[0]?.name === 'from' ? 'x(?: as x)?' : 'x(?: \\. x)*(?: as x)?'
  const list = `${single}(?: , ${single})*`
  const right = new RegExp(
    children[0]?.name === 'from' ? `^(?:\\*|${list}|\\( ${list}(?: ,)? \\))$` : `^${list}$`,
  )
  return right.test(names) ? undefined : 'an import is not valid Python'
}

/** What has a name stands behind what has none. */
function checkArguments(node: SyntaxNode): string | undefined {
  const children = childrenOf(node)
  let named = false
  for (const [i, child] of children.entries()) {
    if (child.name === 'AssignOp') named = true
    const begins =
      ['(', ','].includes(children[i - 1]?.name ?? '') && ![')', ',', '*', '**'].includes(child.name)
    if (begins && named && children[i + 1]?.name !== 'AssignOp')
      return 'a positional argument follows a keyword argument'
  }
  return undefined
}

const TARGETS: ReadonlySet<string> = new Set([
  'VariableName',
  'MemberExpression',
  'ParenthesizedExpression',
  'TupleExpression',
  'ArrayExpression',
])

function checkTargets(node: SyntaxNode, text: string): string | undefined {
  const children = childrenOf(node)
  const last = children.findLastIndex(({ name }) => name === 'AssignOp' || name === 'UpdateOp')
  const typed = children.findIndex(({ name }) => name === 'TypeDef')
  if (
    typed > 1 ||
    (typed === 1 &&
      (children.filter(({ name }) => name === 'AssignOp').length > 1 ||
        /^(?:Tuple|Array)/.test(children[0]?.name ?? '')))
  )
    return 'only a single name can be annotated'
  for (const side of [children.slice(0, Math.max(last, 1)), children.slice(last + 1)]) {
    if (side.some(({ name }) => name === '*') && !side.some(({ name }) => name === ','))
      return 'a star expression outside a list'
  }
  for (const child of children.slice(0, Math.max(last, 1))) {
    if ([',', '*', 'AssignOp', 'TypeDef', '(', ')', '[', ']'].includes(child.name)) continue
    if (!TARGETS.has(child.name))
      return `${JSON.stringify(text.slice(child.from, Math.min(child.to, child.from + 40)))} cannot be assigned to`
    if (child.name === 'VariableName' && text.slice(child.from, child.to) === '__debug__')
      return '"__debug__" cannot be assigned to'
    if (
      node.name === 'UpdateStatement' &&
      child.name !== 'VariableName' &&
      child.name !== 'MemberExpression' &&
      child.name !== 'ParenthesizedExpression'
    )
      return 'only a single name can be updated'
    if (child.name !== 'MemberExpression') {
      const inner = child.firstChild ? checkInner(child, text) : undefined
      if (inner) return inner
    }
  }
  return undefined
}

function checkInner(node: SyntaxNode, text: string): string | undefined {
  for (const child of childrenOf(node)) {
    if ([',', '*', '(', ')', '[', ']'].includes(child.name)) continue
    if (!TARGETS.has(child.name))
      return `${JSON.stringify(text.slice(child.from, Math.min(child.to, child.from + 40)))} cannot be assigned to`
    const inner = child.name !== 'MemberExpression' && child.firstChild ? checkInner(child, text) : undefined
    if (inner) return inner
  }
  return undefined
}

function inFunction(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.name === 'FunctionDefinition' || at.name === 'LambdaExpression') return true
    if (at.name === 'ClassDefinition') return false
  }
  return false
}

function isBytes(text: string, { from }: SyntaxNode): boolean {
  return /^[rR]?[bB]/.test(text.slice(from, from + 2))
}

function reasonOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof NotPython) return error.message
    if (error instanceof NotData) return undefined
    throw error
  }
}

function refuse(reason: string): never {
  throw new NotPython(reason)
}
