import type { SyntaxNode, Tree } from '@lezer/common'
import { parser } from '@lezer/python'

/** The children of a node but for comments, which may stand anywhere. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling)
    if (child.name !== 'Comment') children.push(child)
  return children
}

/** The lines of a text: where each starts, and which one an offset is in, from 1. */
export interface Lines {
  readonly starts: readonly number[]
  lineOf(offset: number): number
}

export function findLines(text: string): Lines {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return {
    starts,
    lineOf(offset) {
      let [low, high] = [0, starts.length]
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if ((starts[middle] ?? 0) <= offset) low = middle
        else high = middle
      }
      return low + 1
    },
  }
}

/** How often a text is parsed anew: behind a dot that the grammar stumbled over it may miss the next one. */
const MOST_PASSES = 8

/**
 * The tree of a Python text. The grammar takes the dot of `5.` for the access to a member: such a dot is read
 * as a digit, so that the tree has a number there; the text that nodes are read from is the original one.
 */
export function parseTree(text: string): Tree {
  let read = text
  for (let pass = 1; ; pass++) {
    const tree = parser.parse(read)
    const dots: number[] = []
    tree.iterate({
      enter({ name, from, to }) {
        if (name === 'Number' && read[to] === '.' && /^\d[\d_]*$/.test(read.slice(from, to))) dots.push(to)
      },
    })
    if (dots.length === 0 || pass === MOST_PASSES) return tree
    const signs = read.split('')
    for (const dot of dots) signs[dot] = '0'
    read = signs.join('')
  }
}
