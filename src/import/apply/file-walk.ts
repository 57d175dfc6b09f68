import { findLines, type Lines } from '../python/syntax/lines.ts'
import type { SyntaxNode } from '../python/syntax/node.ts'
import { freshLocals } from './fresh-locals.ts'
import { boundBy, escapeOf, NOTHING_KEPT, type Place } from './place.ts'
import { keepsArguments, startsOnce } from './python-calls.ts'
import { createFunction, type PythonFunction } from './python-function.ts'
import { lastName, namesIn, textOf } from './python-names.ts'
import { addTo, type Knowledge, mapIn, type PythonFile, type SettingUse } from './setting-use.ts'
import { type SettingName, SettingsNames } from './settings-names.ts'

/**
 * One walk through a file: it collects uses and functions, and adds to what is known of the NApp. Iterative,
 * because a tree is as deep as a chain of operators is long.
 */
export class FileWalk {
  readonly #file: PythonFile
  readonly #text: string
  readonly #lines: Lines
  readonly #knowledge: Knowledge
  readonly #names: SettingsNames
  readonly #uses: SettingUse[] = []
  readonly #functions: PythonFunction[] = []
  readonly #pending: { readonly node: SyntaxNode; readonly place: Place }[] = []

  constructor(file: PythonFile, knowledge: Knowledge) {
    this.#file = file
    this.#text = file.text
    this.#lines = findLines(file.text)
    this.#knowledge = knowledge
    this.#names = new SettingsNames(file, knowledge)
  }

  run(): { readonly uses: readonly SettingUse[]; readonly functions: readonly PythonFunction[] } {
    const { script, path } = this.#file
    const within = this.#addFunction(createFunction(path, [], true))
    const bindings = this.#names.bindingsIn(script.children)
    const around = { within, key: path, bindings, fresh: new Set<string>(), atImport: 'module' } as const
    this.#push(script.children, { ...around, ...NOTHING_KEPT, inLoop: false, isLoopInterval: false })
    for (let next = this.#pending.pop(); next; next = this.#pending.pop()) this.#visit(next.node, next.place)
    return { uses: this.#uses, functions: this.#functions }
  }

  #visit(node: SyntaxNode, place: Place): void {
    const { children } = node
    switch (node.name) {
      case 'ImportStatement':
        break
      case 'DecoratedStatement':
        this.#decorated(node, place)
        break
      case 'FunctionDefinition':
        this.#function(node, [], place)
        break
      case 'ClassDefinition':
        this.#class(node, place)
        break
      case 'AssignStatement':
      case 'UpdateStatement':
      case 'NamedExpression':
        this.#assignment(node, place)
        break
      case 'ForStatement':
      case 'WithStatement':
        this.#binding(node, place)
        break
      case 'WhileStatement':
        this.#while(node, place)
        break
      case 'ReturnStatement':
      case 'YieldExpression':
        this.#push(children, { ...place, isReturned: true })
        break
      case 'ScopeStatement':
        for (const name of namesIn(children, this.#text)) place.within.globals.add(name)
        break
      case 'CallExpression':
        this.#call(node, place)
        break
      case 'MemberExpression':
        this.#member(node, place)
        break
      case 'VariableName':
        this.#variable(node, place)
        break
      case 'ExpressionStatement':
        this.#push(children, { ...place, ...NOTHING_KEPT })
        break
      default:
        this.#push(children, place)
    }
  }

  #decorated(node: SyntaxNode, place: Place): void {
    const decorators = node.children.filter(({ name }) => name === 'Decorator')
    const atImport = place.atImport && 'decorator'
    for (const { children } of decorators) this.#push(children, { ...place, ...NOTHING_KEPT, atImport })
    const names = decorators.map(({ children: [, expression] }) => lastName(expression, this.#text))
    const inner = node.children.at(-1)
    if (inner?.name === 'FunctionDefinition') this.#function(inner, names, place)
    else if (inner) this.#class(inner, place)
  }

  #function(node: SyntaxNode, decorators: readonly string[], place: Place): void {
    const within = this.#addFunction(
      createFunction(textOf(node.child('VariableName'), this.#text), decorators),
    )
    const body = node.child('Body')?.children ?? []
    const bindings = this.#names.bindingsIn(body, place.bindings)
    const parameters = node.child('ParamList')?.children ?? []
    for (const [i, one] of parameters.entries()) {
      if (one.name !== 'AssignOp') continue
      const value = parameters[i + 1]
      const parameter = parameters.slice(0, i).findLast(({ name }) => name === 'VariableName')
      const namespace = this.#names.moduleOf(value, place)
      // A parameter whose default is the module of the settings stands for it.
      if (namespace !== undefined) bindings.set(textOf(parameter, this.#text), { kind: 'module', namespace })
      else if (value)
        this.#push([value], { ...place, ...NOTHING_KEPT, atImport: place.atImport && 'default' })
    }
    const key = `${this.#file.path}:${node.from}`
    const inside = { within, key, bindings, fresh: freshLocals(body, this.#text), atImport: undefined }
    this.#push(body, { ...inside, ...NOTHING_KEPT, inLoop: false, isLoopInterval: false })
  }

  #class(node: SyntaxNode, place: Place): void {
    const bases = node.child('ArgList')?.children ?? []
    const body = node.child('Body')?.children ?? []
    this.#push([...bases, ...body], { ...place, ...NOTHING_KEPT, atImport: place.atImport && 'class' })
  }

  /** A value that goes to variables, attributes or items. */
  #assignment(node: SyntaxNode, place: Place): void {
    const { children } = node
    const last = children.findLastIndex(({ name }) => name === 'AssignOp' || name === 'UpdateOp')
    const targets = children.slice(0, Math.max(last, 0))
    const values = children.slice(last + 1)
    const module = values.length === 1 ? this.#names.moduleOf(values[0], place) : undefined
    for (const target of targets) {
      if (target.name !== 'MemberExpression') continue
      const assigned = this.#names.settingOf(target, place)
      if (assigned) this.#use(assigned, target, place, { isAssigned: true })
      else if (module !== undefined) this.#knowledge.attributes.set(lastName(target, this.#text), module)
      // What an index reads is looked up and not kept.
      this.#push(target.children.slice(1), { ...place, ...NOTHING_KEPT })
    }
    if (module !== undefined) return
    const escapes = targets.map(target => escapeOf(target, place, this.#text))
    const furthest = (['elsewhere', 'global', 'self'] as const).find(one => escapes.includes(one))
    const own = node.name === 'NamedExpression' ? place.escape : 'none'
    const binds = targets.flatMap(target => boundBy(target, place, this.#text))
    const to = { escape: furthest ?? own, binds: [...place.binds, ...binds], isReturned: false }
    this.#push(values, { ...place, ...to })
  }

  /** A loop or a `with`, whose variables have values made of what it reads. */
  #binding(node: SyntaxNode, place: Place): void {
    const { children } = node
    const isLoop = node.name === 'ForStatement'
    const at = children.findIndex(({ name }) => name === (isLoop ? 'in' : 'as'))
    const around = { ...place, ...NOTHING_KEPT }
    const head = children.filter(({ name }) => name !== 'Body')
    const variables = isLoop ? children.slice(0, at) : at < 0 ? [] : children.slice(at, at + 2)
    this.#push(isLoop ? head.slice(at + 1) : head, { ...around, binds: namesIn(variables, this.#text) })
    this.#push(
      children.filter(({ name }) => name === 'Body'),
      around,
    )
  }

  #while(node: SyntaxNode, place: Place): void {
    const [, test, body, ...rest] = node.children
    const around = { ...place, ...NOTHING_KEPT }
    const isEndless = /^(True|1)$/.test(textOf(test, this.#text))
    if (test) this.#push([test], around)
    if (body) this.#push([body], { ...around, inLoop: place.inLoop || isEndless })
    this.#push(rest, around)
  }

  #call(node: SyntaxNode, place: Place): void {
    const [callee, list] = node.children
    const values = (list?.children ?? []).filter(({ name }) => !['(', ')', ','].includes(name))
    const called = lastName(callee, this.#text)
    place.within.calls.add(called)
    const builtin = this.#names.readByName(called, values, place)
    if (builtin) {
      this.#use(builtin, node, place, { isAssigned: called === 'setattr' })
      this.#push(values.slice(2), place)
      return
    }
    for (const key of this.#knowledge.returns.get(called) ?? []) this.#useKey(key, node, place)
    const method = callee?.name === 'MemberExpression' ? callee : undefined
    // The object of a method is evaluated; its name is not an attribute that is read.
    if (method) this.#push(method.children.slice(0, 1), place)
    const keeps = method && keepsArguments(called) ? method : undefined
    const goesTo = keeps ? escapeOf(keeps, place, this.#text) : place.escape
    const binds = keeps ? [...place.binds, ...boundBy(keeps, place, this.#text)] : place.binds
    const handed = startsOnce(called) ? place.within.startsOnce : place.within.handsOver
    for (const [i, value] of values.entries()) {
      // The name of a keyword argument.
      if (values[i + 1]?.name === 'AssignOp') continue
      if (/^(VariableName|MemberExpression)$/.test(value.name)) handed.add(lastName(value, this.#text))
      const isLoopInterval = called === 'execute_as_loop' && i === 0
      this.#push([value], { ...place, escape: goesTo, binds, isLoopInterval })
    }
  }

  #member(node: SyntaxNode, place: Place): void {
    const setting = this.#names.settingOf(node, place)
    if (setting) {
      this.#use(setting, node, place)
      return
    }
    const name = lastName(node, this.#text)
    place.within.attributes.add(name)
    for (const key of this.#knowledge.returns.get(name) ?? []) this.#useKey(key, node, place)
    this.#push(node.children, place)
  }

  #variable(node: SyntaxNode, place: Place): void {
    const found = this.#names.named(node, place)
    if (found) this.#use(found, node, place, { importedAs: found.importedAs })
    const locals = this.#knowledge.locals.get(place.key)?.get(textOf(node, this.#text)) ?? []
    for (const key of locals) this.#useKey(key, node, place)
  }

  /** A use of a setting by a value that was made of it. */
  #useKey(key: string, node: SyntaxNode, place: Place): void {
    const [namespace = '', name = ''] = key.split(' ')
    this.#use({ namespace, name }, node, place)
  }

  #use(
    { namespace, name }: SettingName,
    node: SyntaxNode,
    place: Place,
    { importedAs, isAssigned = false }: Partial<Pick<SettingUse, 'importedAs' | 'isAssigned'>> = {},
  ): void {
    const { within, escape: goesTo, isLoopInterval, inLoop, atImport } = place
    const line = this.#lines.lineOf(node.from)
    const about = { namespace, name, file: this.#file, line, within, importedAs, isAssigned, atImport }
    this.#uses.push({ ...about, escape: goesTo, isLoopInterval, inLoop })
    if (within.isModule) return
    const key = `${namespace} ${name}`
    for (const local of place.binds) addTo(mapIn(this.#knowledge.locals, place.key), local, key)
    if (place.isReturned) addTo(this.#knowledge.returns, within.name, key)
  }

  #addFunction(one: PythonFunction): PythonFunction {
    this.#functions.push(one)
    return one
  }

  #push(nodes: readonly SyntaxNode[], place: Place): void {
    for (const node of nodes) this.#pending.push({ node, place })
  }
}
