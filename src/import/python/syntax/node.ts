/**
 * One node of a Python syntax tree: its kind, its place in the text and its parts in order. Operators, keywords
 * and brackets are nodes too, named as they are written. Comments are in no tree.
 */
export class SyntaxNode {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly children: readonly SyntaxNode[]
  #parent: SyntaxNode | undefined
  #index = 0

  constructor(name: string, from: number, to: number, children: readonly SyntaxNode[] = []) {
    this.name = name
    this.from = from
    this.to = to
    this.children = children
    for (const [index, child] of children.entries()) {
      child.#parent = this
      child.#index = index
    }
  }

  get nextSibling(): SyntaxNode | undefined {
    return this.#parent?.children[this.#index + 1]
  }

  /** The first part of that kind. */
  child(name: string): SyntaxNode | undefined {
    return this.children.find(child => child.name === name)
  }
}

/**
 * Visits a node and its descendants in the order of the text; `enter` returns false to skip the descendants.
 * Iterative, because a tree is as deep as a chain of operators is long.
 */
export function visit(node: SyntaxNode, enter: (node: SyntaxNode) => boolean): void {
  const pending = [node]
  for (let next = pending.pop(); next; next = pending.pop())
    if (enter(next))
      for (let i = next.children.length; i-- > 0; ) pending.push(next.children[i] as SyntaxNode) // in bounds
}
