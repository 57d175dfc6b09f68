import type { SyntaxNode } from '../python/syntax/node.ts'
import type { Place } from './place.ts'
import {
  dottedSetting,
  importedNames,
  packageOf,
  type SettingsBinding,
  settingsBinding,
} from './python-imports.ts'
import { lastName, textOf } from './python-names.ts'
import type { Knowledge, PythonFile, SettingUse } from './setting-use.ts'

/** A setting by its namespace and name; the name `*` stands for any setting of the namespace. */
export interface SettingName {
  readonly namespace: string
  readonly name: string
}

/** Functions of Python that take a module and the name of a member. */
const BUILTINS: ReadonlySet<string> = new Set(['getattr', 'hasattr', 'setattr', 'vars', 'dir'])

/** Which names and expressions of a file stand for settings, or for the module that holds them. */
export class SettingsNames {
  readonly #file: PythonFile
  readonly #attributes: Knowledge['attributes']

  constructor(file: PythonFile, { attributes }: Knowledge) {
    this.#file = file
    this.#attributes = attributes
  }

  /** The namespace whose settings module a value is. */
  moduleOf(node: SyntaxNode | undefined, { bindings }: Place): string | undefined {
    const { text } = this.#file
    const binding = node?.name === 'VariableName' ? bindings.get(textOf(node, text)) : undefined
    if (binding) return binding.kind === 'module' ? binding.namespace : undefined
    return node?.name === 'MemberExpression' && node.children[1]?.name === '.'
      ? this.#attributes.get(lastName(node, text))
      : undefined
  }

  /** The setting that a member of the settings module is. */
  settingOf(node: SyntaxNode, place: Place): SettingName | undefined {
    const { text } = this.#file
    const [object, dot, property] = node.children
    if (node.name !== 'MemberExpression' || dot?.name !== '.' || !object || !property) return undefined
    const module = this.moduleOf(object, place)
    if (module !== undefined) return { namespace: module, name: textOf(property, text) }
    return dottedSetting(textOf(node, text))
  }

  /** The setting that `getattr`, `hasattr` and the like of the module of settings name. */
  readByName(called: string, [object, name]: readonly SyntaxNode[], place: Place): SettingName | undefined {
    const namespace = this.moduleOf(object, place)
    if (namespace === undefined || !BUILTINS.has(called)) return undefined
    const literal = name?.name === 'String' ? textOf(name, this.#file.text) : ''
    return { namespace, name: /^(['"])([A-Za-z_]\w*)\1$/.exec(literal)?.[2] ?? '*' }
  }

  /** The setting, or the module of settings, that a name stands for. */
  named(node: SyntaxNode, { bindings }: Place): (SettingName & Pick<SettingUse, 'importedAs'>) | undefined {
    const name = textOf(node, this.#file.text)
    const found = bindings.get(name)
    if (found?.kind === 'setting') return { ...found, importedAs: found.name === name ? 'same' : 'other' }
    if (found?.kind === 'module') return { namespace: found.namespace, name: '*', importedAs: undefined }
    const star = bindings.get('*')
    return star?.kind === 'star' ? { namespace: star.namespace, name, importedAs: 'same' } : undefined
  }

  /** The bindings of the imports among statements, also within `if` and `try`, over those around. */
  bindingsIn(
    statements: readonly SyntaxNode[],
    around: ReadonlyMap<string, SettingsBinding> = new Map(),
  ): Map<string, SettingsBinding> {
    const found = new Map(around)
    const { namespace, path, text } = this.#file
    const home = [packageOf(namespace), ...path.split('/').slice(0, -1)].join('.')
    const pending = [...statements]
    for (let node = pending.pop(); node; node = pending.pop()) {
      if (node.name === 'ImportStatement')
        for (const imported of importedNames(node, text, home)) {
          const binding = settingsBinding(imported)
          if (binding) found.set(imported.local, binding)
        }
      else if (/Statement$|^Body$|^StatementGroup$/.test(node.name)) pending.push(...node.children)
    }
    return found
  }
}
