import type { SyntaxNode } from '../python/syntax/node.ts'

export function textOf(node: SyntaxNode | undefined, text: string): string {
  return node ? text.slice(node.from, node.to) : ''
}

/** `b` of `a.b` and of `a.b(c)`; empty for anything without a name at its end. */
export function lastName(node: SyntaxNode | undefined, text: string): string {
  if (node?.name === 'CallExpression') return lastName(node.children[0], text)
  const last = node?.name === 'MemberExpression' ? node.children.at(-1) : node
  return last && /^(PropertyName|VariableName)$/.test(last.name) ? textOf(last, text) : ''
}

/** The names among nodes and their parts. */
export function namesIn(nodes: readonly SyntaxNode[], text: string): readonly string[] {
  const all = nodes.flatMap(node => [node, ...node.children])
  return all.flatMap(node => (node.name === 'VariableName' ? [textOf(node, text)] : []))
}
