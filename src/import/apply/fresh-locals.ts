import { type SyntaxNode, visit } from '../python/syntax/node.ts'

/** Displays and comprehensions make a new container. */
const DISPLAY = /^(Array|Dictionary|Set|Tuple)(Comprehension)?Expression$/
/** Calls that make a new container. */
const MAKES_ONE = /^(dict|list|set|defaultdict|OrderedDict|deque|deepcopy|copy)\(|\.(deepcopy|copy)\(/

/**
 * The local variables of a function that only ever hold containers made in it: what is put into them goes no
 * further than they do.
 */
export function freshLocals(body: readonly SyntaxNode[], text: string): ReadonlySet<string> {
  const fresh = new Set<string>()
  const other = new Set<string>()
  for (const statement of body)
    visit(statement, node => {
      if (node.name === 'FunctionDefinition' || node.name === 'ClassDefinition') return false
      if (node.name === 'AssignStatement') {
        const at = node.children.findLastIndex(({ name }) => name === 'AssignOp')
        const value = node.children[at + 1]
        const isFresh =
          value !== undefined &&
          node.children.length === at + 2 &&
          (DISPLAY.test(value.name) ||
            (value.name === 'CallExpression' && MAKES_ONE.test(text.slice(value.from, value.to))))
        for (const { name, from, to } of node.children.slice(0, Math.max(at, 0)))
          if (name === 'VariableName') (isFresh ? fresh : other).add(text.slice(from, to))
      } else if (node.name === 'ForStatement' || node.name === 'WithStatement') {
        const head = node.children.filter(({ name }) => name !== 'Body')
        for (const { name, from, to } of head) if (name === 'VariableName') other.add(text.slice(from, to))
      }
      return true
    })
  for (const name of other) fresh.delete(name)
  return fresh
}
