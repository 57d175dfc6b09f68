import type { SyntaxNode } from '@lezer/common'
import { Evaluator, itemOf, type Scope } from './expression.ts'
import { isNumeric, toBigInt } from './numbers.ts'
import { operate } from './operators.ts'
import { assignedNames, globalNames, hasCall, importedNames, mentionedNames } from './statements.ts'
import { childrenOf, type Lines } from './tree.ts'
import { iterate, NotData, NotPython, type PyValue, setItem } from './value.ts'

/*
 * The statements of a file, one after the other, as Python would run them: but only those that bind names to data. Of any other it is only seen which names
 * it may touch, and those are no longer known. Invariant: a name that is told to have a value has that value in Python.
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
export function readModule(script: SyntaxNode, text: string, lines: Lines, environment: (name: string) => string | undefined): Module {
  return new ModuleReader(text, lines, environment).read(script)
}

class ModuleReader {
  readonly #text: string
  readonly #lines: Lines
  readonly #bindings = new Map<string, Binding>()
  readonly #remarks: Remark[] = []
  readonly #evaluator: Evaluator

  constructor(text: string, lines: Lines, environment: (name: string) => string | undefined) {
    this.#text = text
    this.#lines = lines
    const scope: Scope = { text, lookup: name => this.#lookup(name), environment }
    this.#evaluator = new Evaluator(scope)
  }

  read(script: SyntaxNode): Module {
    for (const child of childrenOf(script)) {
      const statements = child.name === 'StatementGroup' ? childrenOf(child).filter(({ name }) => name !== ';') : [child]
      for (const statement of statements) this.#statement(statement)
    }
    for (const name of globalNames(script, this.#text)) {
      if (this.#bindings.get(name)?.kind === 'value') this.#forget(name, script, 'a function of the file may set it ("global")')
    }
    return { bindings: this.#bindings, remarks: this.#remarks }
  }

  #statement(node: SyntaxNode): void {
    switch (node.name) {
      case 'AssignStatement':
        this.#try(node, () => this.#assign(node))
        break
      case 'UpdateStatement':
        this.#try(node, () => this.#update(node))
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

  #assign(node: SyntaxNode): void {
    const parts = childrenOf(node)
    const signs = parts.flatMap(({ name }, i) => (name === 'AssignOp' ? [i] : []))
    const last = signs.at(-1)
    // `A: int` declares and sets nothing.
    if (last === undefined) return
    const right = parts.slice(last + 1)
    const value = this.#right(right)
    for (const [i, end] of signs.entries()) {
      const targets = parts.slice(i === 0 ? 0 : (signs[i - 1] ?? 0) + 1, end).filter(({ name }) => name !== 'TypeDef')
      this.#bindAll(targets, value, node)
    }
  }

  #right(nodes: readonly SyntaxNode[]): PyValue {
    const [first] = nodes
    if (nodes.length === 1 && first) return this.#evaluator.evaluate(first)
    return { type: 'tuple', items: this.#evaluator.evaluateItems(nodes) }
  }

  #bindAll(targets: readonly SyntaxNode[], value: PyValue, statement: SyntaxNode): void {
    const [first] = targets
    if (targets.length === 1 && first) {
      this.#bind(first, value, statement)
      return
    }
    const names = targets.filter(({ name }) => !SEPARATORS.has(name))
    if (names.some(({ name }) => name === '*')) throw new NotData('it unpacks with *')
    const values = iterate(value)
    if (values.length !== names.length) throw new NotData(`${values.length} values are unpacked to ${names.length} names (ValueError)`)
    names.forEach((name, i) => {
      this.#bind(name, values[i] as PyValue, statement) // as many as there are names
    })
  }

  #bind(target: SyntaxNode, value: PyValue, statement: SyntaxNode): void {
    if (target.name === 'VariableName') this.#bindings.set(this.#nameOf(target), { kind: 'value', value, statement })
    else if (target.name === 'MemberExpression') this.#setMember(target, value)
    else if (target.name === 'ParenthesizedExpression' || target.name === 'TupleExpression' || target.name === 'ArrayExpression')
      this.#bindAll(
        childrenOf(target).filter(({ name }) => target.name !== 'ParenthesizedExpression' || !SEPARATORS.has(name)),
        value,
        statement,
      )
    else throw new NotData('its target is not followed')
  }

  #setMember(target: SyntaxNode, value: PyValue): void {
    const [object, sign, index, ...rest] = childrenOf(target)
    if (!object || !index || sign?.name !== '[' || rest.length !== 1) throw new NotData('an attribute or a slice is set')
    const container = this.#evaluator.evaluate(object)
    const key = this.#evaluator.evaluate(index)
    if (container.type === 'dict') {
      setItem(container, key, value)
      return
    }
    if (container.type !== 'list' || !isNumeric(key)) throw new NotData(`an item of a ${container.type} is set`)
    itemOf(container, key)
    const at = toBigInt(key)
    container.items[Number(at < 0n ? at + BigInt(container.items.length) : at)] = value
  }

  #update(node: SyntaxNode): void {
    const [target, sign, ...right] = childrenOf(node)
    if (!target) return
    const before = this.#evaluator.evaluate(target)
    const value = this.#right(right)
    const operator = this.#textOf(sign).slice(0, -1)
    // What is added to a list in place may be anything that has members.
    const operand = operator === '+' && before.type === 'list' && value.type !== 'list' ? listOf(value) : value
    const after = operate(operator, before, operand)
    // Lists, dicts and sets are changed where they are, so under all their names.
    if (before.type === 'list' && after.type === 'list') before.items.splice(0, before.items.length, ...after.items)
    else if (before.type === 'dict' && after.type === 'dict') for (const [key, item] of after.entries.values()) setItem(before, key, item)
    else if (before.type === 'set' && after.type === 'set') {
      before.items.clear()
      for (const [key, item] of after.items) before.items.set(key, item)
    } else this.#bind(target, after, node)
  }

  #delete(node: SyntaxNode): void {
    for (const target of childrenOf(node).slice(1)) {
      if (target.name === ',') continue
      if (target.name !== 'VariableName') throw new NotData('"del" of a part of it')
      this.#bindings.delete(this.#nameOf(target))
    }
  }

  #import(node: SyntaxNode): void {
    for (const { module, name, as } of importedNames(node)) {
      const path = [...module.map(part => this.#textOf(part)), ...(name ? ['.', this.#textOf(name)] : [])].join('')
      this.#bindings.set(this.#nameOf(as), { kind: 'code', path, statement: node })
    }
    if (childrenOf(node).some(({ name }) => name === '*')) this.#remarks.push({ at: node, reason: 'what "import *" brings is not in this file' })
  }

  #define(node: SyntaxNode): void {
    for (const name of assignedNames(node, this.#text)) {
      if (node.name !== 'ClassDefinition' || name === this.#textOf(node.getChild('VariableName')))
        this.#bindings.set(name, { kind: 'code', path: name, statement: node })
    }
    // The body of a function waits for its call; decorators, defaults and the body of a class do not.
    if (node.name !== 'FunctionDefinition') this.#suspect(node, 'may change it')
  }

  /** A text or a value that stands alone says or does nothing; a call may do anything. */
  #expression(node: SyntaxNode): void {
    if (!hasCall(node)) return
    const touched = this.#suspect(node, 'may change it')
    if (!touched) this.#remarks.push({ at: node, reason: `${quote(this.#textOf(node))} is code: it is not run` })
  }

  /** A block: what it sets, it may or may not set. */
  #other(node: SyntaxNode): void {
    const what = (BLOCKS[node.name] ?? 'a statement of this kind').replace(/^/, 'it is set inside ')
    this.#suspect(node, 'may change it')
    const set = assignedNames(node, this.#text, { code: false })
    for (const name of assignedNames(node, this.#text)) {
      if (set.has(name) || this.#bindings.has(name)) this.#forget(name, node, `${what}, so it shows only when the file runs`)
      else this.#bindings.set(name, { kind: 'code', path: name, statement: node })
    }
  }

  /** Lists, dicts and sets that are mentioned may have been changed, under any of their names. True when there were any. */
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
        else if (binding?.kind === 'code' && binding.statement.name !== 'ImportStatement') mention(binding.statement)
      }
    }
    mention(node)
    if (mentioned.size === 0) return false
    for (const [name, binding] of this.#bindings) {
      if (binding.kind !== 'value') continue
      const own = new Set<PyValue>()
      gather(binding.value, own)
      if ([...own].some(one => mentioned.has(one)))
        this.#forget(name, binding.statement, `${quote(this.#textOf(node))} in line ${this.#lines.lineOf(node.from)} ${does}`, node)
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

  #textOf(node: SyntaxNode | null | undefined): string {
    return node ? this.#text.slice(node.from, node.to) : ''
  }
}

const SEPARATORS: ReadonlySet<string> = new Set([',', '(', ')', '[', ']'])

const BLOCKS: Readonly<Record<string, string>> = {
  IfStatement: 'an "if"',
  ForStatement: 'a loop',
  WhileStatement: 'a loop',
  TryStatement: 'a "try"',
  WithStatement: 'a "with"',
  MatchStatement: 'a "match"',
}

/** Every list, dict and set that a value holds, itself too. */
function gather(value: PyValue, into: Set<PyValue>): void {
  if (into.has(value)) return
  if (value.type === 'list' || value.type === 'tuple') {
    if (value.type === 'list') into.add(value)
    for (const item of value.items) gather(item, into)
  } else if (value.type === 'set') into.add(value)
  else if (value.type === 'dict') {
    into.add(value)
    for (const [, item] of value.entries.values()) gather(item, into)
  }
}

function listOf(value: PyValue): PyValue {
  return { type: 'list', items: iterate(value) }
}

function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 57)}...` : line)
}
