import { type Argument, callBuiltin, callMethod, FOREIGN } from './builtins.ts'
import { nameKind } from './kinds.ts'
import { readFormatString, readString } from './strings.ts'
import type { SyntaxNode } from './syntax/node.ts'
import { itemOf } from './values/item.ts'
import { readNumber } from './values/numbers.ts'
import { compare, operate, operateUnary } from './values/operators.ts'
import { joinTexts } from './values/text.ts'
import {
  isTrue,
  iterate,
  lengthOf,
  NONE,
  NotData,
  NotPython,
  type PyDict,
  type PyValue,
  pyBool,
  pyList,
  pySet,
  pyText,
  pyTuple,
  setItem,
} from './values/value.ts'

/** What an expression may look at. */
export interface Scope {
  readonly text: string
  /**
   * The value of a name; undefined for one that the file does not define.
   * @throws NotData for one whose value is not known.
   */
  lookup(name: string): PyValue | undefined
  /** A variable of the environment that the file asks for. */
  environment(name: string): string | undefined
}

/** An expression in an expression in ... */
const MOST_DEPTH = 200
/** The longest chain of operators that CPython 3.11 compiles. */
const MOST_OPERATORS = 2_990
/** Values copied in one file: `B = A + A`, thousands of times. */
const MOST_WORK = 2_000_000

const COMPARISONS: ReadonlySet<string> = new Set([
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'not in',
  'is',
  'is not',
])
const BRACKETS: ReadonlySet<string> = new Set(['(', ')', '[', ']', '{', '}'])

/**
 * Evaluates expressions of literals, names of other settings, operators and a few functions, as Python would.
 * Nothing is executed.
 */
export class Evaluator {
  readonly #scope: Scope
  #depth = 0
  #work = 0

  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** @throws NotData saying why it is no data. */
  evaluate(node: SyntaxNode): PyValue {
    if (++this.#depth > MOST_DEPTH) {
      this.#depth--
      throw new NotData(`it nests deeper than ${MOST_DEPTH} levels`)
    }
    try {
      return this.#weigh(this.#value(node))
    } finally {
      this.#depth--
    }
  }

  /** The values of a list of expressions between commas, with `*` unpacked. */
  evaluateItems(nodes: readonly SyntaxNode[]): PyValue[] {
    const items: PyValue[] = []
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]
      if (!node || node.name === ',' || BRACKETS.has(node.name)) continue
      if (node.name !== '*') items.push(this.evaluate(node))
      else for (const one of iterate(this.#operand(nodes[++i]))) items.push(one)
      if (items.length > MOST_WORK) throw new NotData('it unpacks too many values')
    }
    return items
  }

  #value(node: SyntaxNode): PyValue {
    const children = node.children
    switch (node.name) {
      case 'Number':
        return readNumber(this.#textOf(node)) ?? notPython('a number is not valid Python')
      case 'String':
        return readString(this.#textOf(node))
      case 'FormatString':
        return readFormatString(node, this.#textOf(node), part => this.evaluate(part))
      case 'ContinuedString':
        return joinTexts(children.map(child => this.evaluate(child)))
      case 'Boolean':
        return pyBool(this.#textOf(node) === 'True')
      case 'None':
        return NONE
      case 'VariableName':
        return this.#name(node)
      case 'ParenthesizedExpression':
        return this.evaluate(only(children))
      case 'TupleExpression':
        return pyTuple(this.evaluateItems(children))
      case 'ArrayExpression':
        return pyList(this.evaluateItems(children))
      case 'SetExpression':
        return pySet('set', this.evaluateItems(children))
      case 'DictionaryExpression':
        return this.#dict(children)
      case 'UnaryExpression':
        return operateUnary(this.#textOf(children[0]), this.#operand(children[1]))
      case 'BinaryExpression':
        return this.#binary(node)
      case 'ConditionalExpression':
        return this.evaluate(
          isTrue(this.#operand(children[2])) ? this.#node(children[0]) : this.#node(children[4]),
        )
      case 'MemberExpression':
        return this.#member(children)
      case 'CallExpression':
        return this.#call(children)
      default:
        throw new NotData(`${nameKind(node.name)} is code, not data`)
    }
  }

  #name(node: SyntaxNode): PyValue {
    const name = this.#textOf(node).normalize('NFKC')
    const value = this.#scope.lookup(name)
    if (value) return value
    if (FOREIGN.has(name)) return { type: 'foreign', path: name }
    throw new NotData(`the name "${name}" is not defined above`)
  }

  #dict(children: readonly SyntaxNode[]): PyValue {
    const dict: PyDict = { type: 'dict', entries: new Map() }
    const nodes = children.filter(({ name }) => name !== ',' && !BRACKETS.has(name))
    for (let i = 0; i < nodes.length; ) {
      if (nodes[i]?.name === '**') {
        const other = this.#operand(nodes[i + 1])
        if (other.type !== 'dict') throw new NotData(`** unpacks a ${other.type}`)
        for (const [key, value] of this.#weigh(other).entries.values()) setItem(dict, key, value)
        i += 2
      } else if (nodes[i + 1]?.name === ':') {
        setItem(dict, this.#operand(nodes[i]), this.#operand(nodes[i + 2]))
        i += 3
      } else throw new NotData('a dict comprehension is code, not data')
    }
    return dict
  }

  /** A chain of operators, from the left: as long as CPython takes one, so without a recursion. */
  #binary(node: SyntaxNode): PyValue {
    const chain: SyntaxNode[] = []
    let left: SyntaxNode = node
    for (; left.name === 'BinaryExpression'; left = this.#node(left.children[0])) {
      chain.push(left)
      if (chain.length > MOST_OPERATORS) throw new NotData(`it nests deeper than ${MOST_OPERATORS} levels`)
    }
    let value = this.evaluate(left)
    for (const one of chain.reverse()) value = this.#weigh(this.#operate(one, value))
    return value
  }

  /** One operator of a chain, whose left side has that value. */
  #operate(node: SyntaxNode, left: PyValue): PyValue {
    const sign = this.#signOf(node)
    const right = node.children.at(-1)
    if (sign === 'and' || sign === 'or') return isTrue(left) === (sign === 'or') ? left : this.#operand(right)
    if (!COMPARISONS.has(sign)) return operate(sign, left, this.#operand(right))
    // `a < b < c` compares twice; its tree looks like a comparison of a comparison.
    const [first] = node.children
    if (first?.name === 'BinaryExpression' && COMPARISONS.has(this.#signOf(first)))
      throw new NotData('chained comparisons are not supported')
    return compare(sign, left, this.#operand(right))
  }

  #signOf({ children }: SyntaxNode): string {
    return children
      .slice(1, -1)
      .map(one => this.#textOf(one))
      .join(' ')
  }

  #member([object, sign, ...rest]: readonly SyntaxNode[]): PyValue {
    const value = this.#operand(object)
    if (sign?.name === '.') {
      const path = value.type === 'foreign' ? `${value.path}.${this.#textOf(rest[0])}` : ''
      if (path !== '') return { type: 'foreign', path }
      throw new NotData(`".${this.#textOf(rest[0])}" of a ${value.type} is code, not data`)
    }
    const inner = rest.filter(({ name }) => name !== ']')
    if (inner.length !== 1) throw new NotData('slices are not supported')
    const key = this.#operand(inner[0])
    if (value.type === 'foreign' && value.path === 'os.environ' && key.type === 'str') {
      const found = this.#scope.environment(key.value)
      if (found === undefined)
        throw new NotData(`the variable ${key.value} is not in the environment and has no default`)
      return pyText('str', found)
    }
    return itemOf(value, key)
  }

  #call([callee, list]: readonly SyntaxNode[]): PyValue {
    const args = (): Argument[] => (list ? this.#arguments(list) : [])
    const called = this.#node(callee).children
    if (callee?.name === 'MemberExpression' && called[1]?.name === '.') {
      const object = this.#operand(called[0])
      if (object.type !== 'foreign') return callMethod(object, this.#textOf(called[2]), args())
      return callBuiltin(`${object.path}.${this.#textOf(called[2])}`, args, this.#scope)
    }
    const name = this.#textOf(callee)
    if (callee?.name !== 'VariableName')
      throw new NotData(`the call of ${name.slice(0, 80)} is code, not data`)
    const known = this.#scope.lookup(name.normalize('NFKC'))
    if (known && known.type !== 'foreign') throw new NotData(`it calls a ${known.type} (TypeError)`)
    return callBuiltin(known ? known.path : name, args, this.#scope)
  }

  /** Positional ones, and those by name. */
  #arguments(list: SyntaxNode): Argument[] {
    const nodes = list.children.filter(({ name }) => name !== '(' && name !== ')')
    const args: Argument[] = []
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]
      if (!node || node.name === ',') continue
      if (node.name === '*' || node.name === '**') throw new NotData('a call unpacks its arguments')
      if (nodes[i + 1]?.name === 'AssignOp') {
        args.push({ name: this.#textOf(node), value: this.#operand(nodes[i + 2]) })
        i += 2
      } else if (nodes[i + 1] && nodes[i + 1]?.name !== ',')
        throw new NotData('a comprehension is code, not data')
      else args.push({ value: this.evaluate(node) })
    }
    return args
  }

  #weigh<Value extends PyValue>(value: Value): Value {
    if ('items' in value || 'entries' in value) this.#work += lengthOf(value)
    if (this.#work > MOST_WORK) throw new NotData('the file exceeds the limit of computation')
    return value
  }

  #operand(node: SyntaxNode | undefined): PyValue {
    return this.evaluate(this.#node(node))
  }

  #node(node: SyntaxNode | undefined): SyntaxNode {
    return node ?? refuse('a part of it is missing')
  }

  #textOf(node: SyntaxNode | undefined): string {
    return node ? this.#scope.text.slice(node.from, node.to) : ''
  }
}

function only(children: readonly SyntaxNode[]): SyntaxNode {
  const inner = children.filter(({ name }) => !BRACKETS.has(name))
  return inner.length === 1 && inner[0] ? inner[0] : refuse('an expression of this kind is code, not data')
}

function refuse(reason: string): never {
  throw new NotData(reason)
}

function notPython(reason: string): never {
  throw new NotPython(reason)
}
