import type { Evaluator } from './expression.ts'
import type { SyntaxNode } from './syntax/node.ts'
import { setListItem } from './values/item.ts'
import { operate } from './values/operators.ts'
import { iterate, NotData, type PyValue, setItem } from './values/value.ts'

const SEPARATORS: ReadonlySet<string> = new Set([',', '(', ')', '[', ']'])

/** Binds a name to a value. */
export type Bind = (name: string, value: PyValue, statement: SyntaxNode) => void

/** Carries out assignments: plain, chained, unpacked, annotated, augmented, and of items. */
export class Assigner {
  readonly #evaluator: Evaluator
  readonly #text: string
  readonly #bindName: Bind

  constructor(evaluator: Evaluator, text: string, bind: Bind) {
    this.#evaluator = evaluator
    this.#text = text
    this.#bindName = bind
  }

  /** `A = B = value`. @throws NotData for what is not followed. */
  assign(node: SyntaxNode): void {
    const parts = node.children
    const signs = parts.flatMap(({ name }, i) => (name === 'AssignOp' ? [i] : []))
    const last = signs.at(-1)
    // `A: int` declares and sets nothing.
    if (last === undefined) return
    const value = this.#right(parts.slice(last + 1))
    for (const [i, end] of signs.entries()) {
      const targets = parts
        .slice(i === 0 ? 0 : (signs[i - 1] ?? 0) + 1, end)
        .filter(({ name }) => name !== 'TypeDef')
      this.#bindAll(targets, value, node)
    }
  }

  /** `A += value`. @throws NotData for what is not followed. */
  update(node: SyntaxNode): void {
    const [target, sign, ...right] = node.children
    if (!target) return
    const before = this.#evaluator.evaluate(target)
    const value = this.#right(right)
    const operator = this.#textOf(sign).slice(0, -1)
    // What is added to a list in place may be anything that has members.
    const operand: PyValue =
      operator === '+' && before.type === 'list' && value.type !== 'list'
        ? { type: 'list', items: iterate(value) }
        : value
    const after = operate(operator, before, operand)
    // Lists, dicts and sets are changed where they are, so under all their names.
    if (before.type === 'list' && after.type === 'list')
      before.items.splice(0, before.items.length, ...after.items)
    else if (before.type === 'dict' && after.type === 'dict')
      for (const [key, item] of after.entries.values()) setItem(before, key, item)
    else if (before.type === 'set' && after.type === 'set') {
      before.items.clear()
      for (const [key, item] of after.items) before.items.set(key, item)
    } else this.#bind(target, after, node)
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
    if (values.length !== names.length)
      throw new NotData(`${values.length} values are unpacked to ${names.length} names (ValueError)`)
    names.forEach((name, i) => {
      this.#bind(name, values[i] as PyValue, statement) // as many as there are names
    })
  }

  #bind(target: SyntaxNode, value: PyValue, statement: SyntaxNode): void {
    const inner = target.children
    switch (target.name) {
      case 'VariableName':
        this.#bindName(this.#textOf(target).normalize('NFKC'), value, statement)
        break
      case 'MemberExpression':
        this.#setMember(inner, value)
        break
      case 'ParenthesizedExpression':
        this.#bindAll(
          inner.filter(({ name }) => !SEPARATORS.has(name)),
          value,
          statement,
        )
        break
      case 'TupleExpression':
      case 'ArrayExpression':
        this.#bindAll(inner, value, statement)
        break
      default:
        throw new NotData('its target is not supported')
    }
  }

  #setMember([object, sign, index, ...rest]: readonly SyntaxNode[], value: PyValue): void {
    if (!object || !index || sign?.name !== '[' || rest.length !== 1)
      throw new NotData('an attribute or a slice is set')
    const container = this.#evaluator.evaluate(object)
    const key = this.#evaluator.evaluate(index)
    if (container.type === 'dict') setItem(container, key, value)
    else if (container.type === 'list') setListItem(container, key, value)
    else throw new NotData(`an item of a ${container.type} is set`)
  }

  #textOf(node: SyntaxNode | undefined): string {
    return node ? this.#text.slice(node.from, node.to) : ''
  }
}
