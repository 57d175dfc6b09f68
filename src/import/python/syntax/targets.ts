import type { SyntaxNode } from './node.ts'
import { rejectAt } from './tokens.ts'

/*
 * What may be assigned to: names, attributes, items, and lists of those.
 */

const SIGNS: ReadonlySet<string> = new Set([',', '(', ')', '[', ']', '*'])
const LISTS: ReadonlySet<string> = new Set(['TupleExpression', 'ArrayExpression'])

/** Rejects nodes that are not targets of an assignment or a loop; `text` is the file. */
export function checkTargets(nodes: readonly SyntaxNode[], text: string): void {
  const stars = nodes.filter(({ name }) => name === '*')
  const listed = nodes.some(({ name }) => name === ',' || name === '[')
  if (stars[0] && !listed) rejectAt(stars[0].from, 'a star expression outside a list')
  if (stars[1]) rejectAt(stars[1].from, 'two star expressions in one assignment')
  for (const node of nodes) if (!SIGNS.has(node.name)) checkTarget(node, text)
}

function checkTarget(node: SyntaxNode, text: string): void {
  if (LISTS.has(node.name)) checkTargets(node.children, text)
  else if (node.name === 'ParenthesizedExpression')
    for (const child of node.children.slice(1, -1)) checkTarget(child, text)
  else checkSingleTarget(node, text)
}

/** Rejects a node that is not a name, an attribute or an item: all that can be annotated or updated. */
export function checkSingleTarget(node: SyntaxNode | undefined, text: string): void {
  if (node?.name === 'MemberExpression') return
  const shown = node ? text.slice(node.from, Math.min(node.to, node.from + 40)) : ''
  if (node?.name !== 'VariableName' || shown === '__debug__')
    rejectAt(node?.from ?? 0, `${JSON.stringify(shown)} cannot be assigned to`)
}

/** Rejects nodes that `del` cannot delete. */
export function checkDeleted(nodes: readonly SyntaxNode[], text: string): void {
  for (const node of nodes) {
    if (node.name === '*') rejectAt(node.from, 'a star expression outside a list')
    if (SIGNS.has(node.name)) continue
    if (LISTS.has(node.name) || node.name === 'ParenthesizedExpression') checkDeleted(node.children, text)
    else checkSingleTarget(node, text)
  }
}
