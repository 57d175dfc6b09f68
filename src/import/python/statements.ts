import { type SyntaxNode, visit } from './syntax/node.ts'

/*
 * What a statement may do to names, told without running it.
 */

const NAMED: ReadonlySet<string> = new Set(['FunctionDefinition', 'ClassDefinition'])

/** Every name that stands anywhere in a statement. */
export function mentionedNames(node: SyntaxNode, text: string): Set<string> {
  return collect(node, text, ({ name }) => name === 'VariableName')
}

/**
 * The names that a statement, or one inside it, sets or deletes: assigned, looped over and, with `code`,
 * imported or defined. Not those inside functions, which are their own.
 */
export function assignedNames(
  node: SyntaxNode,
  text: string,
  { code = true }: { readonly code?: boolean } = {},
): Set<string> {
  const names = new Set<string>()
  visit(node, one => {
    if (!code && one.name === 'ImportStatement') return false
    if (NAMED.has(one.name)) {
      if (!code) return one.name !== 'FunctionDefinition'
      const own = one.child('VariableName')
      if (own) names.add(text.slice(own.from, own.to))
      return one.name !== 'FunctionDefinition'
    }
    for (const target of targetsOf(one))
      for (const name of mentionedNames(target, text)) names.add(name.normalize('NFKC'))
    return true
  })
  return names
}

/** The names that functions declare `global`: a call may set them. */
export function globalNames(node: SyntaxNode, text: string): Set<string> {
  const names = new Set<string>()
  visit(node, one => {
    if (one.name === 'ScopeStatement' && one.children[0]?.name === 'global')
      for (const name of mentionedNames(one, text)) names.add(name)
    return true
  })
  return names
}

/** True when something in it is called, and so may do anything to what it can reach. */
export function hasCall(node: SyntaxNode): boolean {
  let found = false
  visit(node, ({ name }) => {
    found ||= name === 'CallExpression' || name === 'Decorator'
    return !found
  })
  return found
}

function targetsOf(node: SyntaxNode): readonly SyntaxNode[] {
  const children = node.children
  const until = (sign: string): SyntaxNode[] =>
    children.slice(
      0,
      Math.max(
        0,
        children.findLastIndex(({ name }) => name === sign),
      ),
    )
  switch (node.name) {
    case 'AssignStatement':
      return until('AssignOp').filter(({ name }) => name !== 'TypeDef')
    case 'UpdateStatement':
      return children.slice(0, 1)
    case 'ForStatement': {
      const end = children.findIndex(({ name }) => name === 'in')
      return children.slice(0, end)
    }
    case 'NamedExpression':
      return children.slice(0, 1)
    case 'TypeDefinition':
      return children.slice(1, 2)
    case 'CapturePattern':
    case 'DeleteStatement':
      return children
    case 'WithStatement':
    case 'TryStatement':
      return children.filter((_, i) => children[i - 1]?.name === 'as')
    case 'ImportStatement':
      return importedNames(node).map(({ as }) => as)
    default:
      return []
  }
}

/** One name that an import brings: what it is called there and here. */
export interface Imported {
  readonly module: readonly SyntaxNode[]
  readonly name: SyntaxNode | undefined
  readonly as: SyntaxNode
}

/** What an import statement brings; nothing for `import *`. */
export function importedNames(node: SyntaxNode): Imported[] {
  const children = node.children.filter(({ name }) => name !== '(' && name !== ')')
  const from = children[0]?.name === 'from'
  const start = children.findIndex(({ name }) => name === 'import')
  const module = from ? children.slice(1, start) : []
  const found: Imported[] = []
  let group: SyntaxNode[] = []
  const finish = (): void => {
    const alias = group.findIndex(({ name }) => name === 'as')
    const path = alias < 0 ? group : group.slice(0, alias)
    const as = alias < 0 ? path[0] : group[alias + 1]
    if (as && as.name === 'VariableName')
      found.push(
        from
          ? { module, name: path[0], as }
          : { module: alias < 0 ? path.slice(0, 1) : path, name: undefined, as },
      )
    group = []
  }
  for (const child of children.slice(start + 1)) {
    if (child.name === ',') finish()
    else group.push(child)
  }
  finish()
  return found
}

function collect(node: SyntaxNode, text: string, wanted: (node: SyntaxNode) => boolean): Set<string> {
  const names = new Set<string>()
  visit(node, one => {
    if (wanted(one)) names.add(text.slice(one.from, one.to).normalize('NFKC'))
    return true
  })
  return names
}
