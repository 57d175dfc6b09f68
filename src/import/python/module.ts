import { Assigner } from './assign.ts'
import { Evaluator } from './expression.ts'
import { assignedNames, globalNames, hasCall, importedNames, mentionedNames } from './statements.ts'
import type { Lines } from './syntax/lines.ts'
import type { SyntaxNode } from './syntax/node.ts'
import { gather, NotData, NotPython, type PyValue } from './values/value.ts'

/*
 * The statements of a file, one after the other, as Python would run them: but only those that bind names to
 * data. Of any other it is only seen which names it may touch, and those are no longer known. Invariant: a
 * name that is told to have a value has that value in Python.
 */

/** What a name is bound to when the file has been read. `statement` is the one that bound it. */
export type Binding = { readonly statement: SyntaxNode } & (
  | { readonly kind: 'value'; readonly value: PyValue }
  /** It may be a setting, but what it is shows only when the file runs. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly at: SyntaxNode }
  /** A function, a class, a module or something of one. */
  | { readonly kind: 'code'; readonly path: string }
)

/** A finding that belongs to no name. */
export interface Remark {
  readonly at: SyntaxNode
  readonly reason: string
}

export interface Module {
  readonly bindings: ReadonlyMap<string, Binding>
  readonly remarks: readonly Remark[]
}

/** Reads all statements of a file. @throws NotPython for what Python would refuse the whole file for. */
export function readModule(
  script: SyntaxNode,
  text: string,
  lines: Lines,
  environment: (name: string) => string | undefined,
): Module {
  return new ModuleReader(text, lines, environment).read(script)
}

class ModuleReader {
  readonly #text: string
  readonly #lines: Lines
  readonly #bindings = new Map<string, Binding>()
  readonly #remarks: Remark[] = []
  readonly #assigner: Assigner

  constructor(text: string, lines: Lines, environment: (name: string) => string | undefined) {
    this.#text = text
    this.#lines = lines
    const evaluator = new Evaluator({ text, lookup: name => this.#lookup(name), environment })
    this.#assigner = new Assigner(evaluator, text, (name, value, statement) =>
      this.#bindings.set(name, { kind: 'value', value, statement }),
    )
  }

  read(script: SyntaxNode): Module {
    for (const child of script.children) {
      const statements =
        child.name === 'StatementGroup' ? child.children.filter(({ name }) => name !== ';') : [child]
      for (const statement of statements) this.#statement(statement)
    }
    for (const name of globalNames(script, this.#text)) {
      if (this.#bindings.get(name)?.kind === 'value')
        this.#forget(name, script, 'a function of the file may assign it ("global")')
    }
    return { bindings: this.#bindings, remarks: this.#remarks }
  }

  #statement(node: SyntaxNode): void {
    switch (node.name) {
      case 'AssignStatement':
        this.#try(node, () => this.#assigner.assign(node))
        break
      case 'UpdateStatement':
        this.#try(node, () => this.#assigner.update(node))
        break
      case 'DeleteStatement':
        this.#try(node, () => this.#delete(node))
        break
      case 'ImportStatement':
        this.#import(node)
        break
      case 'FunctionDefinition':
      case 'ClassDefinition':
      case 'DecoratedStatement':
        this.#define(node)
        break
      case 'ExpressionStatement':
        this.#expression(node)
        break
      case 'PassStatement':
      case 'ScopeStatement':
        break
      default:
        this.#other(node)
    }
  }

  /** What cannot be followed makes its names unknown, and all that it may have touched. */
  #try(node: SyntaxNode, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (error instanceof NotPython || !(error instanceof NotData)) throw error
      if (hasCall(node)) this.#suspect(node, 'may change it')
      for (const name of assignedNames(node, this.#text)) this.#forget(name, node, error.message)
    }
  }

  #delete(node: SyntaxNode): void {
    for (const target of node.children.slice(1)) {
      if (target.name === ',') continue
      if (target.name !== 'VariableName') throw new NotData('it uses "del" on an attribute or item')
      this.#bindings.delete(this.#nameOf(target))
    }
  }

  #import(node: SyntaxNode): void {
    for (const { module, name, as } of importedNames(node)) {
      const path = [
        ...module.map(part => this.#textOf(part)),
        ...(name ? ['.', this.#textOf(name)] : []),
      ].join('')
      this.#bindings.set(this.#nameOf(as), { kind: 'code', path, statement: node })
    }
    if (node.children.some(({ name }) => name === '*'))
      this.#remarks.push({ at: node, reason: 'names of "import *" are not in this file' })
  }

  #define(node: SyntaxNode): void {
    for (const name of assignedNames(node, this.#text)) {
      if (node.name !== 'ClassDefinition' || name === this.#textOf(node.child('VariableName')))
        this.#bindings.set(name, { kind: 'code', path: name, statement: node })
    }
    // The body of a function waits for its call; decorators, defaults and the body of a class do not.
    if (node.name !== 'FunctionDefinition') this.#suspect(node, 'may change it')
  }

  /** A text or a value that stands alone says or does nothing; a call may do anything. */
  #expression(node: SyntaxNode): void {
    if (!hasCall(node)) return
    const touched = this.#suspect(node, 'may change it')
    if (!touched)
      this.#remarks.push({ at: node, reason: `${quote(this.#textOf(node))} is code and was not executed` })
  }

  /** A block: what it sets, it may or may not set. */
  #other(node: SyntaxNode): void {
    const what = (BLOCKS[node.name] ?? 'a statement of this kind').replace(/^/, 'it is assigned inside ')
    this.#suspect(node, 'may change it')
    const set = assignedNames(node, this.#text, { code: false })
    for (const name of assignedNames(node, this.#text)) {
      if (set.has(name) || this.#bindings.has(name))
        this.#forget(name, node, `${what}, so its value is known only at run time`)
      else this.#bindings.set(name, { kind: 'code', path: name, statement: node })
    }
  }

  /**
   * Lists, dicts and sets that are mentioned may have been changed, under any of their names. True when there
   * were any.
   */
  #suspect(node: SyntaxNode, does: string): boolean {
    const mentioned = new Set<PyValue>()
    const seen = new Set<string>()
    const mention = (where: SyntaxNode): void => {
      for (const name of mentionedNames(where, this.#text)) {
        if (seen.has(name)) continue
        seen.add(name)
        const binding = this.#bindings.get(name)
        if (binding?.kind === 'value') gather(binding.value, mentioned)
        // A function of the file reaches what its body mentions.
        else if (binding?.kind === 'code' && binding.statement.name !== 'ImportStatement')
          mention(binding.statement)
      }
    }
    mention(node)
    if (mentioned.size === 0) return false
    for (const [name, binding] of this.#bindings) {
      if (binding.kind !== 'value') continue
      const own = new Set<PyValue>()
      gather(binding.value, own)
      if ([...own].some(one => mentioned.has(one)))
        this.#forget(
          name,
          binding.statement,
          `${quote(this.#textOf(node))} in line ${this.#lines.lineOf(node.from)} ${does}`,
          node,
        )
    }
    return true
  }

  #forget(name: string, statement: SyntaxNode, reason: string, at = statement): void {
    this.#bindings.set(name, { kind: 'unknown', reason, statement, at })
  }

  #lookup(name: string): PyValue | undefined {
    const binding = this.#bindings.get(name)
    if (!binding) return undefined
    if (binding.kind === 'value') return binding.value
    if (binding.kind === 'code') return { type: 'foreign', path: binding.path }
    throw new NotData(`it needs "${name}", which could not be read`)
  }

  #nameOf(node: SyntaxNode): string {
    return this.#textOf(node).normalize('NFKC')
  }

  #textOf(node: SyntaxNode | undefined): string {
    return node ? this.#text.slice(node.from, node.to) : ''
  }
}

const BLOCKS: Readonly<Record<string, string>> = {
  IfStatement: 'an "if"',
  ForStatement: 'a loop',
  WhileStatement: 'a loop',
  TryStatement: 'a "try"',
  WithStatement: 'a "with"',
  MatchStatement: 'a "match"',
}

function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 57)}...` : line)
}
